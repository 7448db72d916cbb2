package inet

import (
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
)

// IPv4 and IPv6 are the rows of the two families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4Unicast, Next: next4, View: View, NextHopLens: []int{4}}
	IPv6 = nlri.Codec{Family: bgp.IPv6Unicast, Next: next6, View: View, NextHopLens: []int{16, 32}}
)

func next4(r *octet.Reader) ([]byte, error) { return next(r, 32) }
func next6(r *octet.Reader) ([]byte, error) { return next(r, 128) }

// next reads one prefix: its length in bits, then as many octets as have one of
// these bits (RFC 4271 section 4.3).
func next(r *octet.Reader, most int) ([]byte, error) {
	peek := *r
	bits := int(peek.U8())
	if bits > most {
		return nil, fmt.Errorf("prefix length %d, want at most %d", bits, most)
	}
	n := (bits + 7) / 8
	body := r.Bytes(1 + n)
	if body == nil {
		return nil, fmt.Errorf("a prefix of %d bits wants %d octets, %d left", bits, n, peek.Len())
	}
	return canonical(body, bits), nil
}

// canonical clears the bits beyond the prefix length, which mean nothing
// (RFC 4271 section 4.3). What the peer sent is left as it is: a prefix with
// such bits is copied.
func canonical(body []byte, bits int) []byte {
	mask := byte(0xff) >> (bits % 8)
	last := len(body) - 1
	if bits%8 == 0 || body[last]&mask == 0 {
		return body
	}
	body = append([]byte(nil), body...)
	body[last] &^= mask
	return body
}

// AppendPrefix appends the NLRI of a prefix, without path identifier.
func AppendPrefix(b []byte, p netip.Prefix) []byte {
	n := (p.Bits() + 7) / 8
	b = append(b, byte(p.Bits()))
	if p.Addr().Is4() {
		a := p.Addr().As4()
		return append(b, a[:n]...)
	}
	a := p.Addr().As16()
	return append(b, a[:n]...)
}

// prefixOf is the prefix of a checked NLRI.
func prefixOf(r nlri.Raw) netip.Prefix {
	if r.Family.AFI() == bgp.AFIIPv4 {
		var a [4]byte
		copy(a[:], r.Body[1:])
		return netip.PrefixFrom(netip.AddrFrom4(a), int(r.Body[0]))
	}
	var a [16]byte
	copy(a[:], r.Body[1:])
	return netip.PrefixFrom(netip.AddrFrom16(a), int(r.Body[0]))
}
