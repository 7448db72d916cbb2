package appliance

import (
	"fmt"
	"strings"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/bgp/rib"
)

// next is what would change how a route is told, the nearest cause first.
func (x *explained) next(r *RouteStatus) (says []string) {
	if x.in.Stopping {
		return nil
	}
	if r.Group == "" {
		says = x.nextHardware(nil)
	} else {
		says = x.nextGate(r)
	}
	for _, d := range x.in.Drains {
		if d.Gate == "" || d.Gate == r.Group {
			says = append(says, x.nextDrain(d))
		}
	}
	return append(says, x.nextPeers(r)...)
}

// nextHardware is what everything waits for.
func (x *explained) nextHardware(says []string) []string {
	if h := x.in.Settings.Hardware; h != nil && h.Policy == settings.Require && !x.in.Watchdog.Armed {
		says = append(says, "it needs the hardware watchdog to be armed")
	}
	return says
}

// nextGate is what a gate waits for.
func (x *explained) nextGate(r *RouteStatus) (says []string) {
	says = x.nextHardware(nil)
	s := x.plan.Groups[r.Group]
	fails := x.failing(r.Group)
	manual := x.in.Manual[r.Group] == desired.Withdrawn
	if manual {
		says = append(says, "it needs somebody to say announce watchdog "+r.Group)
	}
	switch {
	case s.On && s.Rung == "" && len(fails) == 0:
		if g := gateOf(x.in.Settings, r.Group); g != nil && len(g.Conditions) > 0 {
			says = append(says, fmt.Sprintf("it changes when one of its %s fails", count(len(g.Conditions), "condition")))
		}
	case len(fails) > 0:
		says = append(says, "it needs "+strings.Join(fails, ", and "))
	}
	if len(says) == 0 || s.On || !manual {
		says = append(says, x.nextTime(r.Group, s, len(fails) > 0)...)
	}
	return says
}

// failing are the conditions of a gate that do not hold and may act.
func (x *explained) failing(group string) (texts []string) {
	g := gateOf(x.in.Settings, group)
	if g == nil {
		return nil
	}
	for i := range g.Conditions {
		c := &g.Conditions[i]
		switch l := x.plan.At(x.in, group, c); {
		case l.Holds || l.Ignored:
		case c.Kind == settings.Group:
			texts = append(texts, fmt.Sprintf("%s (%s)", c, l.Why))
		default:
			texts = append(texts, fmt.Sprintf("%s, which %s", c, l.Why))
		}
	}
	return texts
}

// nextTime is what time alone changes.
func (x *explained) nextTime(group string, s desired.State, fails bool) []string {
	g, w := gateOf(x.in.Settings, group), x.plan.Waits(x.now, group)
	switch {
	case g == nil, s.Rung == drained && !s.On:
	case s.Rung == drained:
		return []string{"it is withdrawn in " + soon(w.Next, x.now)}
	case !fails && !s.On && w.HoldDown.After(x.now):
		return []string{fmt.Sprintf("it opens in %s if %s to hold", soon(w.HoldDown, x.now), goOn(g.Conditions))}
	case w.Next.After(x.now) && fails:
		return []string{fmt.Sprintf("it takes the next rung in %s if that goes on", soon(w.Next, x.now))}
	case w.Next.After(x.now):
		return []string{fmt.Sprintf("it changes in %s if %s to hold", soon(w.Next, x.now), goOn(g.Conditions))}
	}
	return nil
}

// goOn is what has to go on.
func goOn(cs []settings.Condition) string {
	if len(cs) == 1 {
		return cs[0].String() + " goes on"
	}
	return "all of its conditions go on"
}

// drained is the rung of what somebody drains.
const drained = "drain"

func (x *explained) nextDrain(d desired.Drain) string {
	what := "the drain of this gate"
	if d.Gate == "" {
		what = "the drain of this box"
	}
	if d.Reason != "" {
		what += " (" + d.Reason + ")"
	}
	if d.Until.IsZero() {
		return what + " goes on until somebody ends it"
	}
	return fmt.Sprintf("%s ends in %s", what, soon(d.Until, x.now))
}

// nextPeers is which neighbors are still to be told.
func (x *explained) nextPeers(r *RouteStatus) (says []string) {
	if !r.On {
		return nil
	}
	down := 0
	for _, p := range r.Peers {
		if p.Told == rib.NoSession.String() {
			down++
			says = []string{"neighbor " + p.Neighbor + " is told when its session is up"}
		}
	}
	if down > 1 {
		says = []string{count(down, "neighbor") + " are told when their sessions are up"}
	}
	return says
}

// soon is how long it is until then, in whole seconds or what is left of one.
func soon(then, now time.Time) string {
	d := then.Sub(now)
	if d > time.Second {
		return d.Round(time.Second).String()
	}
	return max(d, 0).Round(time.Millisecond).String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
