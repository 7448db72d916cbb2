// Package metrics is one collector over snapshots, for Prometheus.
package metrics

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// Snapshot is how a box was at a time. Nobody changes it any more.
type Snapshot struct {
	At         time.Time
	Version    string
	Started    time.Time
	Neighbors  []Neighbor
	Gates      []Gate
	Checks     []Check
	Helpers    []Helper
	Watchdog   Watchdog
	Routes     int // wanted, on the wire or not
	Drains     int
	Turns      uint64
	Panics     uint64
	Turn       Histogram
	Mailbox    Histogram
	Withdraw   Histogram // from the failure to the neighbor's acknowledgement
	Degrade    Histogram // the same of what made routes less wanted
	AckLost    uint64    // the session ended before
	Wakeups    uint64    // of netlink, and the others too
	Listings   uint64
	Overruns   uint64
	LogDropped uint64
}

// Neighbor is one neighbor; what is counted is of its session.
type Neighbor struct {
	Name                                       string
	Up, CaughtUp                               bool
	Changed                                    time.Time
	Sessions                                   uint64
	UpdatesOut, UpdatesIn                      uint64
	Announced, Withdrawn, Received, Unsendable uint64
}

// Gate is one gate.
type Gate struct {
	Name    string
	Open    bool
	Rung    int // 0 is the top, as routes are written
	Drained bool
	Suspect bool
	Changed time.Time
	Routes  int
}

// Check is one check of a gate. Its name says what kind it is and which one of
// the gate's: commands and addresses may hold secrets.
type Check struct {
	Gate, Name string
	Up         bool
}

// Helper is one helper.
type Helper struct {
	Name                           string
	Running                        bool
	Starts, Commands, Errors, Lost uint64
}

// Watchdog is the hardware.
type Watchdog struct {
	Configured, Armed, ResetByIt bool
	Timeout                      time.Duration
	LastFed                      time.Time
}

// Histogram counts durations: Below is how many of them were less than each of
// some bounds in seconds.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	Below map[float64]uint64
}

// emit hands over a value, with those of the labels.
type emit func(v float64, labels ...string)

// row is one metric: its name, what it says, and where that is in a snapshot.
type row struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(s *Snapshot, e emit)
}

const prefix = "holdfast_"

func newRow(kind prometheus.ValueType, name, help string, labels []string, read func(*Snapshot, emit)) row {
	return row{prometheus.NewDesc(prefix+name, help, labels, nil), kind, read}
}

// of is a metric of each thing of a kind.
func of[T any](label string, all func(*Snapshot) []T, name func(*T) string) func(prometheus.ValueType, string, string, func(*T) float64) row {
	return func(kind prometheus.ValueType, metric, help string, value func(*T) float64) row {
		return newRow(kind, metric, help, []string{label}, func(s *Snapshot, e emit) {
			for i := range all(s) {
				t := &all(s)[i]
				e(value(t), name(t))
			}
		})
	}
}

// label is a text as the value of a label, which has to be UTF-8: a configuration
// may name its gates in any octets.
func label(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus has it; 0 if it never was.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// Collector tells of a snapshot, a new one for each scrape.
type Collector struct {
	look func() *Snapshot
	rows []row
	hist []histogram
	age  *prometheus.Desc
}

type histogram struct {
	desc *prometheus.Desc
	read func(*Snapshot) Histogram
}

// New makes a collector. look may give nil, while nothing is known yet; it is
// called on the goroutine of a scrape.
func New(look func() *Snapshot) *Collector {
	return &Collector{look: look, rows: rows(), hist: []histogram{
		newHistogram("loop_turn_seconds", "How long turns of the event loop took, from wake-up to sleep.", func(s *Snapshot) Histogram { return s.Turn }),
		newHistogram("loop_mailbox_seconds", "How long what was posted to the event loop waited.", func(s *Snapshot) Histogram { return s.Mailbox }),
		newHistogram("withdraw_ack_seconds", "Time from what closed a gate to the acknowledgement of the withdraw by the neighbor's TCP.", func(s *Snapshot) Histogram { return s.Withdraw }),
		newHistogram("degrade_ack_seconds", "Time from what degraded a gate to the acknowledgement by the neighbor's TCP.", func(s *Snapshot) Histogram { return s.Degrade }),
	}, age: prometheus.NewDesc(prefix+"snapshot_age_seconds", "How old what this scrape tells is: more than nothing if the event loop was slow to answer.", nil, nil)}
}

func newHistogram(name, help string, read func(*Snapshot) Histogram) histogram {
	return histogram{prometheus.NewDesc(prefix+name, help, nil, nil), read}
}

// Describe is prometheus.Collector's.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, r := range c.rows {
		ch <- r.desc
	}
	for _, h := range c.hist {
		ch <- h.desc
	}
	ch <- c.age
}

// Collect is prometheus.Collector's.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.look()
	if s == nil {
		return
	}
	for _, r := range c.rows {
		r.read(s, func(v float64, labels ...string) {
			for i, l := range labels {
				labels[i] = label(l)
			}
			ch <- prometheus.MustNewConstMetric(r.desc, r.kind, v, labels...)
		})
	}
	for _, h := range c.hist {
		v := h.read(s)
		ch <- prometheus.MustNewConstHistogram(h.desc, v.Count, v.Sum.Seconds(), v.Below)
	}
	ch <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, max(time.Since(s.At), 0).Seconds())
}
