package metrics

import (
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// rows are all metrics that are a number.
func rows() []row { return slices.Concat(boxRows(), neighborRows(), gateRows(), helperRows()) }

func boxRows() []row {
	one := func(kind prometheus.ValueType, name, help string, value func(*Snapshot) float64) row {
		return newRow(kind, name, help, nil, func(s *Snapshot, e emit) { e(value(s)) })
	}
	ofWatchdog := func(name, help string, value func(*Watchdog) float64) row {
		return newRow(gauge, name, help, nil, func(s *Snapshot, e emit) {
			if s.Watchdog.Configured {
				e(value(&s.Watchdog))
			}
		})
	}
	return []row{
		newRow(gauge, "build_info", "1, with the version of the daemon and of Go.", []string{"version", "goversion"},
			func(s *Snapshot, e emit) { e(1, s.Version, runtime.Version()) }),
		one(gauge, "start_time_seconds", "When the daemon started, since the epoch.", func(s *Snapshot) float64 { return seconds(s.Started) }),
		one(gauge, "routes", "Routes that are wanted, on the wire or not.", func(s *Snapshot) float64 { return float64(s.Routes) }),
		one(gauge, "drains", "Drains that are in force.", func(s *Snapshot) float64 { return float64(s.Drains) }),
		one(counter, "loop_turns_total", "Turns of the event loop.", func(s *Snapshot) float64 { return float64(s.Turns) }),
		one(counter, "loop_panics_total", "Connections that were lost by an error in our code.", func(s *Snapshot) float64 { return float64(s.Panics) }),
		one(counter, "netlink_wakeups_total", "Messages of the kernel about links and addresses.", func(s *Snapshot) float64 { return float64(s.Wakeups) }),
		one(counter, "netlink_listings_total", "Listings of all links and addresses.", func(s *Snapshot) float64 { return float64(s.Listings) }),
		one(counter, "netlink_overruns_total", "Times that the kernel dropped messages, after each of which all was listed anew.", func(s *Snapshot) float64 { return float64(s.Overruns) }),
		one(counter, "log_dropped_total", "Lines of the log that were dropped since nobody read fast enough.", func(s *Snapshot) float64 { return float64(s.LogDropped) }),
		one(counter, "ack_lost_total", "Withdraws and degrades that the neighbor did not acknowledge before the session ended.", func(s *Snapshot) float64 { return float64(s.AckLost) }),
		ofWatchdog("watchdog_armed", "1 while the hardware watchdog is armed and fed.", func(w *Watchdog) float64 { return yes(w.Armed) }),
		ofWatchdog("watchdog_last_fed_timestamp_seconds", "When the hardware watchdog was fed last, since the epoch; 0 if it never was.", func(w *Watchdog) float64 { return seconds(w.LastFed) }),
		ofWatchdog("watchdog_timeout_seconds", "How long after the last feeding the box is reset.", func(w *Watchdog) float64 { return w.Timeout.Seconds() }),
		ofWatchdog("watchdog_reset", "1 if this boot follows a reset by the watchdog.", func(w *Watchdog) float64 { return yes(w.ResetByIt) }),
	}
}

func neighborRows() []row {
	r := of("neighbor", func(s *Snapshot) []Neighbor { return s.Neighbors }, func(n *Neighbor) string { return n.Name })
	return []row{
		r(gauge, "session_up", "1 while a session with the neighbor is established.", func(n *Neighbor) float64 { return yes(n.Up) }),
		r(gauge, "session_caught_up", "1 while the neighbor has been told everything.", func(n *Neighbor) float64 { return yes(n.CaughtUp) }),
		r(gauge, "session_changed_timestamp_seconds", "When the state of the session changed last, since the epoch.", func(n *Neighbor) float64 { return seconds(n.Changed) }),
		r(counter, "session_established_total", "Times that a session with the neighbor was established.", func(n *Neighbor) float64 { return float64(n.Sessions) }),
		r(counter, "updates_sent_total", "UPDATE messages sent in this session.", func(n *Neighbor) float64 { return float64(n.UpdatesOut) }),
		r(counter, "updates_received_total", "UPDATE messages received in this session.", func(n *Neighbor) float64 { return float64(n.UpdatesIn) }),
		r(counter, "routes_announced_total", "Routes announced in this session.", func(n *Neighbor) float64 { return float64(n.Announced) }),
		r(counter, "routes_withdrawn_total", "Routes withdrawn in this session.", func(n *Neighbor) float64 { return float64(n.Withdrawn) }),
		r(counter, "routes_received_total", "Routes received in this session.", func(n *Neighbor) float64 { return float64(n.Received) }),
		r(counter, "routes_unsendable_total", "Routes that do not fit into a message to this neighbor.", func(n *Neighbor) float64 { return float64(n.Unsendable) }),
	}
}

func gateRows() []row {
	r := of("gate", func(s *Snapshot) []Gate { return s.Gates }, func(g *Gate) string { return g.Name })
	return []row{
		r(gauge, "gate_open", "1 while the routes of the gate are told.", func(g *Gate) float64 { return yes(g.Open) }),
		r(gauge, "gate_rung", "Rung of the ladder on which the gate stands; 0 is the top, where routes are told as they are written.", func(g *Gate) float64 { return float64(g.Rung) }),
		r(gauge, "gate_drained", "1 while the gate is drained.", func(g *Gate) float64 { return yes(g.Drained) }),
		r(gauge, "gate_suspect", "1 while a condition of the gate fails that may not act.", func(g *Gate) float64 { return yes(g.Suspect) }),
		r(gauge, "gate_changed_timestamp_seconds", "When the gate opened or closed last, since the epoch.", func(g *Gate) float64 { return seconds(g.Changed) }),
		r(gauge, "gate_routes", "Routes that carry the name of the gate.", func(g *Gate) float64 { return float64(g.Routes) }),
		newRow(gauge, "check_up", "1 while the check is up. It is named by its kind, and its number among the gate's checks.", []string{"gate", "check"},
			func(s *Snapshot, e emit) {
				for _, c := range s.Checks {
					e(yes(c.Up), c.Gate, c.Name)
				}
			}),
	}
}

func helperRows() []row {
	r := of("helper", func(s *Snapshot) []Helper { return s.Helpers }, func(h *Helper) string { return h.Name })
	return []row{
		r(gauge, "helper_running", "1 while the helper's process runs.", func(h *Helper) float64 { return yes(h.Running) }),
		r(counter, "helper_starts_total", "Times that the helper was started.", func(h *Helper) float64 { return float64(h.Starts) }),
		r(counter, "helper_commands_total", "Commands of the helper.", func(h *Helper) float64 { return float64(h.Commands) }),
		r(counter, "helper_errors_total", "Commands of the helper that were answered with an error.", func(h *Helper) float64 { return float64(h.Errors) }),
		r(counter, "helper_lost_total", "Lines that the helper did not read in time.", func(h *Helper) float64 { return float64(h.Lost) }),
	}
}
