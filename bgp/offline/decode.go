package offline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/event"
	"holdfast/bgp/family"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// Decoder reads messages of one session. What is wrong but did not stop it is in
// Problems.
type Decoder struct {
	event.Event // its Neighbor is the session's
	Session     *Session
	Problems    []string // of the last message

	update wire.Update
	memory *Memory
}

// Memory is what blocks of attributes became: a table has many routes with the
// same ones. Decoders of one goroutine share it. The zero value is empty.
type Memory struct {
	known map[block]known
	held  int // octets, about
}

// block is attributes without MP attributes, in one session.
type block struct {
	session *Session
	octets  string
}

// known is what was made of them.
type known struct{ attributes, hop string }

// maxHeld bounds a Memory, in octets. A table of hundreds of peers has more than
// any machine should hold.
const maxHeld = 64 << 20

// add keeps what a block became. When there is too much, all is forgotten.
func (m *Memory) add(b block, k known) {
	const itself = 128
	size := len(b.octets) + len(k.attributes) + len(k.hop) + itself
	if m.known == nil || m.held+size > maxHeld {
		m.known, m.held = map[block]known{}, 0
	}
	m.known[b] = k
	m.held += size
}

// NewDecoder reads messages of a session, of which it keeps a copy. Without a
// Memory it has its own.
func NewDecoder(s *Session, e event.Event, m *Memory) *Decoder {
	e.Neighbor = s.Neighbor
	own := *s
	own.Negotiated.Families = slices.Clone(s.Negotiated.Families)
	d := &Decoder{Event: e, Session: &own, memory: cmp.Or(m, new(Memory))}
	d.update.Keep, d.update.Own = true, true
	return d
}

// JSON appends a message as ExaBGP's event.
func (d *Decoder) JSON(b, msg []byte) ([]byte, error) {
	d.Counter++
	d.Problems = d.Problems[:0]
	switch wire.Type(msg[18]) {
	case wire.TypeOpen:
		if len(msg) < wire.HeaderLen+10 {
			return b, fmt.Errorf("an OPEN of %d octets, want %d or more", len(msg), wire.HeaderLen+10)
		}
		o, bad := wire.ParseOpen(msg)
		if bad != nil {
			return b, bad
		}
		return d.AppendOpen(b, o), nil
	case wire.TypeUpdate:
		if b, ok := d.again(b, msg); ok {
			return b, nil
		}
		if err := d.parse(msg); err != nil {
			return b, err
		}
		b = d.AppendUpdate(b, &d.update)
		d.remember(msg)
		return b, nil
	case wire.TypeNotification:
		if len(msg) < wire.HeaderLen+2 {
			return b, fmt.Errorf("a NOTIFICATION of %d octets, want %d or more", len(msg), wire.HeaderLen+2)
		}
		return d.AppendNotification(b, wire.ParseNotification(msg)), nil
	case wire.TypeKeepalive:
		return d.AppendKeepalive(b), nil
	case wire.TypeRefresh:
		if len(msg) != wire.HeaderLen+4 {
			return b, fmt.Errorf("a ROUTE-REFRESH of %d octets, want %d", len(msg), wire.HeaderLen+4)
		}
		r, bad := wire.ParseRefresh(msg)
		if bad != nil {
			return b, bad
		}
		return d.AppendRefresh(b, r), nil
	case wire.TypeOperational:
		m, bad := wire.ParseOperational(msg)
		if bad != nil {
			return b, bad
		}
		return d.AppendOperational(b, m), nil
	}
	return b, fmt.Errorf("octet 18: message type %d is not known", msg[18])
}

