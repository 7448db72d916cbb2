package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
)

// Routes are NLRI of one family in a message, checked. The zero value is none.
type Routes struct {
	Family bgp.Family
	codec  *nlri.Codec
	path   bool
	b      []byte
}

// Empty says that there are none.
func (r Routes) Empty() bool { return len(r.b) == 0 }

// View is the typed form of an NLRI that All gave.
func (r Routes) View(raw nlri.Raw) nlri.NLRI { return r.codec.View(raw) }

// HopAddress cuts a next hop of these routes down to its address, or to a global
// and a link-local one. Of two with route distinguishers it is the first.
func (r Routes) HopAddress(hop []byte) []byte {
	if r.codec == nil || !r.codec.HopRD {
		return hop
	}
	hop = hop[min(rdLen(r.codec), len(hop)):]
	return hop[:min(len(hop), 16)]
}

// All gives the NLRI in the order of the message. Their bodies are parts of it.
// One that is malformed counts as withdrawn, and what was never kept need not be
// told of: it is left out (RFC 7606 section 2, RFC 9552 section 8.2.2).
func (r Routes) All() iter.Seq[nlri.Raw] {
	return func(yield func(nlri.Raw) bool) {
		raw := nlri.Raw{Family: r.Family, HasPath: r.path}
		for b := r.b; len(b) > 0; {
			if r.path {
				raw.PathID = binary.BigEndian.Uint32(b)
				b = b[4:]
			}
			body, n, err := r.codec.Next(b)
			raw.Body = body
			if err != nil && n == 0 || err == nil && !yield(raw) {
				return
			}
			b = b[n:]
		}
	}
}

// Update is a received UPDATE message. The zero value is ready to be parsed
// into, again and again; what it holds are parts of the message.
type Update struct {
	// Keep says that the attributes are wanted: Handle then makes a set of
	// them. Without it they are only judged, and nothing is allocated.
	Keep bool
	// Own says that our side may have made the message: what an operator may
	// say and a peer may not is let through.
	Own bool

	Attrs       attr.Block  // what was read of the attributes, and all problems
	Disposition Disposition // None, Discard or Withdraw; an Error tells of Reset
	EOR         bgp.Family  // whose End-of-RIB this is (RFC 4724 section 2), 0: of none

	// Of the fields of IPv4 unicast, and of the two MP attributes. Families that
	// were not agreed on are left out.
	Withdrawn, NLRI, Unreach, Reach Routes
	NextHop                         []byte // of Reach

	reachable bool // something is announced, of whatever family
	builder   attr.Builder
}

// Announced gives the routes that are told with this UPDATE, in the NLRI field
// and in MP_REACH_NLRI; none if its attributes are so wrong that they count as
// withdrawn.
func (u *Update) Announced() (plain, mp Routes) {
	if u.Disposition == Withdraw {
		return Routes{}, Routes{}
	}
	return u.NLRI, u.Reach
}

// Withdraws gives the routes that are not there any more. Those that were
// announced with bad attributes are among them (RFC 7606 section 2).
func (u *Update) Withdraws() [4]Routes {
	w := [4]Routes{u.Withdrawn, u.Unreach}
	if u.Disposition == Withdraw {
		w[2], w[3] = u.NLRI, u.Reach
	}
	return w
}

// Handle is the set of attributes of the routes in the NLRI field, or of those
// in MP_REACH_NLRI, which have their own next hop.
func (u *Update) Handle(mp bool) attr.Handle {
	if !mp {
		return u.builder.Handle()
	}
	plain, had := u.builder.Get(attr.NextHop)
	u.builder.Drop(attr.NextHop)
	if hop := u.Reach.HopAddress(u.NextHop); len(hop) > 0 { // flow may have none
		u.builder.Put(attr.NextHop, attr.Transitive, hop)
	}
	h := u.builder.Handle()
	u.builder.Drop(attr.NextHop)
	if had {
		u.builder.Put(attr.NextHop, attr.Transitive, plain)
	}
	return h
}

// Set is the set of attributes of the routes in the NLRI field, for those who
// look at it once.
func (u *Update) Set() attr.Set { return u.builder.Set() }

