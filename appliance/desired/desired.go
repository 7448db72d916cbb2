// Package desired is Compute: which groups are on, which addresses exist, and
// why. It is pure, and the only place that says on or off.
package desired

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/attr"
	"holdfast/netio/link"
)

// Manual is what somebody said of a group by hand: "announce watchdog NAME" or
// "withdraw watchdog NAME".
type Manual uint8

// The manual states.
const (
	Unsaid Manual = iota
	Announced
	Withdrawn
)

// Watchdog is how the hardware stands.
type Watchdog struct {
	Armed bool   // and fed by the loop that speaks BGP
	Why   string // why not, when it is not
}

// Inputs is all that a decision is made of.
type Inputs struct {
	Now      time.Time
	Settings *settings.Settings
	Groups   []string // names that routes carry, with a gate or without
	Known    bool     // Snapshot is real: the first listing has come in
	Snapshot link.Snapshot
	Up       map[netip.Addr]bool              // neighbors whose session is up
	Files    map[string]Sight                 // by path; a missing key is not known yet
	Checks   map[health.Check]health.Standing // a missing key has not had a verdict
	Units    map[string]Unit                  // of systemd; a missing key is not known yet
	Learned  map[settings.From]bool           // whether neighbors announce what is asked for; a missing key is not known yet
	Watchdog Watchdog
	Manual   map[string]Manual
	Drains   []Drain // what somebody takes out of service, and for how long
	Stopping bool
	// Memory is what decisions before this one have to say, by gate; it comes from
	// the last Plan, and an empty one is a fresh start.
	Memory map[string]Memory
}

// Sight is what is known of a file.
type Sight struct {
	Exists bool
	Lost   string // why that is not known any more: "can't be looked for: …"; "": it is
}

// Unit is how a unit of systemd stands.
type Unit struct {
	Active bool
	Text   string // why not: "is failed (exit-code)"
}

// Drain is a gate, or the box, that is to be out of service.
type Drain struct {
	Gate   string    `json:"gate,omitempty"` // "": everything
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero: until somebody ends it
	Reason string    `json:"reason,omitempty"`
}

// State is what a group should be.
type State struct {
	On     bool
	Forced bool // by hand: shows routes that carry the word "withdraw" too
	// Degrade is how much worse routes are told, zero: as they are; Reason then
	// says why although the group is on.
	Degrade attr.Degrade
	Rung    string // of the ladder, or "drain"; "" at the top
	Reason  Reason
	Suspect string // a condition that fails and may not act, and why it may not
}

// Reason is why a group is off; its zero value means that it is on.
type Reason struct {
	Condition string // as it is written: "link eth1"; "" if it is none of the gate's
	Text      string // "is down"
	Pending   bool   // there has been no verdict yet
}

// String is the reason as a sentence's end: "link eth1 is down".
func (r Reason) String() string { return strings.TrimSpace(r.Condition + " " + r.Text) }

// Plan is what should be true.
type Plan struct {
	Groups  map[string]State // "" is that of routes without a group
	Rest    State            // of groups that have no name here yet: a helper's
	Verdict bool             // every gate has had its first verdict
	Memory  map[string]Memory
	Again   time.Time // when time alone changes the plan; zero: never

	gates   map[string]*settings.Gate
	waiting int       // gates without a verdict
	next    time.Time // the first of the gates' times
	passed  bool      // a gate has another time than that now
	changes []Change  // since Renew has begun
}

// Change is a group whose state is another than before.
type Change struct {
	Group    string
	Old, New State
	Known    bool // there was an old one
}

// Waits is what time does to a gate.
type Waits struct {
	HoldDown time.Time     // its end; zero: none runs
	Penalty  time.Duration // of flapping, that is left
	Next     time.Time     // when time alone changes something; zero: never
}

// Waits is what time does to the named gate.
func (p *Plan) Waits(now time.Time, gate string) (w Waits) {
	m := p.Memory[gate]
	if w.Next = m.Again; !m.Better.IsZero() && !m.Climbs {
		w.HoldDown = m.Better.Add(m.Wait)
	}
	if g := p.gates[gate]; g != nil && g.Flap.Hold > 0 {
		w.Penalty = m.penalty(now, g.Flap).Round(time.Millisecond)
	}
	return w
}

// Same says whether two plans ask for the same, for the same reasons.
func (p Plan) Same(o Plan) bool {
	return p.Verdict == o.Verdict && p.Rest == o.Rest && o.Groups != nil && maps.Equal(p.Groups, o.Groups)
}

// Tells says whether neighbors are told the same in both states, whatever for.
func (s State) Tells(o State) bool {
	return s.On == o.On && s.Forced == o.Forced && s.Degrade == o.Degrade
}

// Compute decides on everything.
func Compute(in Inputs) Plan {
	p := Plan{Groups: map[string]State{}, Memory: map[string]Memory{}, gates: map[string]*settings.Gate{}}
	for i := range in.Settings.Gates {
		p.gates[in.Settings.Gates[i].Name] = &in.Settings.Gates[i]
	}
	for name := range p.gates {
		p.decide(&in, name, in.Memory)
	}
	for _, name := range in.Groups {
		p.named(&in, name)
	}
	for name := range in.Manual { // of a helper's routes
		p.named(&in, name)
	}
	for i := range in.Drains {
		p.named(&in, in.Drains[i].Gate)
	}
	p.everything(&in)
	return p
}

