package inet

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4Unicast, Next: next4, Scan: scan4, View: View, NextHopLens: []int{4}, HopAttr: true}
	IPv6 = nlri.Codec{Family: bgp.IPv6Unicast, Next: next6, Scan: scan6, View: View, NextHopLens: []int{16, 32}, HopAttr: true}

	IPv4Multicast = nlri.Codec{Family: bgp.IPv4Multicast, Next: next4, Scan: scan4, View: View, NextHopLens: []int{4}, HopAttr: true}
	IPv6Multicast = nlri.Codec{Family: bgp.IPv6Multicast, Next: next6, Scan: scan6, View: View, NextHopLens: []int{16, 32}, HopAttr: true}
)

// next4 and next6 read one prefix: its length in bits, then as many octets as
// have one of these bits (RFC 4271 section 4.3).
func next4(b []byte) ([]byte, int, error) {
	if len(b) == 0 || b[0] > 32 || size(b[0]) > len(b) {
		return nil, 0, wrong(b, 32)
	}
	n := size(b[0])
	return canonical(b[:n:n]), n, nil
}

func next6(b []byte) ([]byte, int, error) {
	if len(b) == 0 || b[0] > 128 || size(b[0]) > len(b) {
		return nil, 0, wrong(b, 128)
	}
	n := size(b[0])
	return canonical(b[:n:n]), n, nil
}

func scan4(b []byte, path bool) (int, error) { return scan(b, path, 32) }
func scan6(b []byte, path bool) (int, error) { return scan(b, path, 128) }

// size is how many octets a prefix of so many bits takes.
func size(bits byte) int { return 1 + (int(bits)+7)>>3 }

// scan looks at the lengths only: any octets make a prefix.
func scan(b []byte, path bool, most int) (int, error) {
	skip := 0
	if path {
		skip = 4
	}
	for at := 0; at < len(b); {
		if len(b)-at <= skip {
			if path && len(b)-at < skip {
				return at, fmt.Errorf("a path identifier wants 4 octets, %d left", len(b)-at)
			}
			return at, wrong(nil, most)
		}
		bits := b[at+skip]
		end := at + skip + size(bits)
		if int(bits) > most || end > len(b) {
			return at, wrong(b[at+skip:], most)
		}
		at = end
	}
	return 0, nil
}

// wrong says what is wrong with the prefix that b begins with.
func wrong(b []byte, most int) error {
	switch {
	case len(b) == 0:
		return errors.New("want a prefix, got nothing")
	case int(b[0]) > most:
		return fmt.Errorf("prefix length %d, want at most %d", b[0], most)
	}
	return fmt.Errorf("a prefix of %d bits wants %d octets, %d left", b[0], size(b[0])-1, len(b)-1)
}

// canonical gives a prefix without bits beyond its length, which mean nothing
// (RFC 4271 section 4.3).
func canonical(body []byte) []byte { return Canonical(body, int(body[0])) }

// spare are the bits of the last octet that are beyond the length, by how many
// bits of it are not.
var spare = [8]byte{0, 0x7f, 0x3f, 0x1f, 0x0f, 0x07, 0x03, 0x01}

// AppendPrefix appends the NLRI of a prefix, without path identifier.
func AppendPrefix(b []byte, p netip.Prefix) []byte { return AppendBits(append(b, byte(p.Bits())), p) }

// prefixOf is the prefix of a checked NLRI.
func prefixOf(r nlri.Raw) netip.Prefix { return PrefixOf(r.Family.AFI(), int(r.Body[0]), r.Body[1:]) }

// PrefixOf is the prefix of an address family with so many bits, which stand in
// b.
func PrefixOf(afi bgp.AFI, bits int, b []byte) netip.Prefix {
	if afi == bgp.AFIIPv4 {
		var a [4]byte
		copy(a[:], b)
		return netip.PrefixFrom(netip.AddrFrom4(a), bits)
	}
	var a [16]byte
	copy(a[:], b)
	return netip.PrefixFrom(netip.AddrFrom16(a), bits)
}

// MaxBits is the longest prefix of an address family.
func MaxBits(afi bgp.AFI) int {
	if afi == bgp.AFIIPv4 {
		return 32
	}
	return 128
}

// Canonical gives a body that ends in a prefix of so many bits, without bits
// beyond its length: a copy, if there were any.
func Canonical(body []byte, bits int) []byte {
	if bits&7 == 0 || body[len(body)-1]&spare[bits&7] == 0 {
		return body
	}
	body = append([]byte(nil), body...)
	body[len(body)-1] &^= spare[bits&7]
	return body
}

// AppendBits appends the octets of a prefix, without its length.
func AppendBits(b []byte, p netip.Prefix) []byte {
	n := (p.Bits() + 7) / 8
	if p.Addr().Is4() {
		a := p.Addr().As4()
		return append(b, a[:n]...)
	}
	a := p.Addr().As16()
	return append(b, a[:n]...)
}