// ParseUpdate reads a whole message, header included, of a session (RFC 4271
// section 4.3). Errors that only concern its routes or an attribute are in the
// Update (RFC 7606); an Error ends the session, and then the Update holds
// nothing.
func ParseUpdate(msg []byte, n *bgp.Negotiated, u *Update) *Error {
	u.parse(msg, n)
	if u.Disposition = None; len(u.Attrs.Problems) == 0 {
		return nil
	}
	worst := u.Attrs.Gravest()
	u.Disposition = worst.Disposition
	if worst.Disposition == Withdraw && !u.reachable {
		// There is nothing that could count as withdrawn: the bad attribute
		// may have hidden it (RFC 7606 section 5.2).
		u.Disposition = Reset
	}
	if u.Disposition != Reset {
		return nil
	}
	*u = Update{Keep: u.Keep, Own: u.Own, Attrs: u.Attrs, Disposition: Reset, builder: u.builder}
	return &Error{
		Code: worst.Code, Subcode: worst.Subcode, Offset: worst.Offset, Disposition: Reset,
		Data: bytes.Clone(worst.Data[:min(len(worst.Data), maxData)]), Reason: worst.Reason,
	}
}

// maxData is the longest data of a NOTIFICATION, in octets.
const maxData = bgp.MaxMessage - HeaderLen - 2

func (u *Update) parse(msg []byte, n *bgp.Negotiated) {
	u.builder.Reset()
	u.EOR, u.NextHop, u.reachable = 0, nil, false
	u.Withdrawn, u.NLRI, u.Unreach, u.Reach = Routes{}, Routes{}, Routes{}, Routes{}
	u.Attrs.Reset()
	r := octet.NewReader(msg, 0)
	r.Bytes(HeaderLen)
	withdrawn, ok := u.section(&r, "withdrawn routes")
	if !ok {
		return
	}
	withdrawnAt := r.Offset() - len(withdrawn)
	block, ok := u.section(&r, "path attributes")
	if !ok {
		return
	}
	var into *attr.Builder
	if u.Keep {
		into = &u.builder
	}
	from := attr.SourceOf(n)
	from.Own, from.MP = u.Own, r.Len() == 0
	u.Attrs.Parse(block, r.Offset()-len(block), from, into)
	u.Withdrawn = u.plain(withdrawn, withdrawnAt, n)
	nlriAt := r.Offset()
	u.NLRI = u.plain(r.Rest(), nlriAt, n)
	u.unreach(n)
	u.reach(n)
	if u.reachable = nlriAt < len(msg) || u.Attrs.Reach.There; u.reachable {
		u.Attrs.Require(nlriAt < len(msg))
	}
	u.findEOR(len(msg), n)
}

// section reads a field with its length in two octets.
func (u *Update) section(r *octet.Reader, what string) ([]byte, bool) {
	at := r.Offset()
	n := int(r.U16())
	if r.OK() && n <= r.Len() {
		return r.Bytes(n), true
	}
	reason := "the length of " + what + " is missing"
	if r.OK() {
		reason = fmt.Sprintf("%s want %d octets, %d left", what, n, r.Len())
	}
	u.Attrs.Fail(attr.Problem{Subcode: attr.MalformedList, Offset: at, Disposition: Reset, Reason: reason})
	return nil, false
}

// plain checks one of the two fields of IPv4 unicast.
func (u *Update) plain(b []byte, offset int, n *bgp.Negotiated) Routes {
	if len(b) == 0 {
		return Routes{}
	}
	r := Routes{Family: bgp.IPv4Unicast, codec: family.Lookup(bgp.IPv4Unicast), path: n.ReceivePath(bgp.IPv4Unicast), b: b}
	if at, err := r.codec.ScanAll(b, r.path); err != nil {
		u.Attrs.Fail(attr.Problem{Subcode: attr.InvalidNetwork, Offset: offset + at, Disposition: Reset, Reason: "ipv4 unicast: " + err.Error()})
		return Routes{}
	}
	if !n.Has(bgp.IPv4Unicast) {
		return Routes{}
	}
	return r
}

// unreach reads MP_UNREACH_NLRI (RFC 4760 section 4).
func (u *Update) unreach(n *bgp.Negotiated) {
	v := u.Attrs.Unreach
	if !v.There {
		return
	}
	r := octet.NewReader(v.Value, v.Offset)
	f := bgp.MakeFamily(bgp.AFI(r.U16()), bgp.SAFI(r.U8()))
	if !r.OK() {
		u.failMP(attr.MPUnreach, v.Offset, v.Raw, fmt.Sprintf("want 3 octets and more, got %d", len(v.Value)))
		return
	}
	u.Unreach = u.multi(attr.MPUnreach, f, &r, v.Raw, n)
}

