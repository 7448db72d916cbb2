// Package vpn is all that the families of BGP/MPLS VPNs know, ipv4 mpls-vpn and
// ipv6 mpls-vpn (RFC 4364, RFC 4659): bytes, words, JSON.
package vpn

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/family/label"
	"holdfast/bgp/nlri"
)

// rdLen is the length of a route distinguisher, in octets.
const rdLen = 8

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4VPN, Next: next4, View: View, Key: key, NextHopLens: []int{12}, HopRD: true, HopAttr: true}
	IPv6 = nlri.Codec{Family: bgp.IPv6VPN, Next: next6, View: View, Key: key, NextHopLens: []int{24, 48}, HopRD: true, HopAttr: true}
)

// Prefix is a prefix of a VPN, with its label stack.
type Prefix struct {
	inet.Prefix
	RD     nlri.RD
	Labels nlri.Labels
}

func key(scratch, body []byte) []byte { return label.KeyOf(scratch, body, rdLen) }

func next4(b []byte) ([]byte, int, error) { return label.Next(b, rdLen, 32) }
func next6(b []byte) ([]byte, int, error) { return label.Next(b, rdLen, 128) }

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI {
	stack, rest, bits := label.Split(r.Body, rdLen)
	p := inet.Prefix{Net: inet.PrefixOf(r.Family.AFI(), bits, rest[rdLen:]), SAFI: r.Family.SAFI(), HasPath: r.HasPath, PathID: r.PathID}
	return Prefix{Prefix: p, RD: nlri.RD(rest[:rdLen]), Labels: stack}
}

// Raw is the NLRI in its canonical packed form.
func (p Prefix) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.MakeFamily(inet.AFI(p.Net), bgp.SAFIVPN), HasPath: p.HasPath, PathID: p.PathID,
		Body: AppendBody(nil, p.Labels, p.RD, p.Net)}
}

// AppendBody appends an NLRI, without path identifier. No labels at all make
// one that can only be withdrawn.
func AppendBody(b []byte, stack nlri.Labels, rd nlri.RD, p netip.Prefix) []byte {
	at := len(b)
	b = label.AppendBody(b, stack, netip.PrefixFrom(p.Addr(), 0))
	b[at] += byte(8*rdLen + p.Bits())
	return inet.AppendBits(append(b, rd[:]...), p)
}

// AppendText appends the prefix as a route command says it:
// "10.0.0.0/24 rd 65000:1 label 100".
func (p Prefix) AppendText(b []byte) []byte {
	return label.AppendLabels(p.RD.AppendText(append(p.Prefix.AppendText(b), " rd "...)), p.Labels)
}

// AppendJSON appends the prefix as an object with ExaBGP's names.
func (p Prefix) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = p.AppendMembers(append(b, "{ "...))
	b = p.Labels.AppendJSON(append(b, `, "label": `...))
	return append(p.RD.AppendJSON(append(b, `, "rd": `...)), " }"...)
}
