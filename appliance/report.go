package appliance

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"time"

	"holdfast/appliance/control"
	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/rib"
	"holdfast/bgp/speaker"
	"holdfast/netio"
)

// handlers are what the control socket answers.
func (d *Daemon) handlers() map[string]control.Handler {
	all := map[string]control.Handler{
		"status":  func(ctx context.Context, _ string) (any, error) { return d.status(ctx) },
		"explain": func(ctx context.Context, prefix string) (any, error) { return d.explain(ctx, prefix) },
		"routes":  d.routes,
		"drain":   d.beginDrain,
		"undrain": d.endDrain,
		"leaving": d.remaining,
		"units":   d.unitsOfGates,
		"stop": func(context.Context, string) (any, error) {
			d.ask("stopped over the control socket")
			return "stopping", nil
		},
	}
	maps.Copy(all, d.changeHandlers())
	return all
}

// onLoop has f look at what belongs to the loop.
func (d *Daemon) onLoop(ctx context.Context, f func()) error {
	done := make(chan struct{})
	d.loop.Post(func() { f(); close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the event loop does not answer: %w", ctx.Err())
	}
}

func (d *Daemon) status(ctx context.Context) (*Status, error) {
	var peers speaker.Status
	var loop netio.Stats
	if err := d.onLoop(ctx, func() { peers, loop = d.speaker.Status(), d.loop.Stats() }); err != nil {
		return nil, err
	}
	in, plan, since := d.reconciler.decided()
	n := d.monitor.Stats()
	s := &Status{Version: d.options.Version, PID: os.Getpid(), Started: d.started, Config: d.options.Path,
		Summary: summary(in, plan, peers) + d.changes.view.Load().sentence(), Change: d.changes.view.Load(), Watchdog: d.watchdogStatus(in.Settings.Hardware), Routes: peers.Routes,
		Loop: LoopStatus{Turns: loop.Turns, TurnP50: loop.Turn.Quantile(.5).Microseconds(), TurnP99: loop.Turn.Quantile(.99).Microseconds(),
			TurnMax: loop.Turn.Max.Microseconds(), MailboxP99: loop.Mailbox.Quantile(.99).Microseconds(), MailboxWorst: loop.Mailbox.Max.Microseconds()},
		Netlink: NetlinkStatus{n.Wakeups, n.Listings, n.Overruns}, Gates: []GateStatus{}, Neighbors: []NeighborStatus{}, Helpers: []HelperStatus{}, Drains: in.Drains}
	s.Gates = append(s.Gates, gateStatus(in, plan, since, peers)...)
	for _, p := range peers.Peers {
		s.Neighbors = append(s.Neighbors, neighborStatus(p))
	}
	for _, h := range d.helperStatus() {
		s.Helpers = append(s.Helpers, HelperStatus{h.Name, h.PID, h.Starts, h.Commands, h.Errors, h.Lost, h.WaitingBytes})
	}
	return s, nil
}

func neighborStatus(p speaker.PeerStatus) NeighborStatus {
	n := NeighborStatus{Address: p.Name, Description: p.Description, AS: uint32(p.PeerAS), State: p.State, Since: p.Since,
		LastError: p.LastError, LocalAS: uint32(p.LocalAS), HoldTime: p.HoldTime.Seconds(), Announced: p.Sent.Announced,
		Withdrawn: p.Sent.Withdrawn, Received: p.RoutesIn, Updates: p.Sent.Updates, UpdatesIn: p.UpdatesIn,
		Sessions: p.Sessions, Unsendable: p.Sent.Unsendable, CaughtUp: p.Caught}
	if p.RouterID != 0 {
		n.RouterID = p.RouterID.String()
	}
	for _, f := range p.Families {
		n.Families = append(n.Families, f.String())
	}
	return n
}

func (d *Daemon) watchdogStatus(h *settings.Hardware) WatchdogStatus {
	if h == nil {
		return WatchdogStatus{}
	}
	w := WatchdogStatus{Configured: true, Device: h.Device, Policy: h.Policy.String()}
	if d.dog.device == nil {
		if w.Why = "it has not been opened yet"; d.dog.err != nil {
			w.Why = d.dog.err.Error()
		}
		return w
	}
	i, k := d.dog.device.Info(), d.dog.keeper.State()
	w.Device, w.Identity, w.Timeout, w.PretimeoutS = i.Path, i.Identity, i.Timeout.Seconds(), i.Pretimeout.Seconds()
	w.ResetByIt, w.NoWayOut = i.CausedReset, i.NoWayOut
	w.Armed, w.Why, w.LastFed, w.StalledBy, w.FedWitness = k.Armed, k.Why, k.LastFed, k.Stalled, k.Witnesses
	return w
}

// sentence is the summary for the service manager.
func (d *Daemon) sentence() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var peers speaker.Status
	if err := d.onLoop(ctx, func() { peers = d.speaker.Status() }); err != nil {
		return err.Error()
	}
	in, plan, _ := d.reconciler.decided()
	text := d.unprovisioned()
	if text == "" {
		text = summary(in, plan, peers)
	}
	return text + d.changes.view.Load().sentence()
}

// summary is the box in one sentence.
func summary(in desired.Inputs, plan desired.Plan, peers speaker.Status) string {
	up := 0
	for _, p := range peers.Peers {
		if p.State == "ESTABLISHED" {
			up++
		}
	}
	s := fmt.Sprintf("%d of %d sessions up", up, len(peers.Peers))
	s += summaryOfGates(plan)
	if h := in.Settings.Hardware; h != nil && h.Policy == settings.Prefer && !in.Watchdog.Armed {
		s += "; announcing without a watchdog: " + in.Watchdog.Why
	}
	return s
}

// explain is the chain from the conditions of a prefix to each neighbor.
func (d *Daemon) explain(ctx context.Context, text string) (*Explanation, error) {
	prefix, err := parsePrefix(text)
	if err != nil {
		return nil, err
	}
	var views []speaker.RouteView
	raw := inet.Prefix{Net: prefix}.Raw()
	if err := d.onLoop(ctx, func() { views = d.speaker.Lookup(raw) }); err != nil {
		return nil, err
	}
	if len(views) == 0 {
		return nil, fmt.Errorf("nobody wants %s announced", prefix)
	}
	in, plan, _, history := d.reconciler.look()
	e := &Explanation{Prefix: prefix.String(), History: []HistoryEntry{}}
	for _, v := range views {
		r := routeStatus(v, plan)
		if r.Group != "" {
			r.Conditions = conditions(in, &plan, r.Group)
		}
		e.Routes = append(e.Routes, r)
		for _, h := range history {
			if h.Group == r.Group {
				e.History = append(e.History, h)
			}
		}
	}
	e.History = e.History[max(len(e.History)-20, 0):]
	e.Verdict = verdictOn(e.Routes)
	return e, nil
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

func verdictOn(rs []RouteStatus) string {
	told := 0
	for _, r := range rs {
		for _, p := range r.Peers {
			if p.Told == rib.Announced.String() {
				told++
			}
		}
	}
	switch {
	case told == 1:
		return "is announced to 1 neighbor"
	case told > 0:
		return fmt.Sprintf("is announced to %d neighbors", told)
	case !rs[0].On:
		return "is not announced: " + rs[0].Reason
	}
	return "is not announced: no neighbor has been told yet"
}
