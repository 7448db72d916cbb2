package desired

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"holdfast/appliance/settings"
)

// Memory is what a decision on a gate has to know of those before it. Its zero
// value is a fresh start.
type Memory struct {
	Born    time.Time // of the first decision
	Seen    stage     // how far it has come
	Pending bool      // it waits for its first verdict
	// Rung is how far down the ladder it is, 0 at the top. The rung's time counts
	// from Since: only the time in which conditions fail.
	Rung  int
	Since time.Time
	// Better says since when the conditions allow a better rung; zero: they do
	// not. Wait is the hold-down from there, and Climbs that it is over.
	Better time.Time
	Wait   time.Duration
	Climbs bool
	Closed bool // its conditions have withdrawn it
	// Penalty is what flapping adds to the hold-down, as it was at Flapped.
	Penalty time.Duration
	Flapped time.Time
	Again   time.Time // when time alone changes something; zero: never
	gate    *settings.Gate
}

// reconfigured notes that a gate may have other conditions than when it was
// decided on last. What is new closes no gate that was open, but it opens none
// either that the old ones had closed, or degraded: nothing is known of it yet,
// and the service may be as broken as before.
func (m *Memory) reconfigured(g *settings.Gate) {
	old := m.gate
	if m.gate = g; m.Rung == 0 || old == nil || old == g || reflect.DeepEqual(old.Conditions, g.Conditions) {
		return
	}
	if m.Seen = min(m.Seen, begun); m.Closed {
		m.Seen = fresh
	}
}

// withdrawn is the ladder of a gate that has none.
var withdrawn = []settings.Rung{{Withdraw: true}}

func ladder(g *settings.Gate) []settings.Rung {
	if len(g.Ladder) == 0 {
		return withdrawn
	}
	return g.Ladder
}

// stand is the state of a gate by its conditions.
func (m *Memory) stand(in *Inputs, g *settings.Gate, out outcome) State {
	if out.gone {
		m.fall(in.Now, g)
		return State{Reason: out.why}
	}
	if m.Pending = false; m.Seen == fresh && !m.begins(in, g, out) {
		m.Better = time.Time{}
		return State{Reason: out.why}
	}
	m.move(in.Now, g, out.level)
	out.why.Pending = false
	return m.state(g, out)
}

// begins says whether a gate that has never been open may open. What is shared
// can't keep it shut for ever: after an outage of what all boxes share, none of
// those that were started anew would announce anything. But it is waited for as
// long as for a first verdict.
func (m *Memory) begins(in *Inputs, g *settings.Gate, out outcome) bool {
	switch bottom := depth(g, out.level); {
	case out.level == holds:
		return true
	case out.level == pending, ladder(g)[max(bottom, 1)-1].Withdraw && bottom > 0:
		m.Pending = out.why.Pending
		return false
	}
	until := m.Born.Add(in.Settings.FirstVerdict)
	if m.Pending = in.Now.Before(until); m.Pending {
		m.Again = sooner(m.Again, until)
	}
	return !m.Pending
}

// depth is how far down its ladder a gate may go.
func depth(g *settings.Gate, l level) int {
	switch l {
	case holds:
		return 0
	case shared:
		return g.Floor()
	}
	return len(ladder(g))
}

// move goes down or up the ladder to where the gate has to be by now. A reload may
// have given it another ladder.
func (m *Memory) move(now time.Time, g *settings.Gate, l level) {
	rungs, bottom := ladder(g), depth(g, l)
	if m.Rung = min(m.Rung, len(rungs)); m.Closed && rungs[len(rungs)-1].Withdraw {
		m.Rung = len(rungs)
	}
	if bottom < m.Rung {
		m.rise(now, g, bottom)
	} else if bottom > 0 {
		m.sink(now, g, bottom)
	}
	m.Closed = m.Rung > 0 && rungs[m.Rung-1].Withdraw
}

// fall is for an address that has gone: packets that come for it would find
// nobody, so that no rung is any good.
func (m *Memory) fall(now time.Time, g *settings.Gate) {
	m.Pending, m.Better, m.Climbs = false, time.Time{}, false
	if m.Seen == fresh || m.Closed {
		return
	}
	m.flap(now, g.Flap)
	m.Rung, m.Since, m.Closed = len(ladder(g)), now, true
}

