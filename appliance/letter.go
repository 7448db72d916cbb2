package appliance

import (
	"sync/atomic"
	"time"

	"holdfast/appliance/desired"
	"holdfast/bgp/rib"
)

// become has the plan, the speaker and the helpers be those of a configuration. The
// helpers are there before a session can come up, and hear of it; what they say
// comes to the loop after their neighbors.
//
// Routes and gates change in one step of the loop: a gate that goes together with
// its routes would let them out in between. A plan that the loop has not read is
// older than this one.
func (d *Daemon) become(l *Loaded, known func(*desired.Inputs)) <-chan error {
	defer d.box.Wake()
	done := make(chan error, 1)
	d.reconciler.configure(known, func(p desired.Plan) {
		next := standsOf(p)
		if late := d.letter.take(); late != nil {
			next.cause = late.cause
		}
		d.loop.Post(func() {
			d.herald.helpers(l.Config.Processes)
			err := d.speaker.Become(l.Config, next.gates, next.rest, next.cause)
			d.followed(next)
			d.watchRoutes(askedFor(l.Settings))
			done <- err
		})
	})
	d.helpers.Reconcile(l.helpers(d.options.NoAck))
	return done
}

// follow hands a plan to the loop: the next thing that it does. Of plans that come
// faster than the loop turns, it sees the last. It is called with the reconciler's
// mutex held.
func (d *Daemon) follow(p desired.Plan) {
	defer d.box.Wake()
	next := standsOf(p)
	if d.letter.replace(next) {
		return // it is on its way
	}
	l := &letter{}
	l.Store(next)
	d.letter = l
	d.loop.Post(func() {
		if s := l.take(); s != nil {
			d.speaker.Groups(s.gates, s.rest, s.cause)
			d.followed(s)
		}
	})
}

// part has the loop stop, which says in its own way that all is withdrawn, or that
// nothing is. A plan that it has not read stays as it is: what neighbors that keep our
// routes have to hear, and no more.
func (d *Daemon) part(stop func()) {
	d.reconciler.configure(func(in *desired.Inputs) { in.Stopping = true }, func(desired.Plan) { d.loop.Post(stop) })
}

// followed is called on the loop when a plan is at work.
func (d *Daemon) followed(s *stands) {
	if s.verdict && !d.heir {
		d.speaker.Release()
	}
}

// letter is a plan on its way to the loop; nothing once that has read it.
type letter struct{ atomic.Pointer[stands] }

func (l *letter) take() *stands {
	if l == nil {
		return nil
	}
	return l.Swap(nil)
}

// replace puts a later plan into a letter that was not read: it has the time of the
// first one's cause.
func (l *letter) replace(next *stands) bool {
	for l != nil {
		late := l.Load()
		if late == nil {
			return false
		}
		both := *next
		both.cause = late.cause
		if l.CompareAndSwap(late, &both) {
			return true
		}
	}
	return false
}

// stands is a plan for the loop.
type stands struct {
	gates   map[string]rib.Stand
	rest    rib.Stand
	verdict bool
	cause   time.Time
}

func standsOf(p desired.Plan) *stands {
	s := &stands{gates: make(map[string]rib.Stand, len(p.Groups)), rest: stand(p.Rest), verdict: p.Verdict, cause: time.Now()}
	for name, state := range p.Groups {
		s.gates[name] = stand(state)
	}
	return s
}

func stand(s desired.State) rib.Stand {
	gate := rib.Closed
	switch {
	case s.Forced:
		gate = rib.Forced
	case s.On:
		gate = rib.Open
	}
	return rib.Stand{Gate: gate, Degrade: s.Degrade}
}
