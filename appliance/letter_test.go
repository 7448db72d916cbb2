package appliance

import (
	"testing"

	"holdfast/appliance/desired"
	"holdfast/bgp/rib"
)

// busy has the loop be at something else until it is let go.
func (a *asked) busy() (letGo func()) {
	begun, end := make(chan struct{}), make(chan struct{})
	a.d.loop.Post(func() { close(begun); <-end })
	<-begun
	return func() { close(end) }
}

// TestPart: a gate closes just before a restart. The neighbors that keep our routes
// hear of that, and not that everything is withdrawn.
func TestPart(t *testing.T) {
	a := newAsked(t, drainConf)
	letGo := a.busy()
	a.d.reconciler.update(func(in *desired.Inputs) { in.Manual = map[string]desired.Manual{"dns": desired.Withdrawn} })
	read := make(chan map[string]rib.Gate, 1)
	a.d.part(func() { read <- nil })
	waits := a.d.letter.Load()
	if waits == nil || waits.gates["dns"].Gate != rib.Closed || waits.gates["web"].Gate != rib.Open {
		t.Errorf("what waits is %+v", waits)
	}
	letGo()
	<-read
	if in, plan, _ := a.d.reconciler.decided(); !in.Stopping || plan.Groups["web"].On || a.d.letter.Load() != nil {
		t.Errorf("it does not stop: %+v", plan.Groups)
	}
}

// TestLetters: of plans that come faster than the loop turns it reads the last one, with
// the time of the first; one from before a reload is not read behind it.
func TestLetters(t *testing.T) {
	a := newAsked(t, drainConf)
	letGo := a.busy()
	say := func(m map[string]desired.Manual) {
		a.d.reconciler.update(func(in *desired.Inputs) { in.Manual = m })
	}
	say(map[string]desired.Manual{"dns": desired.Withdrawn})
	first := a.d.letter.Load()
	say(map[string]desired.Manual{"dns": desired.Withdrawn, "web": desired.Withdrawn})
	last := a.d.letter.Load()
	if last.cause != first.cause || last.gates["web"].Gate != rib.Closed {
		t.Errorf("first %+v, last %+v", first, last)
	}
	done := a.d.become(a.d.loaded, func(*desired.Inputs) {})
	if l := a.d.letter.Load(); l != nil {
		t.Errorf("before the reload comes %+v", l)
	}
	say(nil)
	if l := a.d.letter.Load(); l.gates["dns"].Gate != rib.Open || l.cause == first.cause {
		t.Errorf("behind the reload comes %+v", l)
	}
	letGo()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
