package desired

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// level is how bad it is that a condition fails, from nothing to the worst.
type level uint8

const (
	holds   level = iota
	shared        // others share what fails: degrade
	pending       // nothing is known of it yet
	local         // this box is broken
	levels
)

// stage is how far a gate has come since the daemon started.
type stage uint8

const (
	fresh  stage = iota // its routes have never been told
	begun               // they have, degraded at best
	opened              // all its conditions have held
)

// outcome is what looking at a condition comes to.
type outcome struct {
	level    level
	why      Reason
	disabled bool   // somebody has said so, by a file
	absent   bool   // it may not act, and counts as if it were not there
	gone     bool   // an address is not on this box: nobody here could answer, and no ladder is walked
	suspect  string // it fails and may not act, and why not
}

// judgeGate looks at all conditions of a gate.
func judgeGate(in *Inputs, g *settings.Gate, seen stage) outcome {
	o, _ := judgeGroup(in, g.Conditions, len(g.Conditions), seen)
	if o.disabled && g.Disabled.Text != "" {
		o.level = min(o.level, shared) // it has a way to be told of its own
	}
	return o
}

// judge looks at a condition of a gate.
func judge(in *Inputs, c *settings.Condition, seen stage) (o outcome) {
	several := false
	if c.Kind != settings.Group {
		o = judgeLeaf(in, c, seen)
	} else if o, several = judgeGroup(in, c.Of, c.Need, seen); several {
		o.why = Reason{Condition: c.String(), Text: whichFail(in, c, seen), Pending: o.why.Pending}
	}
	if c.Class == health.Shared && !c.MayWithdraw {
		o.level, o.gone = min(o.level, shared), false
	}
	return o
}

// judgeLeaf looks at one that is no group. What nothing is known of yet can't
// close a gate that has been open, and neither can a check that has never passed
// since it was configured: then it is more likely to be wrong than the service,
// on all boxes that got it. A gate that has only ever been told degraded stays so.
func judgeLeaf(in *Inputs, c *settings.Condition, seen stage) (o outcome) {
	o.why = check(in, c)
	if o.why.Text == "" {
		return outcome{}
	}
	o.why.Condition = c.String()
	o.level, o.disabled = local, c.Kind == settings.FileAbsent && in.Files[c.Path].Exists
	o.gone = c.Kind == settings.HasAddress && !o.why.Pending
	unproven := false
	if c.Kind == settings.Healthy {
		s := in.Checks[c.Check]
		o.disabled, unproven = s.Told == health.Off, s.Told == health.Down && !s.Passed
	}
	switch {
	case !o.why.Pending && !unproven:
	case seen == opened:
		o.absent = true
		if unproven {
			o.suspect = o.why.Condition + " is suspect: it has never passed since it was configured"
		}
	case seen == begun:
		o.level = shared
	case o.why.Pending:
		o.level = pending
	}
	if c.Kind == settings.Established || c.Kind == settings.Learned {
		o.why.Pending = o.why.Pending || seen == fresh // at a start no session is up yet, and that is no verdict
	}
	return o
}

// judgeGroup counts. With so many needed, the group is as bad as the last of them
// when the best come first. It fails for the first of its members that is so bad,
// or for an address that is gone, unless some of those are one too many: then for
// several.
func judgeGroup(in *Inputs, of []settings.Condition, need int, seen stage) (o outcome, several bool) {
	var count [levels]int
	var first [levels]outcome
	var waits [levels]bool // for a first verdict
	there, disabled := 0, true
	for i := range of {
		one := judge(in, &of[i], seen)
		if o.suspect == "" {
			o.suspect = one.suspect
		}
		if one.absent {
			continue
		}
		there++
		waits[one.level] = waits[one.level] || one.why.Pending
		if count[one.level]++; count[one.level] == 1 || one.gone && !first[one.level].gone {
			first[one.level] = one
		}
		disabled = disabled && (one.level == holds || one.disabled)
	}
	if need = min(need, there); need == 0 {
		o.absent = len(of) > 0
		return o, false
	}
	for n := count[o.level]; n < need; n += count[o.level] {
		o.level++
	}
	if o.level == holds {
		return o, false
	}
	o.why, o.gone, o.disabled = first[o.level].why, first[o.level].gone, disabled
	o.why.Pending = o.why.Pending || need < there && waits[o.level] // any of them may be enough
	return o, need < there
}

// told is how many members of a group are told of in a reason.
const told = 3

// whichFail says which of a group fail.
func whichFail(in *Inputs, c *settings.Condition, seen stage) string {
	var fail []string
	for i := range c.Of {
		if one := judge(in, &c.Of[i], seen); one.level > holds && !one.absent {
			fail = append(fail, one.why.String())
		}
	}
	if more := len(fail) - told; more > 0 {
		fail = append(fail[:told], fmt.Sprintf("%d more", more))
	}
	return "fails: " + strings.Join(fail, ", ")
}

// Check looks at one condition, which may be a group, whatever its gate is; no
// text means that it holds.
func Check(in Inputs, c settings.Condition) Reason { return judge(&in, &c, fresh).why }

// Look is how one condition stands, for people.
type Look struct {
	Holds   bool
	Why     string // not
	Ignored bool   // it may not act: it is suspect, or nothing is known of it yet
}

// At looks at a condition of the named gate, which may be a group.
func (p *Plan) At(in Inputs, gate string, c *settings.Condition) Look {
	o := judge(&in, c, p.Memory[gate].Seen)
	l := Look{Holds: o.level == holds && !o.absent, Why: o.why.Text, Ignored: o.absent}
	if c.Kind == settings.Group && o.why.Condition != c.String() {
		l.Why = o.why.String() // it is one in it
	}
	return l
}

// check looks at one condition; no text means that it holds.
func check(in *Inputs, c *settings.Condition) Reason {
	switch c.Kind {
	case settings.LinkUp:
		return checkLink(in, c.Link)
	case settings.HasAddress:
		return checkAddress(in, c)
	case settings.Established:
		if !in.Up[c.Neighbor] {
			return Reason{Text: "is not established"}
		}
	case settings.FileAbsent, settings.FilePresent:
		return checkFile(in, c)
	case settings.Healthy:
		return checkHealth(in, c.Check)
	case settings.UnitActive:
		switch u, known := in.Units[c.Unit]; {
		case !known:
			return Reason{Text: "is not known yet", Pending: true}
		case !u.Active:
			return Reason{Text: u.Text}
		}
	case settings.Learned:
		switch there, known := in.Learned[settings.From{Route: c.Route, Neighbor: c.Neighbor}]; {
		case !known:
			return Reason{Text: "is not known yet", Pending: true}
		case !there:
			return Reason{Text: "is not announced"}
		}
	}
	return Reason{}
}

func checkFile(in *Inputs, c *settings.Condition) Reason {
	file, known := in.Files[c.Path]
	switch {
	case !known:
		return Reason{Text: "has not been looked for yet", Pending: true}
	case file.Lost != "":
		return Reason{Text: file.Lost}
	case file.Exists == (c.Kind == settings.FilePresent):
		return Reason{}
	case file.Exists:
		return Reason{Text: "is there"}
	}
	return Reason{Text: "is not there"}
}

func checkHealth(in *Inputs, c health.Check) Reason {
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

func checkLink(in *Inputs, name string) Reason {
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

func checkAddress(in *Inputs, c *settings.Condition) Reason {
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
