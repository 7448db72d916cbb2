package appliance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"time"

	"holdfast/appliance/control"
	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/bgp/speaker"
	"holdfast/netio"
)

// handlers are what the control socket answers.
func (d *Daemon) handlers() map[string]control.Handler {
	all := map[string]control.Handler{
		"status":  func(ctx context.Context, _ string) (any, error) { return d.status(ctx) },
		"explain": func(ctx context.Context, prefix string) (any, error) { return d.explain(ctx, prefix) },
		"history": func(_ context.Context, query string) (any, error) { return d.history(query) },
		"routes":  d.routes,
		"drain":   d.beginDrain,
		"undrain": d.endDrain,
		"leaving": d.remaining,
		"facts":   func(ctx context.Context, _ string) (any, error) { return d.boxFacts(ctx) },
		"update":  d.updateStatus,
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
	n, acked := d.monitor.Stats(), d.receipts.look()
	s := &Status{Version: d.options.Version, PID: os.Getpid(), Started: d.started, Config: d.options.Path,
		Summary: d.summary(in, plan, peers) + d.changes.view.Load().sentence(), Change: d.changes.view.Load(), Watchdog: d.watchdogStatus(in.Settings.Hardware), Routes: peers.Routes,
		Loop: LoopStatus{Turns: loop.Turns, TurnP50: loop.Turn.Quantile(.5).Microseconds(), TurnP99: loop.Turn.Quantile(.99).Microseconds(),
			TurnMax: loop.Turn.Max.Microseconds(), MailboxP99: loop.Mailbox.Quantile(.99).Microseconds(), MailboxWorst: loop.Mailbox.Max.Microseconds()},
		Netlink: NetlinkStatus{n.Wakeups, n.Listings, n.Overruns}, Checks: checksStatus(in.Settings, d.reconciler.standings()),
		Receipts: receiptsStatus(&acked), Drains: in.Drains, Gates: []GateStatus{}, Neighbors: []NeighborStatus{}, Helpers: []HelperStatus{}}
	s.Gates = append(s.Gates, gateStatus(in, plan, since, peers)...)
	for _, p := range peers.Peers {
		s.Neighbors = append(s.Neighbors, neighborStatus(p))
	}
	for _, h := range d.helperStatus() {
		s.Helpers = append(s.Helpers, HelperStatus{h.Name, h.PID, h.Unit, h.Starts, h.Commands, h.Errors, h.Lost, h.WaitingBytes})
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
	var w WatchdogStatus
	got := d.dog.get()
	if h != nil {
		w = WatchdogStatus{Configured: true, Device: h.Device, Policy: h.Policy.String()}
		if w.Why = "it has not been opened yet"; got.err != nil {
			w.Why = got.err.Error()
		}
	}
	if got.device == nil || got.err != nil {
		return w
	}
	i, k := got.device.Info(), got.keeper.State()
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
	return d.summary(in, plan, peers) + d.changes.view.Load().sentence()
}

// summary is the box in one sentence, also one that waits for its first bundle.
func (d *Daemon) summary(in desired.Inputs, plan desired.Plan, peers speaker.Status) string {
	if text := d.unprovisioned(); text != "" {
		return text
	}
	return summary(in, plan, peers)
}

// summary is a box that is provisioned in one sentence.
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
