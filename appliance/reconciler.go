package appliance

import (
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
)

// reconciler holds what is so and what was decided of it. Whoever learns a fact
// calls update: the decision is made on that goroutine and handed on at once,
// so that a cable that is pulled takes one step to the loop.
type reconciler struct {
	log     *slog.Logger
	apply   func(desired.Plan) // hands the groups to the loop; must not block
	now     func() time.Time
	gen     atomic.Uint64 // decisions made: a witness for the hardware watchdog
	wake    *time.Timer
	mu      sync.Mutex
	in      desired.Inputs
	plan    desired.Plan
	since   map[string]time.Time
	history []HistoryEntry
	stopped bool
}

// historyLen is how many changes are kept for "explain".
const historyLen = 256

func newReconciler(log *slog.Logger, s *settings.Settings, apply func(desired.Plan)) *reconciler {
	return &reconciler{log: log, apply: apply, now: time.Now, since: map[string]time.Time{},
		in: desired.Inputs{Settings: s}}
}

// update changes what is known and decides anew.
func (r *reconciler) update(change func(*desired.Inputs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.in)
	r.decide()
}

// decide is called with mu held.
func (r *reconciler) decide() {
	r.in.Now = r.now()
	plan := desired.Compute(r.in)
	r.in.Held, r.in.Failed = plan.Held, plan.Failed
	if !plan.Same(r.plan) {
		r.apply(plan) // before it is written down: the wire does not wait for a log
	}
	r.note(plan)
	r.plan = plan
	r.gen.Add(1)
	r.sleepUntil(plan.Again)
}

// sleepUntil decides again when time alone will have changed something.
func (r *reconciler) sleepUntil(t time.Time) {
	if r.wake != nil {
		r.wake.Stop()
		r.wake = nil
	}
	if !t.IsZero() && !r.stopped {
		r.wake = time.AfterFunc(t.Sub(r.in.Now), func() { r.update(func(*desired.Inputs) {}) })
	}
}

// note logs and remembers what differs from the last plan.
func (r *reconciler) note(plan desired.Plan) {
	for _, name := range slices.Sorted(maps.Keys(plan.Groups)) {
		s := plan.Groups[name]
		old, known := r.plan.Groups[name]
		if known && old.On == s.On && old.Forced == s.Forced {
			continue // the same for another reason: "explain" tells
		}
		r.since[name] = r.in.Now
		r.remember(HistoryEntry{At: r.in.Now, Group: name, On: s.On, Cause: cause(s)})
		r.log.Info("gate", "name", name, "on", s.On, "cause", cause(s))
	}
	for name := range r.plan.Groups {
		if _, ok := plan.Groups[name]; !ok {
			delete(r.since, name)
		}
	}
}

func (r *reconciler) remember(h HistoryEntry) {
	if len(r.history) >= historyLen {
		r.history = slices.Delete(r.history, 0, len(r.history)-historyLen+1)
	}
	r.history = append(r.history, h)
}

func cause(s desired.State) string {
	switch {
	case s.Forced:
		return "announced by hand"
	case s.On:
		return "all conditions hold"
	}
	return s.Reason.String()
}

// look is a copy of what is known and decided.
func (r *reconciler) look() (desired.Inputs, desired.Plan, map[string]time.Time, []HistoryEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in, r.plan, maps.Clone(r.since), slices.Clone(r.history)
}

// stop ends the timer; updates still decide.
func (r *reconciler) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.sleepUntil(time.Time{})
}

// files looks for the files that gates name, as they are now.
func files(s *settings.Settings) map[string]bool {
	found := map[string]bool{}
	for _, g := range s.Gates {
		for _, c := range g.Conditions {
			if c.Kind == settings.FileAbsent {
				_, err := os.Stat(c.Path)
				found[c.Path] = err == nil
			}
		}
	}
	return found
}
