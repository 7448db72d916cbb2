// Package attr is path attributes: one file each, one table, interned sets.
package attr

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"unique"

	"holdfast/bgp"
)

// Flags of a path attribute (RFC 4271 section 4.3).
const (
	Optional   = 0x80
	Transitive = 0x40
	Partial    = 0x20
	Extended   = 0x10 // the length has two octets; in a Set only where the operator wrote it
)

// Codes of the path attributes that have a file here.
const (
	Origin          = 1
	ASPath          = 2
	NextHop         = 3
	MED             = 4
	LocalPref       = 5
	AtomicAggregate = 6
	Aggregator      = 7
	Community       = 8
	MPReach         = 14
	MPUnreach       = 15
	ExtCommunity    = 16
	AS4Path         = 17
	AS4Aggregator   = 18
	LargeCommunity  = 32
)

// Set is the attributes of a route, except those that carry NLRI, in one
// canonical form: sorted by code, each code once, AS numbers in four octets.
// The next hop of every family is under code NextHop: 4, 16 or 32 octets
// (RFC 2545 section 3), or none at all for "next-hop self", which each peer
// resolves for itself. Equal sets are equal values.
type Set struct{ canon string }

// Handle is a Set of which equal ones are one pointer, so that grouping by
// attributes is ==. It is dropped by the garbage collector with its last user.
type Handle = unique.Handle[Set]

// Attr is one attribute of a Set.
type Attr struct {
	Code, Flags uint8
	Value       string
}

// header of an attribute in canon: code, flags, length in two octets.
const header = 4

// valueMax is the longest value that this length can tell, in octets.
const valueMax = 0xffff

// All gives the attributes in the order of their codes.
func (s Set) All() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		for c := s.canon; len(c) >= header; {
			n := header + int(c[2])<<8 + int(c[3])
			if !yield(Attr{Code: c[0], Flags: c[1], Value: c[header:n]}) {
				return
			}
			c = c[n:]
		}
	}
}

// Get finds an attribute by its code.
func (s Set) Get(code uint8) (Attr, bool) {
	for a := range s.All() {
		if a.Code == code {
			return a, true
		}
	}
	return Attr{}, false
}

// NextHop is the next hop's addresses: one, or two where a link-local one
// follows a global one; self says that each peer's local address stands for it.
func (s Set) NextHop() (global, linkLocal netip.Addr, self bool) {
	a, ok := s.Get(NextHop)
	switch {
	case !ok:
	case a.Value == "":
		self = true
	case len(a.Value) == 32:
		global, _ = netip.AddrFromSlice([]byte(a.Value[:16]))
		linkLocal, _ = netip.AddrFromSlice([]byte(a.Value[16:]))
	default:
		global, _ = netip.AddrFromSlice([]byte(a.Value))
	}
	return global, linkLocal, self
}

// Builder collects attributes in any order. The zero value is empty.
type Builder struct {
	buf  []byte
	at   [256]int32 // where a code's attribute begins in buf, plus one
	used [4]uint64  // which codes are there
	open int        // where the attribute begins that begin started
}

// Put adds an attribute, or replaces the one of the same code. The value must
// be canonical: see Set.
func (b *Builder) Put(code, flags uint8, value []byte) {
	b.at[code] = int32(len(b.buf)) + 1
	b.used[code>>6] |= 1 << (code & 63)
	b.buf = append(b.buf, code, flags, byte(len(value)>>8), byte(len(value)))
	b.buf = append(b.buf, value...)
}

// grow appends to the value of a code, which need not be there. The last one
// that was put grows in place: a list of thousands is not copied for each.
func (b *Builder) grow(code, flags uint8, more []byte) {
	v, _ := b.Get(code)
	at := int(b.at[code]) - 1
	if !b.Has(code) || at+header+len(v) < len(b.buf) {
		b.Put(code, flags, slices.Concat(v, more))
		return
	}
	b.buf = append(b.buf, more...)
	binary.BigEndian.PutUint16(b.buf[at+2:], uint16(len(v)+len(more)))
}

// begin starts an attribute whose value the caller appends to buf; end closes it.
func (b *Builder) begin(code, flags uint8) {
	b.at[code] = int32(len(b.buf)) + 1
	b.open = len(b.buf)
	b.used[code>>6] |= 1 << (code & 63)
	b.buf = append(b.buf, code, flags, 0, 0)
}

func (b *Builder) end() {
	binary.BigEndian.PutUint16(b.buf[b.open+2:], uint16(len(b.buf)-b.open-header))
}

// flags are those that were put for a code.
func (b *Builder) flags(code uint8) uint8 { return b.buf[b.at[code]] }

// Drop removes the attribute of a code, if it is there.
func (b *Builder) Drop(code uint8) { b.used[code>>6] &^= 1 << (code & 63) }

// Has says whether an attribute of the code was put.
func (b *Builder) Has(code uint8) bool { return b.used[code>>6]&(1<<(code&63)) != 0 }

// Get is the value that was put for a code; it is valid until the next Put.
func (b *Builder) Get(code uint8) ([]byte, bool) {
	if !b.Has(code) {
		return nil, false
	}
	i := int(b.at[code]) - 1
	n := int(binary.BigEndian.Uint16(b.buf[i+2:]))
	return b.buf[i+header : i+header+n], true
}

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() { b.buf, b.used = b.buf[:0], [4]uint64{} }

// Handle interns what was collected.
func (b *Builder) Handle() Handle { return unique.Make(b.Set()) }

// Set is what was collected, for those who look at it once.
func (b *Builder) Set() Set {
	var out strings.Builder
	out.Grow(len(b.buf))
	for i, word := range b.used {
		for ; word != 0; word &= word - 1 {
			at := int(b.at[64*i+bits.TrailingZeros64(word)]) - 1
			n := header + int(binary.BigEndian.Uint16(b.buf[at+2:]))
			out.Write(b.buf[at : at+n])
		}
	}
	return Set{canon: out.String()}
}

// Export is all that makes the bytes of a set differ from peer to peer. Peers
// with equal values get equal bytes.
type Export struct {
	LocalAS bgp.ASN
	EBGP    bool
	ASN4    bool
	Self    netip.Addr // what "next-hop self" is for this peer
	// LinkLocal goes along with each global IPv6 next hop of plain forwarding
	// (RFC 2545 section 3), if it is valid.
	LinkLocal netip.Addr
	// LinkLocalOnly has it stand for the global one.
	LinkLocalOnly bool
	AIGP          bool     // AIGP may be sent (RFC 7311 section 3.2)
	Hops          bgp.Hops // families whose next hops may be of the other address family
}

// ExportFor is the export of a session.
func ExportFor(n *bgp.Negotiated) Export {
	return Export{LocalAS: n.LocalAS, EBGP: n.EBGP(), ASN4: n.ASN4, AIGP: n.AIGP, Hops: n.Hops, Self: n.LocalAddr.Unmap().WithZone("")}
}
