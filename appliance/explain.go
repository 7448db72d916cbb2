package appliance

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/rib"
	"holdfast/bgp/speaker"
)

// explained is what an explanation is made of.
type explained struct {
	prefix  netip.Prefix
	views   []speaker.RouteView // one at least
	in      desired.Inputs
	plan    desired.Plan
	since   map[string]time.Time
	history []chronicle.Entry
	acked   []speaker.Receipt
	now     time.Time
}

// explain is the chain from the conditions of a prefix to each neighbor.
func (d *Daemon) explain(ctx context.Context, text string) (*Explanation, error) {
	prefix, err := parsePrefix(text)
	if err != nil {
		return nil, err
	}
	x := explained{prefix: prefix, history: d.chronicle.Entries(chronicle.Query{}), acked: d.receipts.look().Last, now: time.Now()}
	raw := inet.Prefix{Net: prefix}.Raw()
	if err := d.onLoop(ctx, func() { x.views = d.speaker.Lookup(raw) }); err != nil {
		return nil, err
	}
	if len(x.views) == 0 {
		return nil, fmt.Errorf("nobody wants %s announced", prefix)
	}
	x.in, x.plan, x.since = d.reconciler.look()
	return x.explanation(), nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("want a prefix like 192.0.2.53/32, got %q", text)
	}
	return p.Masked(), nil
}

func (x *explained) explanation() *Explanation {
	e := &Explanation{Prefix: x.prefix.String()}
	for _, v := range x.views {
		r := routeStatus(v, x.plan)
		if r.Group != "" {
			r.Since = x.since[r.Group]
			r.Conditions = conditions(x.in, &x.plan, r.Group)
		}
		for i := range r.Peers {
			r.Peers[i].Receipt = lastReceipt(x.acked, r.Peers[i].Neighbor, r.Group)
		}
		r.Next = x.next(&r)
		e.Routes = append(e.Routes, r)
	}
	e.Verdict = verdictOn(e.Routes)
	e.History = x.transitions(e.Routes)
	return e
}

// transitionsMax is how many of them an explanation has.
const transitionsMax = 10

// transitions are the last changes of the gates and the sessions that the routes
// depend on, and of what everything depends on.
func (x *explained) transitions(rs []RouteStatus) []chronicle.Entry {
	concerned := map[[2]string]bool{}
	for _, r := range rs {
		concerned[[2]string{kindGate, r.Group}] = r.Group != ""
		for _, p := range r.Peers {
			concerned[[2]string{kindSession, p.Neighbor}] = true
		}
	}
	all := slices.DeleteFunc(x.history, func(e chronicle.Entry) bool {
		return !concerned[[2]string{e.Kind, e.Object}] && !slices.Contains([]string{kindStart, kindStop, kindWatchdog}, e.Kind)
	})
	return all[max(len(all)-transitionsMax, 0):]
}

func routeStatus(v speaker.RouteView, plan desired.Plan) RouteStatus {
	r := RouteStatus{Text: string(v.Route.AppendText(nil)), Owner: "api", Group: v.Route.Group, On: v.On, Degraded: v.Degrade.String()}
	if v.Owner == rib.Config {
		r.Owner = "configuration"
	}
	state, named := plan.Groups[r.Group]
	if !named {
		state = plan.Rest
	}
	r.Rung, r.Suspect = state.Rung, state.Suspect
	if r.Reason = state.Reason.String(); r.Reason == "" && !v.On && r.Group != "" {
		r.Reason = "the route starts withdrawn, and nobody has announced its group"
	}
	for _, t := range v.Told {
		r.Peers = append(r.Peers, PeerTold{Neighbor: t.Neighbor, Session: t.Session, Told: t.State.String()})
	}
	return r
}

// gateOf is the gate of a name, if it has one.
func gateOf(s *settings.Settings, name string) *settings.Gate {
	for i := range s.Gates {
		if s.Gates[i].Name == name {
			return &s.Gates[i]
		}
	}
	return nil
}

func verdictOn(rs []RouteStatus) string {
	told, degraded := 0, ""
	for _, r := range rs {
		for _, p := range r.Peers {
			if p.Told == rib.Announced.String() {
				told++
				degraded = r.Degraded
			}
		}
	}
	if degraded != "" {
		degraded = ", with " + degraded
	}
	switch {
	case told == 1:
		return "is announced to 1 neighbor" + degraded
	case told > 0:
		return fmt.Sprintf("is announced to %d neighbors", told) + degraded
	case !rs[0].On:
		return "is not announced: " + rs[0].Reason
	}
	return "is not announced: no neighbor has been told yet"
}

// checksListed is how many of the checks that are not up are listed.
const checksListed = 100

// checksStatus counts all checks, and lists those that are not up.
func checksStatus(s *settings.Settings, all map[health.Check]health.Standing) ChecksStatus {
	c := ChecksStatus{NotUp: []CheckStatus{}}
	listed := map[health.Check]int{} // where in NotUp
	for i := range s.Gates {
		for of := range s.Gates[i].Leaves() {
			if of.Kind == settings.Healthy {
				c.count(of, s.Gates[i].Name, all[of.Check], listed)
			}
		}
	}
	return c
}

// seenBefore is of a check that is counted and not listed.
const seenBefore = -1

// count adds a check, the first time that it is met.
func (c *ChecksStatus) count(of *settings.Condition, gate string, s health.Standing, listed map[health.Check]int) {
	if at, known := listed[of.Check]; known {
		if at != seenBefore && !slices.Contains(c.NotUp[at].Gates, gate) {
			c.NotUp[at].Gates = append(c.NotUp[at].Gates, gate)
		}
		return
	}
	c.Total++
	listed[of.Check] = seenBefore
	switch s.Told {
	case health.Up:
		c.Up++
		return
	case health.Init:
		c.Pending++
	default:
		c.Down++
	}
	if len(c.NotUp) < checksListed {
		listed[of.Check] = len(c.NotUp)
		c.NotUp = append(c.NotUp, CheckStatus{Check: of.String(), Gates: []string{gate}, State: strings.ToLower(s.Told.String()), Text: s.Text, NeverUp: !s.Passed})
	}
}
