// Package desired is Compute: which groups are on, which addresses exist, and
// why. It is pure, and the only place that says on or off.
package desired

import (
	"fmt"
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
	Files    map[string]bool                  // paths that exist; a missing key is not known yet
	Checks   map[health.Check]health.Standing // a missing key has not had a verdict
	Units    map[string]Unit                  // of systemd; a missing key is not known yet
	Learned  map[settings.From]bool           // routes that are asked for and neighbors announce
	Watchdog Watchdog
	Manual   map[string]Manual
	Drains   []Drain // what somebody takes out of service, and for how long
	Stopping bool
	// Held says since when all conditions of a gate hold without a break, and
	// Failed that they have held once and failed since, so that hold-down
	// applies; both come from the last Plan, and empty maps are a fresh start.
	Held   map[string]time.Time
	Failed map[string]bool
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
	Held    map[string]time.Time
	Failed  map[string]bool
	Again   time.Time // when time alone changes the plan; zero: never
}

// Same says whether two plans ask for the same.
func (p Plan) Same(o Plan) bool {
	return p.Verdict == o.Verdict && p.Rest == o.Rest && o.Groups != nil && maps.Equal(p.Groups, o.Groups)
}

// Compute decides.
func Compute(in Inputs) Plan {
	p := Plan{Groups: map[string]State{}, Verdict: true, Held: map[string]time.Time{}, Failed: map[string]bool{}}
	p.Rest = overall(in)
	for _, g := range in.Settings.Gates {
		p.decide(in, g)
	}
	for _, name := range in.Groups {
		p.named(in, name)
	}
	for name := range in.Manual { // of a helper's routes
		p.named(in, name)
	}
	return p
}

// named adds the state of a group that may have no gate.
func (p *Plan) named(in Inputs, name string) {
	if _, done := p.Groups[name]; !done {
		p.decide(in, settings.Gate{Name: name})
	}
}

// decide adds the state of one group. The hardware and a stop come first, then
// what was said by hand, then the gate's own conditions: those are looked at in
// any case, so that hold-down counts while something else keeps the gate shut.
func (p *Plan) decide(in Inputs, g settings.Gate) {
	why := p.conditions(in, g)
	if why.Pending {
		p.Verdict = false
	}
	s := State{On: true}
	switch all := overall(in); {
	case !all.On:
		s = all
	case in.Manual[g.Name] == Withdrawn:
		s = off("withdrawn by hand")
	case why != Reason{}:
		s = State{Reason: why}
	default:
		s.Forced = in.Manual[g.Name] == Announced
	}
	p.Groups[g.Name] = s
}

// overall is the state of everything that is tied to the hardware.
func overall(in Inputs) State {
	switch {
	case in.Stopping:
		return off("the service is stopping")
	case in.Settings.Hardware != nil && in.Settings.Hardware.Policy == settings.Require && !in.Watchdog.Armed:
		return off("the hardware watchdog is not armed: " + in.Watchdog.Why)
	}
	return State{On: true}
}

func off(text string) State { return State{Reason: Reason{Text: text}} }

// conditions is the first condition of a gate that does not hold, or its
// hold-down; and keeps the time since when all hold.
func (p *Plan) conditions(in Inputs, g settings.Gate) Reason {
	failed := in.Failed[g.Name]
	since, held := in.Held[g.Name]
	for _, c := range g.Conditions {
		if why := Check(in, c); why.Text != "" {
			why.Condition = c.String()
			p.Failed[g.Name] = failed || held
			return why
		}
	}
	if !held {
		since = in.Now
	}
	p.Held[g.Name], p.Failed[g.Name] = since, failed
	if opens := since.Add(g.HoldDown); failed && in.Now.Before(opens) {
		if p.Again.IsZero() || opens.Before(p.Again) {
			p.Again = opens
		}
		return Reason{Text: fmt.Sprintf("hold-down %s since all conditions hold again", g.HoldDown)}
	}
	return Reason{}
}

// Check looks at one condition; no text means that it holds.
func Check(in Inputs, c settings.Condition) Reason {
	switch c.Kind {
	case settings.LinkUp:
		return checkLink(in, c.Link)
	case settings.HasAddress:
		return checkAddress(in, c)
	case settings.Established:
		if !in.Up[c.Neighbor] {
			return Reason{Text: "is not established"}
		}
	case settings.FileAbsent:
		exists, known := in.Files[c.Path]
		if !known {
			return Reason{Text: "has not been looked for yet", Pending: true}
		}
		if exists {
			return Reason{Text: "is there"}
		}
	case settings.Healthy:
		return checkHealth(in, c.Check)
	}
	return Reason{}
}

func checkHealth(in Inputs, c health.Check) Reason {
	s, known := in.Checks[c]
	switch {
	case !known:
		return Reason{Text: "has not had a verdict yet", Pending: true}
	case s.Told == health.Up:
		return Reason{}
	}
	return Reason{Text: s.Text, Pending: s.Told == health.Init}
}

var unlisted = Reason{Text: "is not known yet: links have not been listed", Pending: true}

func checkLink(in Inputs, name string) Reason {
	if !in.Known {
		return unlisted
	}
	i := slices.IndexFunc(in.Snapshot.Links, func(l link.Link) bool { return l.Name == name })
	switch {
	case i < 0:
		return Reason{Text: "does not exist"}
	case !in.Snapshot.Links[i].Up:
		return Reason{Text: "is down"}
	case !in.Snapshot.Links[i].Running:
		return Reason{Text: "has no carrier"}
	}
	return Reason{}
}

func checkAddress(in Inputs, c settings.Condition) Reason {
	if !in.Known {
		return unlisted
	}
	for _, a := range in.Snapshot.Addrs {
		if a.Prefix.Addr() == c.Address.Addr() && (c.Link == "" || a.Link == c.Link) {
			return Reason{}
		}
	}
	return Reason{Text: "is not on this box"}
}
