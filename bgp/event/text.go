package event

import (
	"fmt"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/operational"
	"holdfast/bgp/wire"
)

// text is ExaBGP 4's text: lines for people that many a script reads. It keeps
// the memory of what stands in many lines of one UPDATE.
type text struct{ head, attributes []byte }

// begin appends what each line of a neighbor begins with.
func (t *text) begin(b []byte, e *Event) []byte {
	b = append(e.Peer.AppendTo(append(b, "neighbor "...)), ' ')
	switch e.Direction {
	case In:
		b = append(b, "receive "...)
	case Out:
		b = append(b, "send "...)
	}
	return b
}

// change appends the line of a report that is no message. There is none of an
// FSM, of what was negotiated, and of a signal.
func (t *text) change(b []byte, e *Event, r *Report) []byte {
	switch {
	case r.Kind == Shutdown:
		return fmt.Appendf(b, "shutdown %d %d\n", e.PID, e.PPID)
	case r.Kind != State:
		return b
	}
	at := len(b)
	b = append(t.begin(b, e), r.State...)
	if r.State == "down" {
		b = append(append(b, " - "...), r.Reason...)
	}
	return line(b, at)
}

// packet appends the line of a message's octets.
func (t *text) packet(b []byte, e *Event, msg []byte) []byte {
	b = strconv.AppendUint(t.begin(b, e), uint64(category(msg)), 10)
	return append(textOctets(b, msg), '\n')
}

// message appends the line of a message that is no UPDATE; false: it does not
// parse.
func (t *text) message(b []byte, e *Event, msg []byte) ([]byte, bool) {
	m, err := parse(msg)
	if err != nil {
		return b, false
	}
	at := len(b)
	b = t.begin(b, e)
	switch m := m.(type) {
	case *wire.Open:
		b = textOpen(b, m)
	case wire.Notification:
		b = fmt.Appendf(b, "notification code %d subcode %d data 0x%X", m.Code, m.Subcode, m.Data)
	case wire.Refresh:
		afi, safi := m.Family.Words()
		b = fmt.Appendf(b, "route-refresh afi %s safi %s %s", afi, safi, refreshWord(m.Subtype))
	case operational.Message:
		b = m.AppendText(append(b, "operational "...))
	default:
		b = append(b, "keepalive"...)
	}
	if e.Octets != nil {
		b = textOctets(b, e.Octets)
	}
	return line(b, at), true
}

// update appends the lines of an UPDATE: a route each, in the order of the
// message, between a start and an end.
func (t *text) update(b []byte, e *Event, u *wire.Update) []byte {
	b = t.start(b, e)
	set := u.Set()
	t.attributes = told(set, t.attributes[:0])
	if u.EOR != 0 {
		b = fmt.Appendf(append(b, t.head...), "route eor %d/%d (%s)\n", u.EOR.AFI(), u.EOR.SAFI(), u.EOR)
	}
	b = t.withdrawn(b, u.Withdrawn)
	b = t.announced(b, u.NLRI, hopOf(set))
	b = t.withdrawn(b, u.Unreach)
	b = t.announced(b, u.Reach, u.NextHop)
	return t.end(b, e)
}

// plain appends the lines of an UPDATE whose attributes were told before.
func (t *text) plain(b []byte, e *Event, k *Known, p Plain) []byte {
	b = t.start(b, e)
	for route := range p.all {
		b = route.AppendText(append(append(b, t.head...), "announced "...))
		b = append(append(append(b, " next-hop "...), k.hop...), k.attributes...)
		b = append(b, '\n')
	}
	return t.end(b, e)
}

// start appends the first line, and keeps what all of them begin with.
func (t *text) start(b []byte, e *Event) []byte {
	t.head = append(t.begin(t.head[:0], e), "update "...)
	return append(append(b, t.head...), "start\n"...)
}

// end appends the last line, and before it one of octets where they are told: it
// begins with a blank.
func (t *text) end(b []byte, e *Event) []byte {
	if e.Octets != nil {
		b = append(textOctets(b, e.Octets), '\n')
	}
	return append(append(b, t.head...), "end\n"...)
}

func (t *text) withdrawn(b []byte, r wire.Routes) []byte {
	for raw := range r.All() {
		at := len(b)
		b = append(append(b, t.head...), "withdrawn "...)
		if plain(r.Family) {
			b = append(inet.Of(raw).AppendText(b), '\n')
			continue
		}
		b = line(r.View(raw).AppendText(word(b, r.Family)), at)
	}
	return b
}

// announced appends a line for each route, and with each of two next hops
// (RFC 2545 section 3).
func (t *text) announced(b []byte, r wire.Routes, hop []byte) []byte {
	hop = r.HopAddress(hop)
	next := address(hop)
	for raw := range r.All() {
		at := len(b)
		b = append(append(b, t.head...), "announced "...)
		if plain(r.Family) {
			b = inet.Of(raw).AppendText(b)
		} else {
			b = r.View(raw).AppendText(word(b, r.Family))
			clean(b[at:])
		}
		if next.IsValid() {
			b = next.AppendTo(append(b, " next-hop "...))
		}
		b = append(append(b, t.attributes...), '\n')
	}
	if len(hop) == 32 {
		return t.announced(b, r, hop[16:])
	}
	return b
}

// told appends attributes.
func told(s attr.Set, b []byte) []byte {
	at := len(b)
	b = s.AppendTold(b)
	clean(b[at:])
	return b
}

// word appends what stands before the words of a family, as its statement has it;
// those of prefixes have none.
func word(b []byte, f bgp.Family) []byte {
	switch f.SAFI() {
	case bgp.SAFIUnicast, bgp.SAFIMulticast, bgp.SAFILabel, bgp.SAFIVPN:
		return b
	case bgp.SAFIFlow, bgp.SAFIFlowVPN:
		return append(b, "flow "...)
	}
	_, safi := f.Words()
	return append(append(b, safi...), ' ')
}

// line ends a line that begins at some place: what others chose may have no line
// breaks in it.
func line(b []byte, at int) []byte {
	clean(b[at:])
	return append(b, '\n')
}

// clean has a blank stand for each control character.
func clean(b []byte) {
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
}
