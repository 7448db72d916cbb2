package event

import (
	"cmp"
	"encoding/binary"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/wire"
)

// Memory is what blocks of attributes became: a table has many routes with the
// same ones. Whoever tells in one form, and one goroutine, shares it. The zero
// value is empty.
type Memory struct {
	Most int // how much it may hold, about, in octets; 0: 64 MiB

	known   map[block]*Known
	held    int
	scratch []byte
}

// block is attributes without MP attributes, in one session.
type block struct {
	session *bgp.Negotiated
	octets  string
}

// Known is what was made of them.
type Known struct{ attributes, hop string }

// Plain is routes of IPv4 unicast, checked.
type Plain struct {
	octets []byte
	path   bool
}

// maxHeld bounds a Memory, in octets. A table of hundreds of peers has more than
// any machine should hold.
const maxHeld = 64 << 20

// Find gives what became of the attributes of an UPDATE that only announces
// routes of IPv4 unicast; nil where that is not known, or not so.
func (m *Memory) Find(msg []byte, n *bgp.Negotiated) (*Known, Plain) {
	attrs, routes := split(msg)
	if len(attrs) == 0 || len(routes) == 0 {
		return nil, Plain{}
	}
	p := Plain{routes, n.ReceivePath(bgp.IPv4Unicast)}
	k := m.known[block{n, string(attrs)}]
	if k == nil {
		return nil, p
	}
	if _, err := inet.IPv4.ScanAll(routes, p.path); err != nil {
		return nil, p
	}
	return k, p
}

// split gives the attributes and the NLRI field of an UPDATE that withdraws
// nothing in its field.
func split(msg []byte) (attrs, routes []byte) {
	body := msg[wire.HeaderLen:]
	if len(body) < 4 || body[0]|body[1] != 0 {
		return nil, nil
	}
	n := 4 + (int(body[2])<<8 | int(body[3]))
	if n > len(body) {
		return nil, nil
	}
	return body[4:n], body[n:]
}

// all gives the routes.
func (p Plain) all(yield func(inet.Prefix) bool) {
	for b := p.octets; len(b) > 0; {
		raw := nlri.Raw{Family: bgp.IPv4Unicast, HasPath: p.path}
		if p.path {
			raw.PathID, b = binary.BigEndian.Uint32(b), b[4:]
		}
		n := 0
		raw.Body, n, _ = inet.IPv4.Next(b)
		if b = b[n:]; !yield(inet.Of(raw)) {
			return
		}
	}
}

// Add keeps what the attributes of an UPDATE become, and gives it, if it is one
// that Find looks for. When there is too much, all is forgotten.
func (m *Memory) Add(msg []byte, n *bgp.Negotiated, u *wire.Update, tell func(attr.Set, []byte) []byte) (*Known, Plain) {
	attrs, routes := split(msg)
	if len(routes) == 0 || len(u.Attrs.Problems) > 0 || u.Attrs.Reach.There || u.Attrs.Unreach.There || u.NLRI.Empty() {
		return nil, Plain{}
	}
	set := u.Set()
	hop, _, _ := set.NextHop()
	m.scratch = tell(set, m.scratch[:0])
	k := &Known{string(m.scratch), hop.String()}
	m.add(block{n, string(attrs)}, k)
	return k, Plain{routes, n.ReceivePath(bgp.IPv4Unicast)}
}

func (m *Memory) add(b block, k *Known) {
	const itself = 128
	size := len(b.octets) + len(k.attributes) + len(k.hop) + itself
	if m.known == nil || m.held+size > cmp.Or(m.Most, maxHeld) {
		m.known, m.held = map[block]*Known{}, 0
	}
	m.known[b] = k
	m.held += size
}