// Renew decides anew on the named gates, and on those whose time has come. It is
// for when nothing else has changed since the plan was made: then it comes to
// what Compute would, and is quick. The plan's maps are changed.
func (p *Plan) Renew(in Inputs, gates []string) []Change {
	p.changes = nil
	for _, name := range gates {
		p.renew(&in, name)
	}
	if !p.next.IsZero() && !in.Now.Before(p.next) {
		for name, m := range p.Memory {
			if !m.Again.IsZero() && !in.Now.Before(m.Again) {
				p.renew(&in, name)
			}
		}
	}
	free := p.Groups[""]
	if p.everything(&in); p.Groups[""] != free {
		p.changes = append(p.changes, Change{"", free, p.Groups[""], true})
	}
	return p.changes
}

func (p *Plan) renew(in *Inputs, name string) {
	c := Change{Group: name}
	c.Old, c.Known = p.Groups[name]
	p.decide(in, name, p.Memory)
	if c.New = p.Groups[name]; !c.Known || c.New != c.Old {
		p.changes = append(p.changes, c)
	}
}

// Since is what differs from another plan, by name; groups that are no more are
// left out.
func (p Plan) Since(o Plan) (cs []Change) {
	for _, name := range slices.Sorted(maps.Keys(p.Groups)) {
		c := Change{Group: name, New: p.Groups[name]}
		if c.Old, c.Known = o.Groups[name]; !c.Known || c.Old != c.New {
			cs = append(cs, c)
		}
	}
	return cs
}

// Clone is a copy that stays as it is when p is renewed.
func (p Plan) Clone() Plan {
	p.Groups, p.Memory, p.changes = maps.Clone(p.Groups), maps.Clone(p.Memory), nil
	return p
}

// named adds the state of a group that may have no gate.
func (p *Plan) named(in *Inputs, name string) {
	if _, done := p.Groups[name]; !done && name != "" {
		p.decide(in, name, in.Memory)
	}
}

// everything adds what is not of one gate. Routes without a group are not tied to
// the hardware, and a stop withdraws them in its own way: only a drain of
// everything concerns them.
func (p *Plan) everything(in *Inputs) {
	var m Memory
	if p.Rest = overall(in); p.Rest.On {
		p.Rest = m.drained(in, "", p.Rest)
	}
	p.Groups[""] = m.drained(in, "", State{On: true})
	if p.passed {
		p.next, p.passed = time.Time{}, false
		for _, m := range p.Memory {
			p.next = sooner(p.next, m.Again)
		}
	}
	p.Verdict, p.Again = p.waiting == 0, sooner(p.next, m.Again)
}

// decide adds the state of one group.
func (p *Plan) decide(in *Inputs, name string, memory map[string]Memory) {
	g := p.gates[name]
	if g == nil {
		g = &settings.Gate{Name: name}
	}
	m := memory[name]
	if m.Born.IsZero() {
		m.Born = in.Now
	}
	m.reconfigured(g)
	s := m.decide(in, g)
	for seen := memory[name].Seen; seen != m.Seen; { // then less counts against it
		seen = m.Seen
		s = m.decide(in, g)
	}
	p.count(p.Memory[name], m)
	p.Groups[name], p.Memory[name] = s, m
}

// decide is the state of one gate. The hardware and a stop come first, then what
// was said by hand, then the gate's own conditions, and a drain of what is left:
// conditions are looked at in any case, so that their times count while something
// else keeps the gate shut.
func (m *Memory) decide(in *Inputs, g *settings.Gate) State {
	m.Again = time.Time{}
	out := judgeGate(in, g, m.Seen)
	s := m.stand(in, g, out)
	switch all := overall(in); {
	case !all.On:
		s = all
	case in.Manual[g.Name] == Withdrawn:
		s = off("withdrawn by hand")
	default:
		s.Forced = s.On && in.Manual[g.Name] == Announced
		s = m.drained(in, g.Name, s)
	}
	s.Suspect = out.suspect
	switch {
	case s.On && out.level == holds:
		m.Seen = opened
	case s.On:
		m.Seen = max(m.Seen, begun)
	}
	return s
}

// count keeps what the plan says of all gates when one changes: there may be
// thousands, and one fact is of few.
func (p *Plan) count(old, now Memory) {
	if old.Pending {
		p.waiting--
	}
	if now.Pending {
		p.waiting++
	}
	p.passed = p.passed || !old.Again.IsZero() && !old.Again.After(p.next)
	p.next = sooner(p.next, now.Again)
}

// overall is the state of everything that is tied to the hardware.
func overall(in *Inputs) State {
	switch {
	case in.Stopping:
		return off("the service is stopping")
	case in.Settings.Hardware != nil && in.Settings.Hardware.Policy == settings.Require && !in.Watchdog.Armed:
		return off("the hardware watchdog is not armed: " + in.Watchdog.Why)
	}
	return State{On: true}
}

func off(text string) State { return State{Reason: Reason{Text: text}} }

// sooner is the first of two times of which a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
