package appliance

import (
	"errors"

	"holdfast/appliance/desired"
)

// Outcome is what became of a candidate.
type Outcome struct {
	State  OutcomeState `json:"state"`
	Why    string       `json:"why,omitempty"`    // it was not kept
	Places []string     `json:"places,omitempty"` // all that is wrong with a rejected one: "edge.conf:3:7: …"
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
	o := Outcome{State: Rejected}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			o.Places = append(o.Places, e.Error())
		}
	} else {
		o.Places = []string{err.Error()}
	}
	o.Why = o.Places[0]
	return o
}

// Change makes a candidate the box's configuration, if it is valid, and says what
// becomes of it once that is known. It returns when the candidate is at work, or
// is rejected.
func (d *Daemon) Change(c Candidate) <-chan Outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	done := make(chan Outcome, 1)
	if err := d.change(c, done); err != nil {
		done <- rejected(err)
	}
	return done
}

var errStopping = errors.New("the daemon stops")

// Reload reads the configuration again and applies the difference. With an
// error nothing is changed.
func (d *Daemon) Reload() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := candidateAt(d.options.Path)
	if err != nil {
		return err
	}
	c.Again = true
	return d.change(c, make(chan Outcome, 1))
}

// change is called with mu held. With an error nothing was changed.
func (d *Daemon) change(c Candidate, done chan<- Outcome) error {
	if d.stopping {
		return errStopping
	}
	d.notifier.Reloading()
	defer d.notifier.Ready()
	l, err := d.options.load(&c)
	if err == nil {
		err = l.checkHelpers()
	}
	if err != nil {
		return err
	}
	for _, w := range l.Warnings {
		d.log.Warn("configuration", "warning", w.Error())
	}
	if err := d.work(l); err != nil {
		return err
	}
	d.log.Info("configuration reloaded", "path", l.Path)
	done <- Outcome{State: Kept}
	return nil
}

// work has a configuration be at work: what differs from the one before changes.
func (d *Daemon) work(l *Loaded) error {
	if h, old := l.Settings.Hardware, d.loaded.Settings.Hardware; (h == nil) != (old == nil) || h != nil && (h.Device != old.Device || h.Identity != old.Identity || h.Timeout != old.Timeout) {
		d.log.Warn("configuration: the hardware watchdog is opened once; its section takes effect with the next start")
		l.Settings.Hardware = old
	}
	d.loaded = l
	d.checks.Want(l.Settings.Checks()) // before what others told is forgotten
	d.reconciler.update(func(in *desired.Inputs) { d.known(in, l) })
	err := <-d.become(l)
	d.addresses.want(l.Settings.Addresses)
	return err
}