// reach reads MP_REACH_NLRI (RFC 4760 section 3).
func (u *Update) reach(n *bgp.Negotiated) {
	v := u.Attrs.Reach
	if !v.There {
		return
	}
	r := octet.NewReader(v.Value, v.Offset)
	f := bgp.MakeFamily(bgp.AFI(r.U16()), bgp.SAFI(r.U8()))
	size := int(r.U8())
	at := r.Offset()
	hop := r.Bytes(size)
	r.U8() // reserved, to be ignored
	if !r.OK() {
		u.failMP(attr.MPReach, v.Offset, v.Raw, fmt.Sprintf("want 5 octets and a next hop of %d, got %d", size, len(v.Value)))
		return
	}
	if c := agreed(f, n); c != nil {
		u.nextHop(c, hop, at, v.Raw, n)
	}
	u.Reach = u.multi(attr.MPReach, f, &r, v.Raw, n)
}

// nextHop judges the next hop of MP_REACH_NLRI: with a wrong length the NLRI
// can't be found (RFC 7606 section 7.11), with no address of a host only the
// routes are useless.
func (u *Update) nextHop(c *nlri.Codec, hop []byte, at int, data []byte, n *bgp.Negotiated) {
	if !c.HopFits(len(hop), n) {
		u.failMP(attr.MPReach, at, data, fmt.Sprintf("%s: next hop of %d octets, want one of %d", c.Family, len(hop), c.NextHopLens))
		return
	}
	first := hop[rdLen(c):]
	if a, _ := netip.AddrFromSlice(first[:min(len(first), 16)]); len(hop) > 0 && (a.IsUnspecified() || a.IsMulticast()) {
		u.Attrs.Fail(attr.Problem{Subcode: attr.OptionalError, Offset: at, Disposition: Withdraw, Data: data,
			Reason: fmt.Sprintf("attribute 14 (mp-reach-nlri): %s: the next hop is no host's address", c.Family)})
		return
	}
	u.NextHop = hop
}

// rdLen is how many octets stand before the address of a next hop.
func rdLen(c *nlri.Codec) int {
	if c.HopRD {
		return 8
	}
	return 0
}

// agreed is the row of a family that was agreed on, nil for others. One that has
// none is agreed on only by those who want to look at it.
func agreed(f bgp.Family, n *bgp.Negotiated) *nlri.Codec {
	if !n.Has(f) {
		return nil
	}
	if c := family.Lookup(f); c != nil {
		return c
	}
	return family.Opaque(f)
}

// multi checks the NLRI of an MP attribute. Families that were not agreed on
// are nobody's business (RFC 4760 section 7).
func (u *Update) multi(code uint8, f bgp.Family, r *octet.Reader, data []byte, n *bgp.Negotiated) Routes {
	c := agreed(f, n)
	if c == nil {
		return Routes{}
	}
	offset := r.Offset()
	routes := Routes{Family: f, codec: c, path: n.ReceivePath(f), b: r.Rest()}
	if at, err := c.ScanAll(routes.b, routes.path); err != nil {
		if _, ok := err.(nlri.Skip); !ok {
			u.failMP(code, offset+at, data, fmt.Sprintf("%s: %s", f, err))
			return Routes{}
		}
		u.Attrs.Fail(attr.Problem{Subcode: attr.OptionalError, Offset: offset + at, Disposition: Discard,
			Reason: fmt.Sprintf("attribute %d (%s): %s: a route is left out: %s", code, attr.Name(code), f, err)})
	}
	return routes
}

// failMP notes that an attribute with NLRI can't be read: which routes it
// concerns is then not known, and the session has to end.
func (u *Update) failMP(code uint8, offset int, data []byte, reason string) {
	u.Attrs.Fail(attr.Problem{Subcode: attr.OptionalError, Offset: offset, Disposition: Reset, Data: data,
		Reason: fmt.Sprintf("attribute %d (%s): %s", code, attr.Name(code), reason)})
}

// findEOR recognises the End-of-RIB marker (RFC 4724 section 2): for IPv4
// unicast an UPDATE with nothing in it, for others one with an empty
// MP_UNREACH_NLRI and nothing else.
func (u *Update) findEOR(size int, n *bgp.Negotiated) {
	const empty = HeaderLen + 4
	v := u.Attrs.Unreach
	switch {
	case size == empty && n.Has(bgp.IPv4Unicast):
		u.EOR = bgp.IPv4Unicast
	case v.There && len(v.Value) == 3 && u.Attrs.Count() == 1 && size == v.Offset+3 && u.Withdrawn.Empty() && len(u.Attrs.Problems) == 0:
		if f := bgp.MakeFamily(bgp.AFI(v.Value[0])<<8|bgp.AFI(v.Value[1]), bgp.SAFI(v.Value[2])); n.Has(f) {
			u.EOR = f
		}
	}
}
