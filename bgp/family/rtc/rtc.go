// Package rtc is all that the family ipv4 rtc knows, which says what VPN routes
// a speaker wants (RFC 4684): bytes, words, JSON.
package rtc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Codec is the row of the family. Whoever agrees to it is sent no VPN routes but
// those that it asked for, so that "all" must not mean it.
var Codec = nlri.Codec{Family: bgp.IPv4RTC, OnlyNamed: true, Next: next, View: View, Form: &Form, NextHopLens: []int{4, 16}}

// maxBits is the length of a whole NLRI: an AS number and a route target.
const maxBits = 96

// Membership is a wish for routes: all of an origin AS and a route target that
// begin with so many bits (RFC 4684 section 4). None at all is the default:
// every route.
type Membership struct {
	Bits   uint8 // 0 to 96
	Origin bgp.ASN
	Target [8]byte

	HasPath bool
	PathID  uint32
}

// next reads the length in bits, and as many octets as have one of these. A
// length that cuts the origin AS means nothing, but is harmless.
func next(b []byte) ([]byte, int, error) {
	if len(b) == 0 {
		return nil, 0, errors.New("want a route target membership, got nothing")
	}
	n := 1 + (int(b[0])+7)/8
	switch {
	case b[0] > maxBits:
		return nil, 0, fmt.Errorf("length %d, want at most %d bits", b[0], maxBits)
	case n > len(b):
		return nil, 0, fmt.Errorf("%d bits want %d octets, %d left", b[0], n-1, len(b)-1)
	}
	body := b[:n:n]
	if spare := byte(0xff) >> (b[0] & 7); b[0]&7 != 0 && body[n-1]&spare != 0 {
		body = append([]byte(nil), body...)
		body[n-1] &^= spare
	}
	return body, n, nil
}

// View is the typed form of a checked NLRI.
func View(r nlri.Raw) nlri.NLRI {
	var whole [12]byte
	copy(whole[:], r.Body[1:])
	return Membership{Bits: r.Body[0], Origin: bgp.ASN(binary.BigEndian.Uint32(whole[:])), Target: [8]byte(whole[4:]),
		HasPath: r.HasPath, PathID: r.PathID}
}

// Raw is the NLRI in its canonical packed form.
func (m Membership) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.IPv4RTC, HasPath: m.HasPath, PathID: m.PathID, Body: m.append(nil)}
}

func (m Membership) append(b []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint32(append(b, m.Bits), uint32(m.Origin))
	b = append(b, m.Target[:]...)
	n := (int(m.Bits) + 7) / 8
	b = b[:at+1+n]
	if m.Bits&7 != 0 {
		b[len(b)-1] &^= 0xff >> (m.Bits & 7)
	}
	return b
}

// Form is how a membership is said: "origin-as 65000 target 65000:1", or
// "default".
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(bgp.Family) nlri.Draft { return &draft{} }}

type draft struct {
	Membership
	origin, target, def, length bool
}

var leaves = []nlri.Leaf[draft]{
	{Word: "default", Help: "every route is wanted", Say: func(d *draft, _ grammar.Source) error { d.def = true; return nil }},
	{Word: "origin-as", Args: "ASN", Help: "the AS that wants the routes", Say: sayOrigin},
	{Word: "target", Args: "ASN:NUMBER|ADDRESS:NUMBER|0xHEX", Help: "the route target that they have", Say: sayTarget},
	{Word: "length", Args: "0-96", Help: "how many bits of the two count; all, if it is not said", Say: sayLength},
}

func sayOrigin(d *draft, s grammar.Source) error {
	w, err := grammar.Value(s, "an AS number")
	if err != nil {
		return err
	}
	d.origin = true
	d.Origin, err = bgp.ParseASN(w)
	return err
}

func sayTarget(d *draft, s grammar.Source) error {
	w, err := grammar.Value(s, "a route target like 65000:1")
	if err != nil {
		return err
	}
	e, err := attr.ParseExtended(w)
	d.target, d.Target = true, e
	return err
}

func sayLength(d *draft, s grammar.Source) error {
	n, err := grammar.Uint(s, maxBits)
	d.length, d.Bits = true, uint8(n)
	return err
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

// AppendBody wants "default", or an origin AS with or without a target.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	switch {
	case d.def && (d.origin || d.target):
		return b, errors.New("default: want no origin-as or target with it")
	case !d.def && !d.origin:
		return b, errors.New("want origin-as and target, or default")
	case d.length || d.def:
	case d.target:
		d.Bits = maxBits
	default:
		d.Bits = 32
	}
	return d.append(b), nil
}

// AppendText appends what Form reads.
func (m Membership) AppendText(b []byte) []byte {
	if m.Bits == 0 {
		return nlri.AppendPathText(append(b, "default"...), m.HasPath, m.PathID)
	}
	b = strconv.AppendUint(append(b, "origin-as "...), uint64(m.Origin), 10)
	if m.Bits > 32 {
		b = fmt.Appendf(append(b, " target "...), "0x%X", m.Target)
		if e := attr.ExtendedCommunity(m.Target); m.Bits == maxBits && e[1] == 2 && e[0] <= 2 {
			b = e.AppendText(b[:len(b)-18])
		}
	}
	if m.Bits != 32 && m.Bits != maxBits {
		b = strconv.AppendUint(append(b, " length "...), uint64(m.Bits), 10)
	}
	return nlri.AppendPathText(b, m.HasPath, m.PathID)
}

// AppendJSON appends the membership as an object.
func (m Membership) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = append(b, `{ `...)
	if m.Bits > 0 {
		b = strconv.AppendUint(append(b, `"origin": `...), uint64(m.Origin), 10)
		if m.Bits > 32 {
			b = append(attr.ExtendedCommunity(m.Target).AppendText(append(b, `, "route-target": "`...)), '"')
		}
		b = append(b, ", "...)
	}
	b = strconv.AppendUint(append(b, `"length": `...), uint64(m.Bits), 10)
	return append(nlri.AppendPathJSON(b, m.HasPath, m.PathID), " }"...)
}
