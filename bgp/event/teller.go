package event

import (
	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/wire"
)

// Teller has the words for one helper, of which it keeps a few: one goroutine
// uses it. With a Form and a Source it is ready.
type Teller struct {
	Form
	Source

	event  Event
	report Report // of one message
	update wire.Update
	memory Memory
	text   text

	session, turned *bgp.Negotiated // that of the last message that we sent, and the same as our peer sees it
}

// kept is how much a Teller may remember of attributes, in octets: there may be a
// hundred of them.
const kept = 1 << 20

// Append appends what the helper is told of a report: whole lines, or nothing
// where its form has no words for it. The first event has the counter, a second
// one has the next: see Form.Events.
func (t *Teller) Append(b []byte, r *Report, counter uint64) []byte {
	rest := r.Message
	t.report = *r
	for {
		t.report.Message, rest = r.next(rest)
		b = t.one(b, &t.report, counter)
		if len(rest) == 0 {
			t.report = Report{} // nothing old is kept alive
			return b
		}
		counter += t.Events(r.Kind)
	}
}

// one appends what the helper is told of one thing.
func (t *Teller) one(b []byte, r *Report, counter uint64) []byte {
	t.event = Event{Legacy: t.Legacy, Compact: t.Compact, Time: r.Time, Source: t.Source, Counter: counter, Neighbor: r.Neighbor}
	switch {
	case !r.Kind.message() && t.Text:
		return t.text.change(b, &t.event, r)
	case !r.Kind.message():
		return append(t.event.AppendReport(b, r), '\n')
	}
	events := t.Events(r.Kind)
	if events == 0 {
		return b
	}
	octets := t.Packets && !t.Consolidate || r.Kind == Unknown
	if octets {
		b = t.packet(b, r)
		t.event.Counter++
	}
	if octets && events == 1 {
		return b
	}
	at := len(b)
	if b, ok := t.parsed(b, r); ok {
		return b
	}
	if octets {
		return b[:at]
	}
	return t.packet(b[:at], r)
}

// Events is how many events a report of a kind becomes, each of one line or, in
// text, of several. A message that does not parse is only told by its octets.
func (f Form) Events(k Kind) uint64 {
	switch {
	case !k.message() || f.Consolidate:
		return 1
	case f.Parsed && f.Packets && k != Unknown:
		return 2
	case f.Packets || f.Parsed && k != Unknown:
		return 1
	}
	return 0
}

// kindNames are ExaBGP's names of messages, by kind.
var kindNames = [Kinds]string{Open: "open", Update: "update", Notification: "notification", Keepalive: "keepalive", Refresh: "refresh",
	OperationalMessage: "operational", Unknown: "unknown"}

func (k Kind) message() bool { return k < Kinds && kindNames[k] != "" }

// packet appends the event of a message's octets.
func (t *Teller) packet(b []byte, r *Report) []byte {
	if t.Text {
		return t.text.packet(b, &t.event, r.Message)
	}
	t.event.Octets = nil
	return append(t.event.packet(b, kindNames[r.Kind], r.Message), '\n')
}

// parsed appends what a message says; false: it does not parse.
func (t *Teller) parsed(b []byte, r *Report) ([]byte, bool) {
	if len(r.Message) < wire.HeaderLen {
		return b, false
	}
	if t.Consolidate {
		t.event.Octets = r.Message
	}
	if wire.Type(r.Message[18]) == wire.TypeUpdate {
		return t.routes(b, r)
	}
	if t.Text {
		return t.text.message(b, &t.event, r.Message)
	}
	b, err := t.event.AppendMessage(b, r.Message)
	return append(b, '\n'), err == nil
}

// routes appends what an UPDATE says: of many, the attributes are the same as
// those of one before.
func (t *Teller) routes(b []byte, r *Report) ([]byte, bool) {
	if r.Negotiated == nil {
		return b, false
	}
	n, tell, u := t.seen(r), attr.Set.AppendJSON, &t.update
	if t.Text {
		tell = told
	}
	known, plain := t.memory.Find(r.Message, n)
	if known == nil {
		u.Keep, u.Own, t.memory.Most = true, true, kept
		if wire.ParseUpdate(r.Message, n, u) != nil {
			return b, false
		}
		known, plain = t.memory.Add(r.Message, n, u, tell)
	}
	switch {
	case known != nil && t.Text:
		return t.text.plain(b, &t.event, known, plain), true
	case known != nil:
		return append(t.event.AppendPlain(b, known, plain), '\n'), true
	case t.Text:
		return t.text.update(b, &t.event, u), true
	}
	return append(t.event.AppendUpdate(b, u), '\n'), true
}

// seen is a session as whoever a message was sent to sees it: which of the routes
// have path identifiers depends on the way.
func (t *Teller) seen(r *Report) *bgp.Negotiated {
	if r.Direction != Out || len(r.Negotiated.AddPath) == 0 {
		return r.Negotiated
	}
	if t.session == r.Negotiated {
		return t.turned
	}
	n := *r.Negotiated
	n.AddPath = map[bgp.Family]bgp.Direction{}
	for f, d := range r.Negotiated.AddPath {
		n.AddPath[f] = d&bgp.Send>>1 | d&bgp.Receive<<1
	}
	t.session, t.turned = r.Negotiated, &n
	return &n
}
