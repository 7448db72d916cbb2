package offline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/event"
	"holdfast/bgp/family"
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
	memory *event.Memory
}

// NewDecoder reads messages of a session, of which it keeps a copy. Without a
// Memory it has its own.
func NewDecoder(s *Session, e event.Event, m *event.Memory) *Decoder {
	e.Neighbor = s.Neighbor
	own := *s
	own.Negotiated.Families = slices.Clone(s.Negotiated.Families)
	d := &Decoder{Event: e, Session: &own, memory: cmp.Or(m, new(event.Memory))}
	d.update.Keep, d.update.Own = true, true
	return d
}

// JSON appends a message as ExaBGP's event.
func (d *Decoder) JSON(b, msg []byte) ([]byte, error) {
	d.Counter++
	d.Problems = d.Problems[:0]
	if wire.Type(msg[18]) != wire.TypeUpdate {
		return d.AppendMessage(b, msg)
	}
	known, plain := d.memory.Find(msg, &d.Session.Negotiated)
	if known == nil {
		if err := d.parse(msg); err != nil {
			return b, err
		}
		known, plain = d.memory.Add(msg, &d.Session.Negotiated, &d.update, attr.Set.AppendJSON)
	}
	if known != nil {
		return d.AppendPlain(b, known, plain), nil
	}
	return d.AppendUpdate(b, &d.update), nil
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
