package appliance

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
)

// reconciler holds what is so and what was decided of it. Whoever learns a fact
// calls update: the decision is made on that goroutine and handed on at once,
// so that a cable that is pulled takes one step to the loop.
type reconciler struct {
	log     *slog.Logger
	apply   func(desired.Plan) // hands the groups to the loop; must not block
	now     func() time.Time
	gen     atomic.Uint64         // decisions made: a witness for the hardware watchdog
	record  func(chronicle.Entry) // must not block
	mu      sync.Mutex
	in      desired.Inputs   // its maps are changed in place
	plan    desired.Plan     // as well
	gates   map[any][]string // that look at a fact of in.Settings
	checks  []health.Check   // of in.Settings; never changed in place
	since   map[string]time.Time
	wake    *time.Timer
	wakes   time.Time // when; zero: never
	stopped bool
}

func newReconciler(log *slog.Logger, s *settings.Settings, apply func(desired.Plan)) *reconciler {
	return &reconciler{log: log, apply: apply, now: time.Now, record: func(chronicle.Entry) {}, since: map[string]time.Time{},
		in: desired.Inputs{Settings: s, Up: map[netip.Addr]bool{}, Files: map[string]desired.Sight{}, Checks: map[health.Check]health.Standing{},
			Manual: map[string]desired.Manual{}}}
}

// update changes what is known and decides on everything anew.
func (r *reconciler) update(change func(*desired.Inputs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	told, changes := r.decide(change)
	r.settle(told, changes)
}

// configure is update with a configuration, which changes more than the plan: post
// hands both to the loop, and must not block.
func (r *reconciler) configure(change func(*desired.Inputs), post func(desired.Plan)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, changes := r.decide(change)
	post(r.plan)
	r.settle(false, changes)
}

// decide is called with mu held. It says whether neighbors are told something else
// than before, or why.
func (r *reconciler) decide(change func(*desired.Inputs)) (told bool, changes []desired.Change) {
	before := r.in.Settings
	if change(&r.in); r.gates == nil || r.in.Settings != before {
		r.gates, r.checks = desired.Facts(r.in.Settings), r.in.Settings.Checks()
	}
	r.in.Now = r.now()
	plan, old := desired.Compute(r.in), r.plan
	r.plan = plan
	for name := range old.Groups {
		if _, ok := plan.Groups[name]; !ok {
			delete(r.since, name)
		}
	}
	return !plan.Same(old), plan.Since(old)
}

// learn changes what is known of one fact (see desired.Fact), and decides on the
// gates that look at it: there may be ten thousand checks, and each of them tells
// when it changes.
func (r *reconciler) learn(fact any, change func(*desired.Inputs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.in)
	r.renew(r.gates[fact])
}

// said is learn of what somebody said by hand of groups.
func (r *reconciler) said(groups []string, change func(*desired.Inputs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.in)
	r.renew(groups)
}

// found is learn of files. That none has changed shows that the reconciler lives,
// and is all that is to be done.
func (r *reconciler) found(files map[string]desired.Sight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var gates []string
	for path, sight := range files {
		if r.gates[desired.File(path)] == nil {
			continue // a reload has come meanwhile, and nobody asks for it any more
		}
		if was, known := r.in.Files[path]; !known || was != sight {
			r.in.Files[path] = sight
			gates = append(gates, r.gates[desired.File(path)]...)
		}
	}
	r.renew(gates)
}

// heard is learn of all routes of neighbors. It is called on the loop.
func (r *reconciler) heard(routes map[settings.From]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.in.Learned
	var gates []string
	for _, known := range []map[settings.From]bool{was, routes} {
		for f := range known {
			if another(was, routes, f) {
				gates = append(gates, r.gates[f]...)
			}
		}
	}
	r.in.Learned = routes
	r.renew(gates)
}

// another says whether something else is known of a key.
func another[K comparable](old, now map[K]bool, k K) bool {
	a, was := old[k]
	b, is := now[k]
	return a != b || was != is
}

// renew is called with mu held.
func (r *reconciler) renew(gates []string) {
	if r.gates == nil {
		return // nothing was decided yet
	}
	r.in.Now = r.now()
	verdict, rest := r.plan.Verdict, r.plan.Rest
	changes := r.plan.Renew(r.in, gates)
	told := verdict != r.plan.Verdict || !rest.Tells(r.plan.Rest) ||
		slices.ContainsFunc(changes, func(c desired.Change) bool { return !c.Known || !c.New.Tells(c.Old) })
	r.settle(told, changes)
}

// settle is called with mu held, when the plan is another.
func (r *reconciler) settle(told bool, changes []desired.Change) {
	if told {
		r.apply(r.plan) // before it is written down: the wire does not wait for a log
	}
	for i := range changes {
		r.note(&changes[i])
	}
	r.in.Memory = r.plan.Memory
	r.gen.Add(1)
	r.sleepUntil(r.plan.Again)
}

// sleepUntil decides again when time alone will have changed something.
func (r *reconciler) sleepUntil(t time.Time) {
	if r.wakes.Equal(t) {
		return
	}
	if r.wake != nil {
		r.wake.Stop()
	}
	if r.wakes = t; !t.IsZero() && !r.stopped {
		r.wake = time.AfterFunc(t.Sub(r.in.Now), r.again)
	}
}

// again is called by the timer.
func (r *reconciler) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakes = time.Time{}
	r.renew(nil)
}

