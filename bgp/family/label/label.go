// Package label is all that the families of labelled prefixes know, ipv4
// nlri-mpls and ipv6 nlri-mpls (RFC 8277): bytes, words, JSON.
package label

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
)

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4Label, Next: next4, View: View, Key: Key, NextHopLens: []int{4}, HopAttr: true}
	IPv6 = nlri.Codec{Family: bgp.IPv6Label, Next: next6, View: View, Key: Key, NextHopLens: []int{16, 32}, HopAttr: true}
)

// Prefix is a prefix with its label stack.
type Prefix struct {
	inet.Prefix
	Labels nlri.Labels
}

func next4(b []byte) ([]byte, int, error) { return Next(b, 0, 32) }
func next6(b []byte) ([]byte, int, error) { return Next(b, 0, 128) }

// Next reads one NLRI: a length in bits of all that follows, labels, so many
// other octets, and a prefix of at most so many bits (RFC 8277 section 2,
// RFC 4364 section 4.3.4).
func Next(b []byte, other, most int) ([]byte, int, error) {
	if len(b) == 0 {
		return nil, 0, errors.New("want labels and a prefix, got nothing")
	}
	n := 1 + (int(b[0])+7)>>3
	if n > len(b) {
		return nil, 0, fmt.Errorf("an NLRI of %d bits wants %d octets, %d left", b[0], n-1, len(b)-1)
	}
	body := b[:n:n]
	_, _, bits := Split(body, other)
	switch {
	case bits < 0:
		return nil, 0, fmt.Errorf("%d bits, which is less than a label and %d octets", b[0], other)
	case bits > most:
		return nil, 0, fmt.Errorf("prefix length %d, want at most %d", bits, most)
	}
	return inet.Canonical(body, bits), n, nil
}

// Split gives the labels, what stands behind them, and the bits of the prefix
// behind so many other octets; less than 0: there is not even one label. ExaBGP
// sends stacks that end with the bottom bit (RFC 3107 section 3). Where this
// leaves no prefix it is one label, for a receiver must not look at the bottom
// bit (RFC 8277 section 2.2), nor at any bit of a label that is withdrawn
// (section 2.4).
func Split(body []byte, other int) (stack nlri.Labels, rest []byte, bits int) {
	stack, rest, ok := nlri.CutLabels(body[1:])
	if bits = int(body[0]) - 8*(len(stack)+other); ok && bits >= 0 {
		return stack, rest, bits
	}
	if bits = int(body[0]) - 8*(3+other); bits < 0 {
		return nil, nil, bits
	}
	return nlri.Labels(body[1:4:4]), body[4:], bits
}

// Key is the NLRI without its labels, which do not tell routes apart (RFC 8277
// section 2.1).
func Key(scratch, body []byte) []byte { return KeyOf(scratch, body, 0) }

// KeyOf is Key where so many other octets stand before the prefix.
func KeyOf(scratch, body []byte, other int) []byte {
	stack, rest, _ := Split(body, other)
	return append(append(scratch, body[0]-byte(8*len(stack))), rest...)
}

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI {
	stack, rest, bits := Split(r.Body, 0)
	return Prefix{Prefix: prefix(r, bits, rest), Labels: stack}
}

func prefix(r nlri.Raw, bits int, b []byte) inet.Prefix {
	return inet.Prefix{Net: inet.PrefixOf(r.Family.AFI(), bits, b), SAFI: r.Family.SAFI(), HasPath: r.HasPath, PathID: r.PathID}
}

// Raw is the NLRI in its canonical packed form.
func (p Prefix) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.MakeFamily(inet.AFI(p.Net), bgp.SAFILabel), HasPath: p.HasPath, PathID: p.PathID,
		Body: AppendBody(nil, p.Labels, p.Net)}
}

// withdrawn is the stack of a route that is only withdrawn (RFC 8277 section 2.4).
var withdrawn = nlri.Labels{0x80, 0, 0}

// AppendBody appends an NLRI, without path identifier. No labels at all make
// one that can only be withdrawn.
func AppendBody(b []byte, stack nlri.Labels, p netip.Prefix) []byte {
	if len(stack) == 0 {
		stack = withdrawn
	}
	b = append(append(b, byte(8*len(stack)+p.Bits())), stack...)
	return inet.AppendBits(b, p)
}

// MaxLabels is how many labels fit before a prefix with so many other octets:
// the length is one octet, in bits.
func MaxLabels(other int, p netip.Prefix) int { return (255 - 8*other - p.Bits()) / 24 }

// AppendText appends the prefix as a route command says it:
// "10.0.0.0/24 label 100".
func (p Prefix) AppendText(b []byte) []byte {
	return AppendLabels(p.Prefix.AppendText(b), p.Labels)
}

// AppendLabels appends the words for a stack: none for that of a route which is
// only withdrawn, and is said without labels.
func AppendLabels(b []byte, stack nlri.Labels) []byte {
	if string(stack) == string(withdrawn) {
		return b
	}
	return stack.AppendText(append(b, " label "...))
}

// AppendJSON appends the prefix as an object with ExaBGP's names.
func (p Prefix) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = p.AppendMembers(append(b, "{ "...))
	return append(p.Labels.AppendJSON(append(b, `, "label": `...)), " }"...)
}
