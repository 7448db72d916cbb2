package attr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// bindingFlags are what ExaBGP main sends with a binding SID of MPLS.
const bindingFlags = 0x10

// tunnelLeaves are the words of an SR policy. Each adds a sub-TLV, in the order
// in which they are said.
var tunnelLeaves = []Leaf{
	{Word: "preference", Help: "of a candidate path, more is better (RFC 9830 2.4.1)", Form: Free, Arg: "0-4294967295", Say: sayPreference},
	{Word: "priority", Help: "of a candidate path, less is computed first (RFC 9830 2.4.5)", Form: Free, Arg: "0-255", Say: sayPriority},
	{Word: "binding-sid", Help: "the label that stands for the policy (RFC 9830 2.4.2)", Form: Free, Arg: "mpls LABEL", Say: sayBinding},
	{Word: "srv6-binding-sid", Help: "the SRv6 SID that stands for the policy (RFC 9830 2.4.3)", Form: Free, Arg: "ADDRESS", Say: saySRv6Binding},
	{Word: "policy-name", Help: "for people (RFC 9830 2.4.8)", Form: Free, Arg: `"NAME"`, Say: sayName(subPolicyName)},
	{Word: "candidate-path-name", Help: "for people (RFC 9830 2.4.7)", Form: Free, Arg: `"NAME"`, Say: sayName(subPathName)},
	{Word: "segment-list", Help: "one of the ways of the policy (RFC 9830 2.4.4, RFC 9831)", Form: Free, Arg: "[weight N] segment type-a mpls LABEL…", Say: saySegmentList},
}

// addSubTLV puts a sub-TLV at the end of the SR policy. Only of segment lists
// there may be several.
func (d *Draft) addSubTLV(kind uint8, value []byte) error {
	if !d.Has(TunnelEncap) {
		d.Put(TunnelEncap, Optional|Transitive, []byte{0, tunnelSRPolicy, 0, 0})
	}
	v, _ := d.Get(TunnelEncap)
	if len(v) < 4 || v[1] != tunnelSRPolicy || 4+int(binary.BigEndian.Uint16(v[2:])) != len(v) {
		return errors.New("want no other tunnel beside an SR policy")
	}
	if kind != subSegmentList {
		for k := range subTLVs(string(v[4:]), 128) {
			if k == kind {
				return errors.New("want it once")
			}
		}
	}
	more := appendSubTLV(nil, kind, value)
	if len(v)+len(more) > listMax {
		return fmt.Errorf("want a policy that fits an attribute of %d octets", listMax)
	}
	d.grow(TunnelEncap, Optional|Transitive, more)
	v, _ = d.Get(TunnelEncap)
	binary.BigEndian.PutUint16(v[2:], uint16(len(v)-4))
	return nil
}

func sayPreference(d *Draft, s grammar.Source) error {
	n, err := grammar.Uint(s, 1<<32-1)
	if err != nil {
		return err
	}
	return d.addSubTLV(subPreference, binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(n)))
}

func sayPriority(d *Draft, s grammar.Source) error {
	n, err := grammar.Uint(s, 255)
	if err != nil {
		return err
	}
	return d.addSubTLV(subPriority, []byte{byte(n), 0})
}

func sayBinding(d *Draft, s grammar.Source) error {
	if err := grammar.Expect(s, "mpls"); err != nil {
		return err
	}
	n, err := grammar.Uint(s, 1<<20-1)
	if err != nil {
		return err
	}
	return d.addSubTLV(subBindingSID, binary.BigEndian.AppendUint32([]byte{bindingFlags, 0}, uint32(n)<<12|labelBottom))
}

func saySRv6Binding(d *Draft, s grammar.Source) error {
	v, err := segmentPart{size: 16}.say([]byte{0, 0}, s)
	if err == nil && s.Peek() == "endpoint-behavior" {
		s.Next()
		v, err = appendBehavior(v, s)
	}
	if err != nil {
		return err
	}
	return d.addSubTLV(subSRv6Binding, v)
}

func sayName(kind uint8) func(*Draft, grammar.Source) error {
	return func(d *Draft, s grammar.Source) error {
		w, err := grammar.Value(s, "a name")
		if err != nil {
			return err
		}
		if len(w) > 255 {
			return fmt.Errorf("want a name of at most 255 octets, got %d", len(w))
		}
		return d.addSubTLV(kind, append([]byte{0}, w...))
	}
}

func saySegmentList(d *Draft, s grammar.Source) error {
	v := []byte{0}
	if s.Peek() == "weight" {
		s.Next()
		n, err := grammar.Uint(s, 1<<32-1)
		if err != nil {
			return fmt.Errorf("weight: %w", err)
		}
		v = appendSubTLV(v, subWeight, binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(n)))
	}
	for s.Peek() == "segment" {
		s.Next()
		var err error
		if v, err = appendSRSegment(v, s); err != nil {
			return err
		}
	}
	return d.addSubTLV(subSegmentList, v)
}

// tunnelWords appends the words that say the value, if there are such.
func tunnelWords(b []byte, v string) ([]byte, bool) {
	at := len(b)
	b, ok := textPolicy(b, v)
	return b, ok && saysAgain(TunnelEncap, string(b[at:]), v)
}

func textPolicy(b []byte, v string) (_ []byte, ok bool) {
	if len(v) < 4 || v[:2] != "\x00\x0f" {
		return b, false
	}
	sep := ""
	for kind, value := range subTLVs(v[4:], 128) {
		if b, ok = textPolicyPart(append(b, sep...), kind, value); !ok {
			return b, false
		}
		sep = " "
	}
	return b, sep != ""
}

func textPolicyPart(b []byte, kind uint8, v string) ([]byte, bool) {
	switch {
	case kind == subPreference && len(v) == 6:
		return fmt.Appendf(b, "preference %d", asAt(v, 2)), true
	case kind == subPriority && len(v) == 2:
		return fmt.Appendf(b, "priority %d", v[0]), true
	case kind == subBindingSID && len(v) == 6:
		return fmt.Appendf(b, "binding-sid mpls %d", asAt(v, 2)>>12), true
	case kind == subSRv6Binding && len(v) == 18, kind == subSRv6Binding && len(v) == 26:
		return textBehavior(fmt.Appendf(b, "srv6-binding-sid %s", address(v[2:18])), v[18:]), true
	case kind == subPolicyName && plainName(v):
		return fmt.Appendf(b, `policy-name "%s"`, v[1:]), true
	case kind == subPathName && plainName(v):
		return fmt.Appendf(b, `candidate-path-name "%s"`, v[1:]), true
	case kind == subSegmentList && len(v) > 0:
		return textSegmentList(append(b, "segment-list"...), v[1:])
	}
	return b, false
}

// plainName says that a name with its octet of flags can stand in quotes.
func plainName(v string) bool {
	if len(v) < 2 {
		return false
	}
	return strings.IndexFunc(v[1:], func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) < 0
}

func textSegmentList(b []byte, v string) (_ []byte, ok bool) {
	for kind, value := range subTLVs(v, 255) {
		if kind == subWeight && len(value) == 6 {
			b = fmt.Appendf(b, " weight %d", asAt(value, 2))
		} else if b, ok = textSegment(b, kind, value); !ok {
			return b, false
		}
	}
	return b, true
}
