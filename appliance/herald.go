package appliance

import (
	"net/netip"
	"os"
	"time"

	"holdfast/appliance/helper"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/speaker"
)

// herald tells helpers what happens. It is the loop's: what it hands on are
// values, which become words on the helpers' goroutines.
type herald struct {
	hear     func(name string, e helper.Event) bool
	source   event.Source
	like     event.Form             // what all of them have in common
	text     map[string]bool        // helpers, and whether they are told in text
	tellers  map[form]*event.Teller // made when they are first needed
	counters map[counted]*uint64
}

// form is one of the ways in which a helper is told.
type form struct {
	helper string
	event.Form
}

// counted is whose events have a counter of their own: a helper sees by a gap
// that it has lost some of a neighbor.
type counted struct {
	helper   string
	neighbor netip.Addr
}

func newHerald(like event.Form, hear func(string, helper.Event) bool) *herald {
	host, _ := os.Hostname() // without a name it is ""
	return &herald{hear: hear, source: event.Source{Host: host, PID: os.Getpid(), PPID: os.Getppid()}, like: like,
		tellers: map[form]*event.Teller{}, counters: map[counted]*uint64{}}
}

// helpers takes the helpers of a configuration. Those that it does not have are
// forgotten: one that comes back begins anew, and may not share a teller with the
// end of its former life.
func (h *herald) helpers(ps []config.Process) {
	h.text = make(map[string]bool, len(ps))
	for _, p := range ps {
		h.text[p.Name] = p.Encoder == "text"
	}
	for f := range h.tellers {
		if _, stays := h.text[f.helper]; !stays {
			delete(h.tellers, f)
		}
	}
	for c := range h.counters {
		if _, stays := h.text[c.helper]; !stays {
			delete(h.counters, c)
		}
	}
}

// report tells all helpers of a neighbor that want to know.
func (h *herald) report(n *config.Neighbor, r *event.Report) {
	for i := range n.Listeners {
		if l := &n.Listeners[i]; speaker.Wants(l, r.Kind, r.Direction) {
			m := &l.Receive
			if r.Direction == event.Out {
				m = &l.Send
			}
			h.tell(l.Process, r, m)
		}
	}
}

// tell gives a helper a report, in as many events as that is. The counter goes on
// even if there is no room.
func (h *herald) tell(name string, r *event.Report, m *config.Messages) {
	f := form{name, h.like}
	f.Text, f.Parsed, f.Packets, f.Consolidate = h.text[name], m.Parsed, m.Packets, m.Consolidate
	events := f.Events(r.Kind) * max(1, r.Messages())
	if events == 0 {
		return
	}
	t := h.tellers[f]
	if t == nil {
		t = &event.Teller{Form: f.Form, Source: h.source}
		h.tellers[f] = t
	}
	c := h.counters[counted{name, r.Peer}]
	if c == nil {
		c = new(uint64)
		h.counters[counted{name, r.Peer}] = c
	}
	first := *c + 1
	*c += events
	h.hear(name, &told{report: r, counter: first, events: events, teller: t})
}

// shutdown tells all helpers that the daemon ends.
func (h *herald) shutdown(now time.Time) {
	for name := range h.text {
		h.tell(name, &event.Report{Kind: event.Shutdown, Time: now}, &config.Messages{})
	}
}

// told is a report on its way to a helper.
type told struct {
	report  *event.Report
	counter uint64 // of the first event
	events  uint64
	teller  *event.Teller
}

// AppendTo is helper.Event's.
func (t *told) AppendTo(b []byte) []byte { return t.teller.Append(b, t.report, t.counter) }

// Size is helper.Event's.
func (t *told) Size() int { return t.report.Size() }

// Events is helper.Event's.
func (t *told) Events() uint64 { return t.events }
