// Package srpolicy is all that the families ipv4 sr-policy and ipv6 sr-policy
// know (RFC 9830): bytes, words, JSON. The policy itself is an attribute, the
// tunnel encapsulation.
package srpolicy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4SRPolicy, Next: next4, View: View, Form: &Form, NextHopLens: []int{4, 16}}
	IPv6 = nlri.Codec{Family: bgp.IPv6SRPolicy, Next: next6, View: View, Form: &Form, NextHopLens: []int{4, 16}}
)

// Policy is a candidate path of an SR policy (RFC 9830 section 2.1).
type Policy struct {
	Distinguisher uint32
	Color         uint32
	Endpoint      netip.Addr

	HasPath bool
	PathID  uint32
}

func next4(b []byte) ([]byte, int, error) { return next(b, 96) }
func next6(b []byte) ([]byte, int, error) { return next(b, 192) }

// next reads a length in bits, which is that of the whole, and the whole.
func next(b []byte, bits byte) ([]byte, int, error) {
	if len(b) == 0 {
		return nil, 0, errors.New("want a policy, got nothing")
	}
	n := 1 + int(bits/8)
	switch {
	case b[0] != bits:
		return nil, 0, fmt.Errorf("a policy of %d bits, want %d", b[0], bits)
	case len(b) < n:
		return nil, 0, fmt.Errorf("a policy wants %d octets, %d left", n-1, len(b)-1)
	}
	return b[:n:n], n, nil
}

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI {
	endpoint, _ := netip.AddrFromSlice(r.Body[9:])
	return Policy{Distinguisher: binary.BigEndian.Uint32(r.Body[1:]), Color: binary.BigEndian.Uint32(r.Body[5:]), Endpoint: endpoint,
		HasPath: r.HasPath, PathID: r.PathID}
}

// Raw is the NLRI in its canonical packed form.
func (p Policy) Raw() nlri.Raw {
	return nlri.Raw{Family: p.Family(), HasPath: p.HasPath, PathID: p.PathID, Body: p.append(nil)}
}

// Family is that of the endpoint.
func (p Policy) Family() bgp.Family {
	if p.Endpoint.Is4() {
		return bgp.IPv4SRPolicy
	}
	return bgp.IPv6SRPolicy
}

func (p Policy) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, byte(64+p.Endpoint.BitLen())), p.Distinguisher)
	b = binary.BigEndian.AppendUint32(b, p.Color)
	return append(b, p.Endpoint.AsSlice()...)
}

// Form is how a policy is said: "distinguisher 0 color 100 endpoint 192.0.2.1".
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(f bgp.Family) nlri.Draft { return &draft{afi: f.AFI()} }}

type draft struct {
	Policy
	afi         bgp.AFI // 0: that of the endpoint
	dist, color bool
}

var leaves = []nlri.Leaf[draft]{
	{Word: "distinguisher", Args: "0-4294967295", Help: "tells the candidate paths of one color and endpoint apart", Say: func(d *draft, s grammar.Source) error {
		n, err := grammar.Uint(s, 1<<32-1)
		d.dist, d.Distinguisher = true, uint32(n)
		return err
	}},
	{Word: "color", Args: "0-4294967295", Help: "the intent that the policy serves", Say: func(d *draft, s grammar.Source) error {
		n, err := grammar.Uint(s, 1<<32-1)
		d.color, d.Color = true, uint32(n)
		return err
	}},
	{Word: "endpoint", Args: "ADDRESS", Help: "where the policy leads to", Say: sayEndpoint},
}

func sayEndpoint(d *draft, s grammar.Source) (err error) {
	d.Endpoint, err = grammar.Addr(s)
	if err == nil && d.afi != 0 && d.Family().AFI() != d.afi {
		err = fmt.Errorf("want an address of %s, got %q", bgp.MakeFamily(d.afi, bgp.SAFISRPolicy), d.Endpoint)
	}
	return err
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

func (d *draft) AppendBody(b []byte) ([]byte, error) {
	if !d.dist || !d.color || !d.Endpoint.IsValid() {
		return b, errors.New("want distinguisher, color and endpoint")
	}
	return d.append(b), nil
}

// AppendText appends what Form reads.
func (p Policy) AppendText(b []byte) []byte {
	b = fmt.Appendf(b, "distinguisher %d color %d endpoint %s", p.Distinguisher, p.Color, p.Endpoint)
	return nlri.AppendPathText(b, p.HasPath, p.PathID)
}

// AppendJSON appends the policy as an object with ExaBGP's names.
func (p Policy) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "distinguisher": %d, "color": %d, "endpoint": "%s"`, p.Distinguisher, p.Color, p.Endpoint)
	return append(nlri.AppendPathJSON(b, p.HasPath, p.PathID), " }"...)
}