// again appends an UPDATE whose attributes are known, and which announces
// nothing but routes of IPv4 unicast.
func (d *Decoder) again(b, msg []byte) ([]byte, bool) {
	attrs, routes := split(msg)
	k, ok := d.memory.known[block{d.Session, string(attrs)}]
	if !ok || len(attrs) == 0 || len(routes) == 0 {
		return b, false
	}
	codec := &inet.IPv4
	path := d.Session.Negotiated.ReceivePath(codec.Family)
	if _, err := codec.ScanAll(routes, path); err != nil {
		return b, false
	}
	return d.AppendPlain(b, k.attributes, k.hop, routes, path), true
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

// remember keeps what the attributes of the last UPDATE became.
func (d *Decoder) remember(msg []byte) {
	attrs, routes := split(msg)
	u := &d.update
	if len(routes) == 0 || len(d.Problems) > 0 || u.Attrs.Reach.There || u.Attrs.Unreach.There || u.NLRI.Empty() {
		return
	}
	set := u.Handle(false).Value()
	hop, _, _ := set.NextHop()
	d.memory.add(block{d.Session, string(attrs)}, known{string(set.AppendJSON(nil)), hop.String()})
}

// parse reads an UPDATE, with whatever families are in it.
func (d *Decoder) parse(msg []byte) error {
	if bad := wire.ParseUpdate(msg, &d.Session.Negotiated, &d.update); bad != nil {
		return bad
	}
	if d.learn(d.update.Attrs.Reach.Value) || d.learn(d.update.Attrs.Unreach.Value) {
		if bad := wire.ParseUpdate(msg, &d.Session.Negotiated, &d.update); bad != nil {
			return bad
		}
	}
	for _, p := range d.update.Attrs.Problems {
		d.Problems = append(d.Problems, p.String())
	}
	return nil
}

// learn adds a family that the session does not have: who decodes, wants to see
// it. True: there was one.
func (d *Decoder) learn(v []byte) bool {
	if len(v) < 3 {
		return false
	}
	f := bgp.MakeFamily(bgp.AFI(v[0])<<8|bgp.AFI(v[1]), bgp.SAFI(v[2]))
	if d.Session.Negotiated.Has(f) {
		return false
	}
	d.Session.Negotiated.Families = append(d.Session.Negotiated.Families, f)
	return true
}

// NLRI appends NLRI of a family as JSON, one a line.
func (d *Decoder) NLRI(b, octets []byte, f bgp.Family) ([]byte, error) {
	c := family.Lookup(f)
	if c == nil {
		return b, fmt.Errorf("%s: not known", f)
	}
	path := d.Session.Negotiated.ReceivePath(f)
	how := nlri.JSON{Legacy: d.Legacy}
	for at := 0; at < len(octets); {
		raw := nlri.Raw{Family: f, HasPath: path}
		if path {
			if len(octets)-at < 4 {
				return b, fmt.Errorf("octet %d: a path identifier wants 4 octets, %d left", at, len(octets)-at)
			}
			raw.PathID = uint32(octets[at])<<24 | uint32(octets[at+1])<<16 | uint32(octets[at+2])<<8 | uint32(octets[at+3])
			at += 4
		}
		body, n, err := c.Next(octets[at:])
		if err != nil {
			return b, fmt.Errorf("octet %d: %s: %w", at, f, err)
		}
		raw.Body = body
		b = append(c.View(raw).AppendJSON(b, &how), '\n')
		at += n
	}
	return b, nil
}

// Routes gives the octets of each NLRI of an UPDATE, those that are withdrawn
// first.
func (d *Decoder) Routes(msg []byte, yield func([]byte)) error {
	if err := d.parse(msg); err != nil {
		return err
	}
	u := &d.update
	for _, r := range []wire.Routes{u.Withdrawn, u.Unreach, u.NLRI, u.Reach} {
		for raw := range r.All() {
			yield(raw.AppendWire(nil, raw.HasPath))
		}
	}
	return nil
}

// Commands appends an UPDATE as the API commands that would send it, one a line.
func (d *Decoder) Commands(b, msg []byte) ([]byte, error) {
	d.Problems = d.Problems[:0]
	if wire.Type(msg[18]) != wire.TypeUpdate {
		return b, errors.New("only an UPDATE can be said as commands")
	}
	if err := d.parse(msg); err != nil {
		return b, err
	}
	u := &d.update
	if u.EOR != 0 {
		return fmt.Appendf(b, "announce eor %s\n", u.EOR), nil
	}
	for _, r := range []wire.Routes{u.Withdrawn, u.Unreach} {
		for raw := range r.All() {
			b = append(route.AppendNLRI(append(b, "withdraw "+statement(r.Family)...), raw), '\n')
		}
	}
	for i, r := range []wire.Routes{u.NLRI, u.Reach} {
		for raw := range r.All() {
			b = append(b, "announce "+statement(r.Family)...)
			b = append(route.Route{NLRI: raw, Attrs: u.Handle(i == 1)}.AppendText(b), '\n')
		}
	}
	return b, nil
}

// statement is what stands before an NLRI: "ipv4 unicast ".
func statement(f bgp.Family) string {
	for _, n := range bgp.FamilyNames(f) {
		return n.AFI + " " + n.SAFI + " "
	}
	return f.String() + " "
}
