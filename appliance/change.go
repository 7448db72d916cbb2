package appliance

import (
	"errors"
	"fmt"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/verdict"
)

// Outcome is what became of a candidate.
type Outcome struct {
	State      OutcomeState `json:"state"`
	Generation uint64       `json:"generation,omitempty"` // of the candidate; 0: it is not on the disk
	Why        string       `json:"why,omitempty"`        // it was not kept
	Places     []string     `json:"places,omitempty"`     // all that is wrong: "edge.conf:3:7: …", or what is missing
}

// OutcomeState is how a change has ended.
type OutcomeState string

// The states.
const (
	Kept       OutcomeState = "kept"        // it is the last good one
	Rejected   OutcomeState = "rejected"    // nothing was changed
	RolledBack OutcomeState = "rolled back" // it was at work, and did not prove itself
	Replaced   OutcomeState = "replaced"    // another one, or a stop, came before it had proven itself
)

// rejected is the outcome of an error.
func rejected(err error) Outcome {
	o := Outcome{State: Rejected, Places: each(err)}
	o.Why = o.Places[0]
	return o
}

// each is the errors that one joins.
func each(err error) (all []string) {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	for _, e := range many.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// Change makes a candidate the box's configuration, if it is valid, and says what
// becomes of it once that is known. It returns when the candidate is at work, or
// is rejected. Who rejected one before is not asked again, unless the candidate
// insists.
func (d *Daemon) Change(k Candidate) <-chan Outcome {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan Outcome, 1)
	if _, err := d.change(&k, done, c.admits); err != nil {
		tell(done, err)
	}
	return done
}

// tell says how a change has failed, unless its trial has said so. What a stop
// comes before is not rejected: the next start tries it.
func tell(done chan<- Outcome, err error) {
	o := rejected(err)
	if errors.Is(err, errStopping) {
		o = Outcome{State: Replaced, Why: err.Error()}
	}
	select {
	case done <- o:
	default:
	}
}

// admits says why a candidate is not even tried.
func (c *changes) admits(k *Candidate, digest string) error {
	if r, was := c.wasRejected(digest); was && !k.Again {
		return fmt.Errorf("it was rejected before: %s", r.Why)
	}
	return nil
}

// Reload reads the configuration again and applies the difference. With an
// error nothing is changed.
func (d *Daemon) Reload() error {
	_, err := d.reloadFile(false)
	return err
}

// reloadFile is Reload, and the number of the change that it is. A file that has
// not changed since something else took its place is only taken again if the
// caller insists.
func (d *Daemon) reloadFile(again bool) (uint64, error) {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	k, err := candidateAt(d.options.Path)
	if err != nil {
		c.refused(k.Source, "", rejected(err))
		return 0, err
	}
	return d.change(&k, nil, func(k *Candidate, digest string) error {
		if c.file = digest; !again && c.work.Digest != digest && c.work.Beside == digest {
			return fmt.Errorf("%s has not changed since %s took its place; --again takes it all the same", k.Source, &c.work)
		}
		return nil
	})
}

// change is called with the mutex of changes held. With an error nothing was
// changed, or what was before is back.
func (d *Daemon) change(k *Candidate, done chan<- Outcome, admits func(*Candidate, string) error) (uint64, error) {
	c := d.changes
	if d.ends() {
		return 0, errStopping
	}
	d.notifier.Reloading()
	defer d.notifier.Ready()
	l, err := d.options.load(k)
	if err == nil {
		err = admits(k, k.Files.Digest())
	}
	if err == nil && k.Files.Digest() == c.work.Digest {
		return d.same(k, l, done)
	}
	var v version
	if err == nil {
		v, err = c.keep(k, l)
	}
	if err != nil {
		c.refused(k.Source, k.Files.Digest(), rejected(err))
		return 0, err
	}
	before := d.before(l)
	c.replace("another change came first")
	c.begun++
	return c.begun, d.try(v, before, done)
}

// same has what is at work be at work again: what lies around it may differ.
func (d *Daemon) same(k *Candidate, l *Loaded, done chan<- Outcome) (uint64, error) {
	c := d.changes
	if !k.inPlace() {
		l.Folder = c.work.loaded.Folder
	}
	err := l.checkHelpers()
	if err == nil {
		err = d.work(l)
	}
	if err != nil {
		return 0, err
	}
	d.log.Info("configuration reloaded: it is the same", "path", l.Path)
	c.work.loaded, c.refuse = l, nil
	if err := c.rename(k); err != nil {
		d.log.Error("configuration: where it came from could not be written down", "error", err)
	}
	defer c.publish()
	if c.trial != nil { // who asked first waits for the same
		c.trial.wait(done)
		return c.trial.change, nil
	}
	c.begun++
	c.good = c.work
	o := Outcome{State: Kept, Generation: c.work.Number}
	c.conclude(c.begun, o)
	send(done, o)
	return c.begun, nil
}

// try has a version be at work, and be watched until it has proven itself.
func (d *Daemon) try(v version, before verdict.Facts, done chan<- Outcome) error {
	c := d.changes
	for _, w := range v.loaded.Warnings {
		d.log.Warn("configuration", "warning", w.Error())
	}
	err := d.work(v.loaded)
	if errors.Is(err, errStopping) {
		return err // it is tried by the next start
	}
	confirm := v.loaded.Settings.ConfirmWithin(c.store != nil)
	c.work, c.trial = v, &trial{change: c.begun, Trial: verdict.Trial{Before: before, Limit: c.now().Add(confirm)}}
	c.trial.wait(done)
	d.log.Info("configuration reloaded", "path", v.loaded.Path, "is", c.work.String(), "confirm", confirm)
	d.record(chronicle.Entry{Kind: kindConfig, Text: "applied: " + c.work.String()})
	switch {
	case confirm == 0:
		d.prove()
	case err != nil:
		d.rollBack([]string{err.Error()})
	}
	c.publish()
	return err
}

// work has a configuration be at work: what differs from the one before changes.
func (d *Daemon) work(l *Loaded) error {
	// What takes its time, and what the plan is to find.
	known := l.known(d.files)
	if d.ends() {
		return errStopping // what is released is not to come back
	}
	d.addresses.grow(l.Settings.Addresses, growWithin)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return errStopping
	}
	if h, old := l.Settings.Hardware, d.loaded.Settings.Hardware; (h == nil) != (old == nil) || h != nil && (h.Device != old.Device || h.Identity != old.Identity || h.Timeout != old.Timeout || d.dog.get().device == nil) {
		if err := d.rearm(h); err != nil {
			d.log.Warn("configuration: " + err.Error())
			l.Settings.Hardware = old
		}
	}
	d.loaded = l
	d.units.want(l.Settings)
	d.checks.Want(l.Settings.Checks()) // before what others told is forgotten
	err := <-d.become(l, known)
	d.addresses.want(l.Settings.Addresses)
	d.metrics.Want(l.Settings.Metrics)
	return err
}

var errStopping = errors.New("the daemon stops")

// ends says whether the daemon stops.
func (d *Daemon) ends() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}
