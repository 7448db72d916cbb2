package wire

import (
	"encoding/binary"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
)

// Packed is how long our own UPDATEs get even where extended messages are
// agreed, as long as one route fits: an urgent frame waits for the end of the
// one that is on its way, so that end must never be far.
const Packed = bgp.MaxMessage

// marker opens every message (RFC 4271 section 4.1).
const marker = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

// AppendHeader appends a message's header; the caller patches the length with
// PatchLength when the body is there.
func AppendHeader(b []byte, t Type) []byte {
	b = append(b, marker...)
	return append(b, 0, 0, byte(t))
}

// PatchLength writes the length of the message that begins at start and ends
// with b.
func PatchLength(b []byte, start int) []byte {
	binary.BigEndian.PutUint16(b[start+16:], uint16(len(b)-start))
	return b
}

// mpHeader is the header of an MP attribute with a length of two octets.
const mpHeader = 4

// WithdrawFrame is an UPDATE that withdraws routes of one family, under
// construction: Begin, any number of NLRI appended to the buffer, End.
type WithdrawFrame struct {
	family bgp.Family
	start  int
	set    attr.Set
	export *attr.Export
	tail   int // octets of the attributes behind MP_UNREACH_NLRI
}

// BeginWithdraw appends all that comes before the NLRI. Families beyond unicast
// and multicast carry attributes behind them, those of s and what is sent
// beside: nobody needs them there (RFC 4760 section 4), but ExaBGP sends them.
func BeginWithdraw(b []byte, f bgp.Family, s attr.Set, e *attr.Export) ([]byte, WithdrawFrame) {
	w := WithdrawFrame{family: f, start: len(b), set: s, export: e}
	if !Plain(f) {
		w.tail = len(w.attributes(b)) - len(b)
	}
	b = AppendHeader(b, TypeUpdate)
	if f == bgp.IPv4Unicast {
		return append(b, 0, 0), w
	}
	b = append(b, 0, 0, 0, 0, attr.Optional|attr.Extended, attr.MPUnreach, 0, 0)
	return append(b, byte(f.AFI()>>8), byte(f.AFI()), byte(f.SAFI())), w
}

// Plain says whether a family is unicast or multicast, whose withdraws carry no
// attributes.
func Plain(f bgp.Family) bool {
	safi := f.SAFI()
	return safi == bgp.SAFIUnicast || safi == bgp.SAFIMulticast
}

// AppendAttributes appends an UPDATE that has the attributes of a withdraw and
// no route.
func AppendAttributes(b []byte, f bgp.Family, s attr.Set, e *attr.Export) []byte {
	start := len(b)
	b = append(AppendHeader(b, TypeUpdate), 0, 0, 0, 0)
	w := WithdrawFrame{family: f, set: s, export: e}
	b = w.attributes(b)
	binary.BigEndian.PutUint16(b[start+HeaderLen+2:], uint16(len(b)-start-HeaderLen-4))
	return PatchLength(b, start)
}

// Len is the length of the frame if it ended with b, in octets.
func (w WithdrawFrame) Len(b []byte) int {
	if w.family == bgp.IPv4Unicast {
		return len(b) - w.start + 2
	}
	return len(b) - w.start + w.tail
}

// attributes appends those of the set, with its next hop where the family also
// announces it so.
func (w *WithdrawFrame) attributes(b []byte) []byte {
	c := family.Lookup(w.family)
	if hop, _, _ := w.set.NextHop(); hop.Is4() && !hop.IsUnspecified() && c != nil && c.HopAttr {
		a := hop.As4()
		return appendWithHop(b, w.set, w.export, a[:])
	}
	return w.set.AppendRange(b, w.export, 0, 255)
}

// End closes the frame.
func (w WithdrawFrame) End(b []byte) []byte {
	body := w.start + HeaderLen
	if w.family == bgp.IPv4Unicast {
		binary.BigEndian.PutUint16(b[body:], uint16(len(b)-body-2))
		return PatchLength(append(b, 0, 0), w.start)
	}
	if b = closeMP(b, body+4); w.tail > 0 {
		b = w.attributes(b)
	}
	binary.BigEndian.PutUint16(b[body+2:], uint16(len(b)-body-4))
	return PatchLength(b, w.start)
}

