// Package health is a check's verdicts made into a state, and what ExaBGP's
// healthcheck tells of one: its options, its files and its lines. It is pure;
// appliance/checker runs what this package wants to know.
package health

import (
	"fmt"
	"time"
)

// Verdict is the outcome of one look at a service.
type Verdict uint8

// The verdicts.
const (
	Pass     Verdict = iota
	Fail             // the command said no, or did not end in time
	Disabled         // the file is there that says so: the command was not run
)

// State is where a service stands. The names are ExaBGP's: hooks get them.
type State uint8

// The states.
const (
	Init State = iota
	Rising
	Up
	Falling
	Down
	Off // disabled
	Exit
	End
)

func (s State) String() string {
	return [...]string{"INIT", "RISING", "UP", "FALLING", "DOWN", "DISABLED", "EXIT", "END"}[s&7]
}

// settled says whether the state is one that is told; the others lead to one.
func (s State) settled() bool { return s == Up || s == Down || s == Off }

// Timing is how often a service is checked, and how often in a row a verdict
// has to come before it counts.
type Timing struct {
	Rise, Fall     int
	Interval, Fast time.Duration // Fast is the pause while a state is about to change
}

// Machine counts verdicts. Its zero value with a Timing is at Init.
type Machine struct {
	Timing
	state State
	told  State // the last one that was settled, Init before
	up    bool  // it has been up
	count int   // verdicts of the same kind in a row
}

// State is where the service stands, and Told the last of Up, Down and Off, in
// which it counts to be until the next of them; Init if there was none.
func (m *Machine) State() State { return m.state }

// Told is the state that others are told of.
func (m *Machine) Told() State { return m.told }

// Count is how many verdicts of the last kind came in a row; it stops at what
// was needed.
func (m *Machine) Count() int { return m.count }

// Step takes a verdict, and says whether the state has changed. The first look
// after the file is gone only leads back to Init: so does ExaBGP, and a service
// that was just put back has some time more.
func (m *Machine) Step(v Verdict) (changed bool) {
	before := m.state
	switch {
	case v == Disabled:
		m.state, m.count = Off, 0
	case m.state == Off:
		m.state = Init
	case v == Pass:
		m.towards(Rising, Up, m.Rise)
	default:
		m.towards(Falling, Down, m.Fall)
	}
	if m.state.settled() {
		m.told = m.state
	}
	m.up = m.up || m.told == Up
	return m.state != before
}

// towards is one verdict more for the state at the end of a way.
func (m *Machine) towards(way, end State, need int) {
	switch m.state {
	case end:
		return
	case way:
		m.count++
	default:
		m.state, m.count = way, 1
	}
	if m.count >= need {
		m.state = end
	}
}

// Wait is the pause before the next look.
func (m *Machine) Wait() time.Duration {
	if m.state.settled() {
		return m.Interval
	}
	return m.Fast
}

// Standing is what others are told of a check.
type Standing struct {
	Told   State
	Passed bool   // it has been up since it was configured
	Text   string // why it is not up: "failed 3 of 3: exit status 9"
}

// Standing is how the check stands; why is what the last verdict was for.
func (m *Machine) Standing(why string) Standing {
	s := Standing{Told: m.told, Passed: m.up}
	switch {
	case m.told == Up:
	case m.state == Rising:
		s.Text = fmt.Sprintf("has passed %d of %d", m.count, m.Rise)
	case m.state == Falling || m.state == Down:
		s.Text = fmt.Sprintf("failed %d of %d: %s", m.count, m.Fall, why)
	case m.state == Off:
		s.Text = "is disabled: " + why
	default:
		s.Text = "has not had a verdict yet"
	}
	return s
}
