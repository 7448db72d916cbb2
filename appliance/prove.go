package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/generation"
	"holdfast/appliance/settings"
	"holdfast/appliance/verdict"
	"holdfast/bgp/speaker"
)

// How often a change that is tried is looked at, and how often it is written down
// at most how the box stands.
const (
	lookAtTrial = 250 * time.Millisecond
	saveFacts   = time.Minute
)

// watch looks after changes: what is tried is kept or rolled back.
func (d *Daemon) watch(ctx context.Context) error {
	for {
		wait := lookIdle
		if d.step(d.changes.now()) {
			wait = lookAtTrial
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// step looks at what is being tried, and says whether that goes on.
func (d *Daemon) step(now time.Time) bool {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.ends() {
		return false
	}
	if c.trial == nil {
		if now.Sub(c.saved.at) >= saveFacts {
			d.save(d.facts(c.work.loaded, nil))
		}
		return false
	}
	facts := d.facts(c.work.loaded, c.good.loaded)
	switch c.trial.Step(now, facts) {
	case verdict.Proven:
		d.prove()
		d.save(facts)
	case verdict.Failed:
		d.sessionErrors(facts)
		d.rollBack(verdict.Judge(c.trial.Before, facts))
	}
	c.publish()
	return c.trial != nil
}

// prove keeps what is at work as the last good one.
func (d *Daemon) prove() {
	c := d.changes
	err := c.end(&c.work, generation.Good, "")
	c.good, c.refuse, c.recover = c.work, nil, recovery{}
	c.finish(Outcome{State: Kept, Generation: c.work.Number})
	if err != nil {
		d.log.Error("configuration: it is good, and that could not be written down", "error", err)
	}
	d.log.Info("configuration kept", "is", c.work.String(), "digest", c.work.Digest)
}

// rollBack has the last good one be at work again. The wire comes first, then the
// disk: a start in between would try once more.
func (d *Daemon) rollBack(missing []string) {
	c := d.changes
	bad, o := c.work, Outcome{State: RolledBack, Generation: c.work.Number, Why: strings.Join(missing, "; "), Places: missing}
	d.log.Error("configuration rolled back", "was", bad.String(), "why", o.Why, "is", c.good.String())
	err := d.work(c.good.loaded)
	if errors.Is(err, errStopping) {
		return // the next start tries once more
	}
	if err != nil {
		d.log.Error("configuration: the last good one", "error", err)
	}
	c.work = c.good
	c.recover = recovery{before: c.trial.Before, until: c.now().Add(settings.DefaultConfirm)}
	if err := c.end(&bad, generation.Rejected, o.Why); err != nil {
		d.log.Error("configuration: that it was rolled back could not be written down", "error", err)
	}
	c.finish(o)
	c.refused(bad.Source, bad.Digest, o)
}

// before is how the box stood at the last good moment: now, unless something is
// being tried, or what was tried has only just gone, or the box has only just begun.
func (d *Daemon) before(next *Loaded) verdict.Facts {
	c := d.changes
	if c.trial != nil {
		return c.trial.Before
	}
	return c.recovered(d.facts(c.work.loaded, next))
}

// recovered is how the box stands, and how it is only about to stand again.
func (c *changes) recovered(now verdict.Facts) verdict.Facts {
	if c.now().Before(c.recover.until) && len(verdict.Judge(c.recover.before, now)) > 0 {
		return now.Or(c.recover.before)
	}
	return now
}

// factsNow is how the box stands.
func (d *Daemon) factsNow() verdict.Facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.facts(d.loaded, nil)
}

// facts is how the box stands with what is at work; management links are those of
// another configuration too.
func (d *Daemon) facts(work, other *Loaded) verdict.Facts {
	in, plan, _ := d.reconciler.look()
	f := verdict.Facts{Sessions: map[string]verdict.Session{}, Links: map[string]bool{}, Gates: map[string]verdict.Gate{}}
	for i := range work.Config.Neighbors {
		if n := &work.Config.Neighbors[i]; n.Peer.IsSingleIP() { // who is of a range comes and goes
			f.Sessions[n.Peer.Addr().String()] = verdict.Session{Up: in.Up[n.Peer.Addr()]}
		}
	}
	management := work.Settings.Management
	if other != nil {
		management = slices.Concat(management, other.Settings.Management)
	}
	for _, name := range management {
		f.Links[name] = false
	}
	for _, l := range in.Snapshot.Links {
		if _, ok := f.Links[l.Name]; ok {
			f.Links[l.Name] = l.Up && l.Running
		}
	}
	for name, s := range plan.Groups {
		f.Gates[name] = gateFacts(in, name, s)
	}
	return f
}

func gateFacts(in desired.Inputs, name string, s desired.State) verdict.Gate {
	g := verdict.Gate{On: s.On, Why: s.Reason.String(), Declared: in.Stopping || in.Manual[name] == desired.Withdrawn}
	for _, drain := range in.Drains {
		g.Declared = g.Declared || drain.Gate == "" || drain.Gate == name
	}
	if h := in.Settings.Hardware; h != nil && h.Policy == settings.Require && !in.Watchdog.Armed {
		g.Failing = append(g.Failing, "the hardware watchdog")
	}
	for _, gate := range in.Settings.Gates {
		if gate.Name == name {
			g.Failing = append(g.Failing, failing(in, gate.Conditions)...)
		}
	}
	return g
}

// failing are the conditions that do not hold, as they are written.
func failing(in desired.Inputs, all []settings.Condition) (names []string) {
	for _, c := range all {
		if desired.Check(in, c).Text != "" {
			names = append(names, c.String())
		}
	}
	return names
}

// sessionErrors puts into facts why sessions are down.
func (d *Daemon) sessionErrors(f verdict.Facts) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var s speaker.Status
	if d.onLoop(ctx, func() { s = d.speaker.Status() }) != nil {
		return // the loop says nothing in time: it goes without
	}
	for _, p := range s.Peers {
		name := p.Address.String()
		if session, ok := f.Sessions[name]; ok && !session.Up {
			f.Sessions[name] = verdict.Session{Why: p.LastError}
		}
	}
}

// factsFile is where a store keeps how the box stood, for a start that tries
// something.
const factsFile = "facts"

// save writes down how the box stands, if that differs.
func (d *Daemon) save(f verdict.Facts) {
	c := d.changes
	c.saved.at = c.now()
	if c.store == nil {
		return
	}
	b, err := json.Marshal(f.Bare())
	if err == nil && string(b) != c.saved.text {
		c.saved.text = string(b)
		err = c.store.Remember(factsFile, b)
	}
	if err != nil {
		d.log.Error("configuration: how the box stands could not be written down", "error", err)
	}
}

// leave is called when the daemon stops, with how the box stood before that. What
// is being tried is tried by the next start.
func (d *Daemon) leave(f verdict.Facts) {
	c := d.changes
	if !c.mu.TryLock() {
		return // the disk is slow, and a stop does not wait for it
	}
	defer c.mu.Unlock()
	f = c.recovered(f)
	if c.trial != nil {
		f = c.trial.Before
		c.finish(Outcome{State: Replaced, Generation: c.work.Number, Why: errStopping.Error()})
	}
	d.save(f)
	_ = c.store.Close()
}