// closeMP writes the length of the MP attribute at mp that ends with b, in one
// octet where that is enough: ExaBGP's cases compare these bytes.
func closeMP(b []byte, mp int) []byte {
	n := len(b) - mp - mpHeader
	if n > 255 {
		binary.BigEndian.PutUint16(b[mp+2:], uint16(n))
		return b
	}
	b[mp] &^= attr.Extended
	b[mp+2] = byte(n)
	copy(b[mp+3:], b[mp+mpHeader:])
	return b[:len(b)-1]
}

// AnnounceFrame is an UPDATE that announces routes of one family with one set
// of attributes, under construction: Begin, NLRI appended to the buffer, End.
type AnnounceFrame struct {
	start int
	mp    int // where MP_REACH_NLRI begins; 0: the NLRI field of IPv4 unicast
}

// BeginAnnounce appends all that comes before the NLRI. MP_REACH_NLRI is the last
// attribute, where ExaBGP has it; RFC 7606 section 5.1 wants it first, but a
// receiver must take it wherever it stands. It gives false, and b
// as it was, when the set has no next hop that the family can carry to this
// peer.
func BeginAnnounce(b []byte, f bgp.Family, s attr.Set, e *attr.Export) ([]byte, AnnounceFrame, bool) {
	a := AnnounceFrame{start: len(b)}
	c := family.Lookup(f)
	if c == nil {
		return b, a, false
	}
	var room [48]byte // two IPv6 addresses with route distinguishers
	hop, ok := s.AppendNextHop(room[:0], e, f, c.HopForm())
	if !ok {
		return b, a, false
	}
	b = append(AppendHeader(b, TypeUpdate), 0, 0, 0, 0)
	if f == bgp.IPv4Unicast && len(hop) == 4 {
		b = appendWithHop(b, s, e, hop)
		binary.BigEndian.PutUint16(b[a.start+HeaderLen+2:], uint16(len(b)-a.start-HeaderLen-4))
		return b, a, true
	}
	if address := hop[min(rdLen(c), len(hop)):]; c.HopAttr && len(address) == 4 {
		b = appendWithHop(b, s, e, address)
	} else {
		b = s.AppendRange(b, e, 0, 255)
	}
	a.mp = len(b)
	b = append(b, attr.Optional|attr.Extended, attr.MPReach, 0, 0)
	b = append(b, byte(f.AFI()>>8), byte(f.AFI()), byte(f.SAFI()), byte(len(hop)))
	return append(append(b, hop...), 0), a, true
}

// appendWithHop appends all attributes, with NEXT_HOP.
func appendWithHop(b []byte, s attr.Set, e *attr.Export, hop []byte) []byte {
	b = s.AppendRange(b, e, 0, attr.NextHop-1)
	b = append(append(b, attr.Transitive, attr.NextHop, 4), hop...)
	return s.AppendRange(b, e, attr.NextHop+1, 255)
}

// Len is the length of the frame if it ended with b, in octets.
func (a AnnounceFrame) Len(b []byte) int { return len(b) - a.start }

// End closes the frame.
func (a AnnounceFrame) End(b []byte) []byte {
	if a.mp != 0 {
		b = closeMP(b, a.mp)
		body := a.start + HeaderLen
		binary.BigEndian.PutUint16(b[body+2:], uint16(len(b)-body-4))
	}
	return PatchLength(b, a.start)
}

// AppendEOR appends the End-of-RIB marker of a family (RFC 4724 section 2).
// The one of IPv4 unicast is an UPDATE with nothing in it. ExaBGP writes the
// others with a length of two octets, and its cases compare them.
func AppendEOR(b []byte, f bgp.Family) []byte {
	start := len(b)
	b = append(AppendHeader(b, TypeUpdate), 0, 0, 0, 0)
	if f != bgp.IPv4Unicast {
		b[len(b)-1] = 7
		b = append(b, attr.Optional|attr.Extended, attr.MPUnreach, 0, 3)
		b = append(b, byte(f.AFI()>>8), byte(f.AFI()), byte(f.SAFI()))
	}
	return PatchLength(b, start)
}