// sink goes down, each rung for its time.
func (m *Memory) sink(now time.Time, g *settings.Gate, bottom int) {
	flapped := m.Rung == 0 || m.Climbs
	switch {
	case m.Rung == 0 && m.Seen == fresh:
		m.Rung, m.Since = 1, m.Born
	case m.Rung == 0 || m.Climbs:
		m.Rung, m.Since = max(m.Rung, 1), now
	case !m.Better.IsZero():
		m.Since = m.Since.Add(now.Sub(m.Better)) // while conditions held, the rung's time stood still
	}
	if m.Better, m.Climbs = (time.Time{}), false; flapped {
		m.flap(now, g.Flap)
	}
	for rungs := ladder(g); m.Rung < bottom; m.Rung++ {
		next := m.Since.Add(rungs[m.Rung-1].For)
		if now.Before(next) {
			m.Again = sooner(m.Again, next)
			return
		}
		m.Since = next
	}
}

// rise goes up: nothing happens before the end of the hold-down, and then a rung
// is left at a time, or all at once.
func (m *Memory) rise(now time.Time, g *settings.Gate, bottom int) {
	if m.Better.IsZero() {
		m.Better, m.Wait = now, m.holdDown(now, g)
	}
	next := m.Better.Add(m.Wait)
	if m.Climbs {
		next = m.Since.Add(g.Back)
	}
	for m.Rung > bottom && !now.Before(next) {
		if m.Rung, m.Climbs = m.Rung-1, true; g.Back == 0 {
			m.Rung = bottom
		}
		m.Since, next = next, next.Add(g.Back)
	}
	if m.Rung > bottom {
		m.Again = sooner(m.Again, next)
		return
	}
	m.Better, m.Climbs = time.Time{}, false
}

// holdDown is how long the conditions have to hold.
func (m *Memory) holdDown(now time.Time, g *settings.Gate) time.Duration {
	if g.Flap.Hold == 0 {
		return g.HoldDown
	}
	return min(g.HoldDown+m.penalty(now, g.Flap), g.Flap.Longest).Round(time.Millisecond)
}

// penalty is what is left of it.
func (m *Memory) penalty(now time.Time, f settings.Flap) time.Duration {
	if m.Penalty == 0 {
		return 0
	}
	halves := float64(max(now.Sub(m.Flapped), 0)) / float64(f.HalfLife)
	return time.Duration(float64(m.Penalty) * math.Exp2(-halves))
}

func (m *Memory) flap(now time.Time, f settings.Flap) {
	if f.Hold == 0 {
		m.Penalty = 0
		return
	}
	m.Penalty, m.Flapped = min(m.penalty(now, f)+f.Hold, f.Longest), now
}

// state is that of the rung.
func (m *Memory) state(g *settings.Gate, out outcome) State {
	if m.Rung == 0 {
		s := State{On: true, Degrade: g.Top, Reason: out.why}
		if out.level != holds {
			s.Reason.Text += ", which is shared: the routes stay as they are"
		}
		return s
	}
	rung := ladder(g)[m.Rung-1]
	s := State{On: !rung.Withdraw, Degrade: rung.Degrade, Rung: rung.Text, Reason: m.why(g, out)}
	if s.On && out.disabled && g.Disabled.Text != "" {
		s.Degrade, s.Rung = g.Disabled.Degrade, g.Disabled.Text
	}
	return s
}

// why is the reason of a rung: what fails, or what is waited for on the way up.
func (m *Memory) why(g *settings.Gate, out outcome) Reason {
	now := "all conditions hold again"
	if out.level != holds {
		now = "only what is shared fails"
	}
	switch {
	case m.Better.IsZero():
		return out.why
	case m.Climbs:
		return Reason{Text: fmt.Sprintf("recovers, a rung each %s, since %s", g.Back, now)}
	}
	return Reason{Text: fmt.Sprintf("hold-down %s since %s", m.Wait, now)}
}