// note logs and remembers a change, if it is one of more than the reason, which
// "explain" tells; but that there is one for a gate that stays as it is, is one too.
func (r *reconciler) note(c *desired.Change) {
	s, none := c.New, desired.Reason{}
	moved := !c.Known || !s.Tells(c.Old) || s.Rung != c.Old.Rung || (s.Reason == none) != (c.Old.Reason == none)
	switch {
	case !moved && s.Suspect == c.Old.Suspect, c.Group == "" && !c.Known && s.Rung == "":
		return
	case moved:
		r.since[c.Group] = r.in.Now
		r.log.Info("gate", "gate", c.Group, "on", s.On, rung(s), "cause", cause(s))
	}
	if s.Suspect != "" && s.Suspect != c.Old.Suspect {
		r.log.Warn("gate", "gate", c.Group, "suspect", s.Suspect)
	}
	r.record(recordGate(r.in.Now, c.Group, s))
}

// rung is how a state is told, for the log; nothing at the top.
func rung(s desired.State) slog.Attr {
	if s.Rung == "" {
		return slog.Attr{}
	}
	return slog.Group("", "rung", s.Rung, "degrade", s.Degrade.String())
}

func cause(s desired.State) string {
	switch {
	case s.Reason != desired.Reason{}:
		return s.Reason.String()
	case s.Forced:
		return "announced by hand"
	}
	return "all conditions hold"
}

// look is a copy of what is known and decided.
func (r *reconciler) look() (desired.Inputs, desired.Plan, map[string]time.Time) {
	in, plan, since := r.decided()
	in.Checks = r.standings()
	return in, plan, since
}

// decided is look without the checks, of which there may be ten thousand.
func (r *reconciler) decided() (desired.Inputs, desired.Plan, map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.in
	in.Up, in.Files, in.Units = maps.Clone(in.Up), maps.Clone(in.Files), maps.Clone(in.Units)
	in.Manual, in.Checks, in.Memory = maps.Clone(in.Manual), nil, nil // Learned is another map each time
	return in, r.plan.Clone(), maps.Clone(r.since)
}

// copyAtOnce bounds how many checks are copied while no fact can come in.
const copyAtOnce = 64

// standings is how all checks stand, each at its own moment: who asks must not
// hold up a withdraw.
func (r *reconciler) standings() map[health.Check]health.Standing {
	r.mu.Lock()
	checks := r.checks
	r.mu.Unlock()
	all := make(map[health.Check]health.Standing, len(checks))
	var got [copyAtOnce]health.Standing
	for some := range slices.Chunk(checks, copyAtOnce) {
		r.mu.Lock()
		for i := range some {
			got[i] = r.in.Checks[some[i]]
		}
		r.mu.Unlock()
		for i := range some {
			if got[i] != (health.Standing{}) { // it has told of itself
				all[some[i]] = got[i]
			}
		}
	}
	return all
}

// verdict says whether every gate has had its first.
func (r *reconciler) verdict() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.Verdict
}

// stop ends the timer; updates still decide.
func (r *reconciler) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.sleepUntil(time.Time{})
}
