package inet

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// IPv4 and IPv6 are the rows of the two families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4Unicast, Next: next4, View: View, NextHopLens: []int{4}}
	IPv6 = nlri.Codec{Family: bgp.IPv6Unicast, Next: next6, View: View, NextHopLens: []int{16, 32}}
)

func next4(b []byte) ([]byte, int, error) { return next(b, 32) }
func next6(b []byte) ([]byte, int, error) { return next(b, 128) }

// next reads one prefix: its length in bits, then as many octets as have one of
// these bits (RFC 4271 section 4.3).
func next(b []byte, most int) ([]byte, int, error) {
	if len(b) == 0 {
		return nil, 0, errors.New("want a prefix, got nothing")
	}
	bits := int(b[0])
	n := 1 + (bits+7)/8
	if bits > most {
		return nil, 0, fmt.Errorf("prefix length %d, want at most %d", bits, most)
	}
	if n > len(b) {
		return nil, 0, fmt.Errorf("a prefix of %d bits wants %d octets, %d left", bits, n-1, len(b)-1)
	}
	return canonical(b[:n:n], bits), n, nil
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
