// Package flow is all that the families of flow specifications know, for IPv4
// and IPv6, and for VPNs (RFC 8955, RFC 8956): bytes, words, JSON, and the
// actions that are said with them.
package flow

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// The rows of the families.
var (
	IPv4    = codec(bgp.IPv4Flow)
	IPv6    = codec(bgp.IPv6Flow)
	IPv4VPN = codec(bgp.IPv4FlowVPN)
	IPv6VPN = codec(bgp.IPv6FlowVPN)
)

func codec(f bgp.Family) nlri.Codec {
	k := kind{six: f.AFI() == bgp.AFIIPv6, vpn: f.SAFI() == bgp.SAFIFlowVPN}
	return nlri.Codec{Family: f, Next: k.next, View: View, Form: &Form, NextHopLens: []int{0, 4, 16}}
}

// kind is which of the four families it is.
type kind struct {
	six, vpn bool
	shifted  bool // prefixes with an offset are as RFC 8956 has them: see prefix6
}

// rdLen is the length of a route distinguisher, in octets.
const rdLen = 8

// longest is the longest specification that the length field can tell
// (RFC 8955 section 4.1), in octets.
const longest = 0xfff

// next reads the length in one or two octets, and the specification. The form
// that it gives is the shortest one. What is wrong within does not hide where
// the specification ends: new component types may come from afar, and are no
// reason to end a session (RFC 8955 section 10).
func (k kind) next(b []byte) ([]byte, int, error) {
	head, size, ok := length(b)
	if !ok {
		return nil, 0, fmt.Errorf("want the length of a flow specification, %d octets left", len(b))
	}
	n := head + size
	if n > len(b) {
		return nil, 0, fmt.Errorf("a flow specification of %d octets, %d left", size, len(b)-head)
	}
	body := b[:n:n]
	rules := body[head:]
	if k.vpn {
		if size < rdLen {
			return nil, n, fmt.Errorf("a flow specification of %d octets, want a route distinguisher of %d", size, rdLen)
		}
		rules = rules[rdLen:]
	}
	canonical, masked, err := k.check(rules)
	if other := (kind{k.six, k.vpn, true}); k.six && (err != nil || !masked) {
		if _, _, bad := other.check(rules); bad == nil {
			k, err = other, nil
		}
	}
	if err != nil {
		return nil, n, err
	}
	if !canonical || head == 2 && size < 240 {
		body = k.view(nlri.Raw{Body: body}).append(nil)
	}
	return body, n, nil
}

// length reads the length field: how long it is itself, and what it says.
func length(b []byte) (head, size int, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0xf0:
		return 1, int(b[0]), true
	case len(b) >= 2 && b[0] >= 0xf0:
		return 2, int(b[0]&0x0f)<<8 | int(b[1]), true
	}
	return 0, 0, false
}

// check walks the components: their types ascend (RFC 8955 section 4.2). It says
// whether all is in the canonical form, and whether prefixes have no bits set
// that do not count: such bits may be those of the other form.
func (k kind) check(rules []byte) (canonical, masked bool, err error) {
	if len(rules) == 0 {
		return false, false, errors.New("a flow specification without components")
	}
	canonical, masked = true, true
	for last := byte(0); len(rules) > 0; {
		t := rules[0]
		c := k.component(t)
		switch {
		case c == nil:
			return false, false, fmt.Errorf("component type %d is not known", t)
		case t <= last:
			return false, false, fmt.Errorf("component type %d after %d, want ascending types", t, last)
		}
		last = t
		n, exact, err := k.part(c, rules[1:])
		if err != nil {
			return false, false, fmt.Errorf("component %s: %w", c.name(k.six), err)
		}
		canonical, masked = canonical && exact, masked && (exact || c.form != prefixForm)
		rules = rules[1+n:]
	}
	return canonical, masked, nil
}

// part checks one component behind its type: how many octets it has, and
// whether they are in the canonical form.
func (k kind) part(c *component, b []byte) (n int, canonical bool, err error) {
	switch {
	case c.form == prefixForm && k.six:
		return checkPrefix6(b, k.shifted)
	case c.form == prefixForm:
		return checkPrefix4(b)
	}
	return checkOperators(c, b)
}

// Spec is a flow specification.
type Spec struct {
	family bgp.Family
	RD     nlri.RD // of a VPN
	Rules  []byte  // components as they stand on the wire, canonical

	shifted bool // not yet canonical: see kind
	HasPath bool
	PathID  uint32
}

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI {
	k := kind{six: r.Family.AFI() == bgp.AFIIPv6, vpn: r.Family.SAFI() == bgp.SAFIFlowVPN}
	s := k.view(r)
	s.family = r.Family
	return s
}

func (k kind) view(r nlri.Raw) Spec {
	head, _, _ := length(r.Body)
	s := Spec{family: bgp.IPv4Flow, Rules: r.Body[head:], shifted: k.shifted, HasPath: r.HasPath, PathID: r.PathID}
	if k.six {
		s.family = bgp.IPv6Flow
	}
	if k.vpn {
		s.family++ // SAFI 134 follows 133
		s.RD, s.Rules = nlri.RD(s.Rules[:rdLen]), s.Rules[rdLen:]
	}
	return s
}

func (s Spec) six() bool { return s.family.AFI() == bgp.AFIIPv6 }
func (s Spec) vpn() bool { return s.family.SAFI() == bgp.SAFIFlowVPN }

// Raw is the NLRI in its canonical packed form.
func (s Spec) Raw() nlri.Raw {
	return nlri.Raw{Family: s.family, HasPath: s.HasPath, PathID: s.PathID, Body: s.append(nil)}
}

// append appends the canonical form of the rules, which may not have it yet.
func (s Spec) append(b []byte) []byte {
	rules := make([]byte, 0, len(s.Rules))
	for c, v := range s.components {
		rules = append(rules, c.code)
		switch {
		case c.form == prefixForm && s.six():
			rules = parsePrefix6(v, s.shifted).append(rules)
		case c.form == prefixForm:
			rules = appendPrefix4(rules, parsePrefix4(v))
		default:
			rules = appendOperators(rules, slices.Collect(operators(c, v)))
		}
	}
	return appendSpec(b, s.vpn(), s.RD, rules)
}

// appendSpec appends the length, a distinguisher for a VPN, and rules.
func appendSpec(b []byte, vpn bool, rd nlri.RD, rules []byte) []byte {
	n := len(rules)
	if vpn {
		n += rdLen
	}
	if n < 240 {
		b = append(b, byte(n))
	} else {
		b = append(b, 0xf0|byte(n>>8), byte(n))
	}
	if vpn {
		b = append(b, rd[:]...)
	}
	return append(b, rules...)
}

// components gives each with its value.
func (s Spec) components(yield func(*component, []byte) bool) {
	k := kind{six: s.six(), shifted: s.shifted}
	for b := s.Rules; len(b) > 0; {
		c := k.component(b[0])
		if c == nil {
			return
		}
		n, _, err := k.part(c, b[1:])
		if err != nil || !yield(c, b[1:1+n]) {
			return
		}
		b = b[1+n:]
	}
}
