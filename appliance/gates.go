package appliance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/speaker"
)

// gateStatus is how all gates stand.
func gateStatus(in desired.Inputs, plan desired.Plan, since map[string]time.Time, peers speaker.Status) (gates []GateStatus) {
	free := peers.Routes
	for _, n := range peers.Groups {
		free -= n
	}
	for _, name := range slices.Sorted(maps.Keys(plan.Groups)) {
		s, w := plan.Groups[name], plan.Waits(in.Now, name)
		g := GateStatus{Name: name, On: s.On, Rung: s.Rung, Degrade: s.Degrade.String(), Reason: s.Reason.String(), Suspect: s.Suspect,
			Drain: in.Drained(name), Since: since[name], HoldDown: w.HoldDown, Next: w.Next, Penalty: w.Penalty.Seconds(), Routes: peers.Groups[name]}
		if name == "" {
			g.Routes = free
		}
		if name != "" || g.Drain != nil {
			gates = append(gates, g)
		}
	}
	return gates
}

// summaryOfGates is a sentence's end: how many are open, and what is not as it
// should be, and why.
func summaryOfGates(plan desired.Plan) string {
	var degraded, closed, suspect []string
	open, all := 0, 0
	for _, name := range slices.Sorted(maps.Keys(plan.Groups)) {
		g := plan.Groups[name]
		if name != "" {
			all++
			if g.On {
				open++
			}
		} else if name = "routes without a gate"; g.On && g.Rung == "" {
			continue
		}
		switch {
		case !g.On:
			closed = append(closed, fmt.Sprintf("%s (%s)", name, g.Reason))
		case g.Rung != "":
			degraded = append(degraded, fmt.Sprintf("%s (%s: %s)", name, g.Degrade, g.Reason))
		case g.Reason != desired.Reason{}:
			degraded = append(degraded, fmt.Sprintf("%s (%s)", name, g.Reason))
		}
		if g.Suspect != "" {
			suspect = append(suspect, fmt.Sprintf("%s (%s)", name, g.Suspect))
		}
	}
	s := ""
	if all > 0 {
		s = fmt.Sprintf(", %d of %d gates open", open, all)
	}
	return s + list("degraded", degraded) + list("closed", closed) + list("suspect", suspect)
}

func list(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; " + what + ": " + strings.Join(names, ", ")
}

// conditions is what a gate looks at, the hardware first.
func conditions(in desired.Inputs, plan *desired.Plan, group string) (cs []ConditionStatus) {
	if h := in.Settings.Hardware; h != nil {
		cs = append(cs, ConditionStatus{Text: "hardware watchdog armed and fed", OK: in.Watchdog.Armed, Why: in.Watchdog.Why})
	}
	for i := range in.Settings.Gates {
		if g := &in.Settings.Gates[i]; g.Name == group {
			cs = append(cs, conditionsOf(in, plan, group, g.Conditions)...)
		}
	}
	return cs
}

func conditionsOf(in desired.Inputs, plan *desired.Plan, group string, of []settings.Condition) (cs []ConditionStatus) {
	for i := range of {
		c := &of[i]
		l := plan.At(in, group, c)
		s := ConditionStatus{Text: c.String(), OK: l.Holds, Why: l.Why, MayWithdraw: c.MayWithdraw, Ignored: l.Ignored,
			Of: conditionsOf(in, plan, group, c.Of)}
		if c.Class != health.Local {
			s.Class = c.Class.String()
		}
		cs = append(cs, s)
	}
	return cs
}
