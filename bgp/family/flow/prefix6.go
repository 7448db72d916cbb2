package flow

import (
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
)

// prefix6 is a prefix of which only the bits from offset on count.
//
// RFC 8956 section 3.1 has just these bits on the wire, shifted to the front, as
// BIRD does. ExaBGP, FRR and GoBGP have all bits up to the length, as the drafts
// had; FRR ends the session over the other form. This is what we send and what
// is canonical; both are read.
type prefix6 struct {
	net    netip.Prefix // without the bits before the offset
	offset int
}

// checkPrefix6 checks what prefix6.append writes, or, with shifted, the form of
// RFC 8956.
func checkPrefix6(b []byte, shifted bool) (n int, canonical bool, err error) {
	if len(b) < 2 || b[0] > 128 || b[1] > b[0] || b[1] == b[0] && b[0] != 0 {
		return 0, false, fmt.Errorf("want a length of at most 128 bits and an offset below it, got %x", b[:min(len(b), 2)])
	}
	bits := int(b[0])
	if shifted {
		bits -= int(b[1])
	}
	if n = 2 + (bits+7)/8; n > len(b) {
		return 0, false, fmt.Errorf("a pattern of %d bits wants %d octets, %d left", bits, n-2, len(b)-2)
	}
	if shifted && b[1] > 0 {
		return n, false, nil
	}
	p := inet.PrefixOf(bgp.AFIIPv6, bits, b[2:n])
	return n, p.Addr() == from(p, int(b[1])).Addr(), nil
}

// from clears the bits outside the pattern.
func from(p netip.Prefix, offset int) netip.Prefix {
	a := p.Masked().Addr().As16()
	clear(a[:offset/8])
	if offset%8 > 0 {
		a[offset/8] &= 0xff >> (offset % 8)
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), p.Bits())
}

// parsePrefix6 reads what checkPrefix6 found good.
func parsePrefix6(b []byte, shifted bool) prefix6 {
	length, offset := int(b[0]), int(b[1])
	if !shifted {
		return prefix6{from(inet.PrefixOf(bgp.AFIIPv6, length, b[2:]), offset), offset}
	}
	var a [16]byte
	for bit := range length - offset {
		if b[2+bit/8]&(0x80>>(bit%8)) != 0 {
			a[(bit+offset)/8] |= 0x80 >> ((bit + offset) % 8)
		}
	}
	return prefix6{netip.PrefixFrom(netip.AddrFrom16(a), length), offset}
}

// append appends length, offset, and as many octets as the length wants.
func (p prefix6) append(b []byte) []byte {
	a := p.net.Addr().As16()
	b = append(b, byte(p.net.Bits()), byte(p.offset))
	return append(b, a[:(p.net.Bits()+7)/8]...)
}

// text is the prefix with its offset, as ExaBGP says it.
func (p prefix6) text() string { return fmt.Sprintf("%s/%d", p.net, p.offset) }
