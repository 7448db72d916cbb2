package appliance

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"holdfast/appliance/control"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/metrics"
	"holdfast/appliance/settings"
	"holdfast/netio"
)

// scrapePatience is how long a scrape waits for the event loop, which answers
// within milliseconds; then it tells what the last one did.
const scrapePatience = time.Second

// scraper takes snapshots for Prometheus. However many ask, and however slow the
// loop is, one question at most waits for it.
type scraper struct {
	take func() *metrics.Snapshot // may take long

	mu   sync.Mutex
	last *metrics.Snapshot
	next chan struct{} // closed when the snapshot on its way is there; nil: there is none
}

// look is a snapshot that is new, or the last one if that takes too long.
func (s *scraper) look(patience <-chan time.Time) *metrics.Snapshot {
	s.mu.Lock()
	if s.next == nil {
		s.next = make(chan struct{})
		go s.refresh(s.next)
	}
	next := s.next
	s.mu.Unlock()
	select {
	case <-next:
	case <-patience:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *scraper) refresh(done chan struct{}) {
	shot := s.take()
	s.mu.Lock()
	defer s.mu.Unlock()
	if shot != nil {
		s.last = shot
	}
	s.next = nil
	close(done)
}

// newMetrics is what answers Prometheus.
func (d *Daemon) newMetrics() *metrics.Server {
	s := &scraper{take: d.snapshot}
	c := metrics.New(func() *metrics.Snapshot { return s.look(time.After(scrapePatience)) })
	return metrics.NewServer(d.log, c, func(path string) (net.Listener, error) { return control.Take("metrics socket", path) })
}

// snapshot is the box for Prometheus; nil if the loop does not answer.
func (d *Daemon) snapshot() *metrics.Snapshot {
	ctx, cancel := context.WithTimeout(context.Background(), loopPatience)
	defer cancel()
	status, err := d.status(ctx)
	if err != nil {
		return nil
	}
	var loop netio.Stats
	if err := d.onLoop(ctx, func() { loop = d.loop.Stats() }); err != nil {
		return nil
	}
	receipts := d.receipts.look()
	in, plan, _ := d.reconciler.decided()
	in.Checks = d.reconciler.standings()
	s := scraped(status, in, plan)
	s.Withdraw, s.Degrade, s.AckLost = scrapedHistogram(&receipts.Withdrawn), scrapedHistogram(&receipts.Degraded), receipts.Lost
	s.Turns, s.Panics, s.Turn, s.Mailbox = loop.Turns, loop.Panics, scrapedHistogram(&loop.Turn), scrapedHistogram(&loop.Mailbox)
	if f := d.options.LogDropped; f != nil {
		s.LogDropped = f()
	}
	return s
}

// scraped is a status in the words of metrics.
func scraped(s *Status, in desired.Inputs, plan desired.Plan) *metrics.Snapshot {
	w := s.Watchdog
	m := &metrics.Snapshot{At: time.Now(), Version: s.Version, Started: s.Started, Routes: s.Routes, Drains: len(s.Drains), Neighbors: scrapedNeighbors(s.Neighbors),
		Wakeups: s.Netlink.Wakeups, Listings: s.Netlink.Listings, Overruns: s.Netlink.Overruns, Checks: scrapedChecks(in.Settings, in.Checks),
		Watchdog: metrics.Watchdog{Configured: w.Configured, Armed: w.Armed, ResetByIt: w.ResetByIt, LastFed: w.LastFed, Timeout: time.Duration(w.Timeout * float64(time.Second))}}
	for _, g := range s.Gates {
		if g.Name == "" {
			continue // of routes without a gate
		}
		m.Gates = append(m.Gates, metrics.Gate{Name: g.Name, Open: g.On, Rung: rungNumber(in.Settings, g.Name, plan.Groups[g.Name].Rung), Drained: g.Rung == "drain",
			Suspect: g.Suspect != "", Changed: g.Since, Routes: g.Routes})
	}
	for _, h := range s.Helpers {
		m.Helpers = append(m.Helpers, metrics.Helper{Name: h.Name, Running: h.PID != 0, Starts: h.Starts, Commands: h.Commands, Errors: h.Errors, Lost: h.Lost})
	}
	return m
}

// rungNumber is which rung of its ladder a gate is on; 0 is the top, or none of
// the ladder's.
func rungNumber(s *settings.Settings, gate, rung string) int {
	g := gateOf(s, gate)
	if g == nil || rung == "" {
		return 0
	}
	return 1 + slices.IndexFunc(g.Ladder, func(r settings.Rung) bool { return r.Text == rung })
}

// scrapedNeighbors adds up sessions that have one name: a range may have several.
func scrapedNeighbors(all []NeighborStatus) (ns []metrics.Neighbor) {
	at := map[string]int{}
	for _, n := range all {
		i, known := at[n.Address]
		if !known {
			i = len(ns)
			at[n.Address] = i
			ns = append(ns, metrics.Neighbor{Name: n.Address, CaughtUp: true})
		}
		m := &ns[i]
		m.Up = m.Up || n.State == "ESTABLISHED"
		m.CaughtUp = m.CaughtUp && n.CaughtUp
		if n.Since.After(m.Changed) {
			m.Changed = n.Since
		}
		m.Sessions += n.Sessions
		m.UpdatesOut += n.Updates
		m.UpdatesIn += n.UpdatesIn
		m.Announced += n.Announced
		m.Withdrawn += n.Withdrawn
		m.Received += n.Received
		m.Unsendable += n.Unsendable
	}
	return ns
}

// scrapedChecks names checks by their kind and their number in the gate: what a
// command or an address says may be secret.
func scrapedChecks(s *settings.Settings, all map[health.Check]health.Standing) (cs []metrics.Check) {
	for i := range s.Gates {
		n := 0
		for c := range s.Gates[i].Leaves() {
			if c.Kind == settings.Healthy {
				n++
				cs = append(cs, metrics.Check{Gate: s.Gates[i].Name, Name: fmt.Sprintf("%s %d", c.Check.Kind, n), Up: all[c.Check].Told == health.Up})
			}
		}
	}
	return cs
}

// Bounds of the buckets of Prometheus, as powers of two in nanoseconds: from 16 µs
// to 17 s.
const firstBound, lastBound = 14, 34

func scrapedHistogram(h *netio.Histogram) metrics.Histogram {
	m := metrics.Histogram{Count: h.Count, Sum: h.Sum, Below: map[float64]uint64{}}
	for i := firstBound; i <= lastBound; i++ {
		d := time.Duration(1) << i
		m.Below[d.Seconds()] = h.Below(d)
	}
	return m
}
