package attr

import (
	"encoding/binary"
	"fmt"

	"holdfast/bgp/grammar"
)

// PrefixSID is the code of the BGP prefix SID attribute (RFC 8669, RFC 9252).
const PrefixSID = 40

// TLVs of a prefix SID.
const (
	sidLabelIndex = 1
	sidSRGB       = 3
	sidL3Service  = 5
	sidL2Service  = 6
)

var prefixSIDRow = row{
	name: "bgp-prefix-sid", flags: Optional | Transitive, bad: Discard,
	check: checkPrefixSID, grave: badService, words: prefixSIDWords, json: jsonPrefixSID,
}

// checkPrefixSID wants TLVs that fit, those of RFC 8669 section 3 to have their
// length, and SRv6 services to be whole. A fault begins where its TLV does; that
// of a service is told before others.
func checkPrefixSID(v []byte, _ Source) (f *fault) {
	for at := 0; at < len(v); {
		kind, value, rest, ok := cutTLV(v[at:])
		switch n := len(value); {
		case !ok:
			return &fault{LengthError, at, "TLV goes beyond the attribute"}
		case isService(kind) && !serviceFits(value):
			return &fault{OptionalError, at, fmt.Sprintf("TLV %d: no whole SRv6 service", kind)}
		case f == nil && (kind == sidLabelIndex && n != 7 || kind == sidSRGB && (n < 8 || (n-2)%6 != 0)):
			f = &fault{LengthError, at, fmt.Sprintf("TLV %d has %d octets", kind, n)}
		}
		at = len(v) - len(rest)
	}
	return f
}

func isService(kind uint8) bool { return kind == sidL3Service || kind == sidL2Service }

// badService says that a fault is one of an SRv6 service: its routes can't be
// used then (RFC 9252 section 7), where other faults only cost the attribute
// (RFC 8669 section 6).
func badService(v []byte, f *fault) bool { return isService(v[f.at]) }

// serviceFits looks at the TLVs within a service, and within its SIDs (RFC 9252
// section 7). What is not known is good.
func serviceFits(v []byte) bool {
	return len(v) > 0 && tlvsFit(v[1:], func(kind uint8, v []byte) bool {
		return kind != 1 || len(v) >= 21 && tlvsFit(v[21:], func(kind uint8, v []byte) bool { return kind != 1 || len(v) == 6 })
	})
}

func tlvsFit(v []byte, good func(kind uint8, v []byte) bool) bool {
	for len(v) > 0 {
		kind, value, rest, ok := cutTLV(v)
		if !ok || !good(kind, value) {
			return false
		}
		v = rest
	}
	return true
}

// prefixSIDLeaves are its words.
var prefixSIDLeaves = []Leaf{
	{Word: "bgp-prefix-sid", Help: "segment routing: label index, and SRGBs (RFC 8669)", Form: Free, Arg: "[ INDEX [, [ ( BASE,RANGE ) … ] ] ]", Say: sayPrefixSID},
	{Word: "bgp-prefix-sid-srv6", Help: "SRv6 service SID, its behavior and its structure (RFC 9252)", Form: Free,
		Arg: "( l3-service|l2-service SID [BEHAVIOR [LB,LN,FUN,ARG,TLEN,TOFF]] )", Say: saySRv6SID},
}

// addTLV puts a TLV at the end of the attribute.
func (d *Draft) addTLV(kind uint8, value []byte) error {
	was, _ := d.Get(PrefixSID)
	if len(was)+3+len(value) > listMax {
		return fmt.Errorf("want what fits an attribute of %d octets", listMax)
	}
	d.grow(PrefixSID, Optional|Transitive, append([]byte{kind, byte(len(value) >> 8), byte(len(value))}, value...))
	return nil
}

func sayPrefixSID(d *Draft, s grammar.Source) error {
	if s.Peek() != "[" {
		return sayLabelIndex(d, s)
	}
	s.Next()
	if err := sayLabelIndex(d, s); err != nil {
		return err
	}
	comma(s)
	if s.Peek() == "[" {
		if err := saySRGBs(d, s); err != nil {
			return err
		}
	}
	return grammar.Expect(s, "]")
}

// comma takes a comma, which may be left out.
func comma(s grammar.Source) {
	if s.Peek() == "," {
		s.Next()
	}
}

func sayLabelIndex(d *Draft, s grammar.Source) error {
	n, err := grammar.Uint(s, 1<<32-1)
	if err != nil {
		return err
	}
	return d.addTLV(sidLabelIndex, binary.BigEndian.AppendUint32([]byte{0, 0, 0}, uint32(n)))
}

// saySRGBs reads [ ( 800000,4096 ), ( 1000000,5000 ) ].
func saySRGBs(d *Draft, s grammar.Source) error {
	v := []byte{0, 0}
	for s.Next(); s.Peek() != "]"; comma(s) {
		if err := grammar.Expect(s, "("); err != nil {
			return err
		}
		for range 2 {
			n, err := grammar.Uint(s, 1<<24-1)
			if err != nil {
				return err
			}
			v = append(v, byte(n>>16), byte(n>>8), byte(n))
			comma(s)
		}
		if err := grammar.Expect(s, ")"); err != nil {
			return err
		}
	}
	s.Next()
	if len(v) == 2 {
		return fmt.Errorf("want an SRGB like ( 800000,4096 )")
	}
	return d.addTLV(sidSRGB, v)
}

// saySRv6SID reads ( l3-service SID BEHAVIOR [LB,LN,FUN,ARG,TLEN,TOFF] ).
func saySRv6SID(d *Draft, s grammar.Source) error {
	if err := grammar.Expect(s, "("); err != nil {
		return err
	}
	// The last two are what drafts called the first, and ExaBGP 4 still does.
	kind, ok := map[string]uint8{"l3-service": sidL3Service, "l2-service": sidL2Service, "l3vpn": sidL3Service, "vpn": sidL3Service}[s.Peek()]
	if !ok {
		return grammar.Wish("l3-service or l2-service", s.Peek())
	}
	s.Next()
	v, err := sayService(s)
	if err != nil {
		return err
	}
	if err := grammar.Expect(s, ")"); err != nil {
		return err
	}
	return d.addTLV(kind, v)
}

// sayService makes the value of a service TLV: a reserved octet and one SRv6
// SID information sub-TLV (RFC 9252 section 3.1).
func sayService(s grammar.Source) ([]byte, error) {
	v, err := segmentPart{size: 16}.say([]byte{0, 1, 0, 0, 0}, s)
	if err != nil {
		return nil, err
	}
	behavior := uint64(0xffff) // opaque (RFC 8986 section 10.2)
	if w := s.Peek(); w != ")" && w != "[" {
		if behavior, err = grammar.Uint(s, 0xffff); err != nil {
			return nil, err
		}
	}
	v = append(v, 0, byte(behavior>>8), byte(behavior), 0)
	if s.Peek() == "[" {
		v = append(v, 1, 0, 6)
		if v, err = sayStructure(v, s); err != nil {
			return nil, err
		}
	}
	binary.BigEndian.PutUint16(v[2:], uint16(len(v)-4))
	return v, nil
}

// sayStructure reads six lengths in brackets.
func sayStructure(v []byte, s grammar.Source) ([]byte, error) {
	s.Next()
	for i := range 6 {
		if i > 0 {
			comma(s)
		}
		n, err := grammar.Uint(s, 128)
		if err != nil {
			return nil, err
		}
		v = append(v, byte(n))
	}
	return v, grammar.Expect(s, "]")
}

// cutTLV cuts a TLV with a length of two octets behind a type of one.
func cutTLV[T string | []byte](v T) (kind uint8, value, rest T, ok bool) {
	if len(v) < 3 || len(v)-3 < int(v[1])<<8|int(v[2]) {
		return 0, value, rest, false
	}
	n := 3 + (int(v[1])<<8 | int(v[2]))
	return v[0], v[3:n], v[n:], true
}

// prefixSIDWords appends the words that say the value, if there are such.
func prefixSIDWords(b []byte, v string) ([]byte, bool) {
	at, rest, sep := len(b), v, ""
	for rest != "" {
		kind, value, after, ok := cutTLV(rest)
		if !ok {
			return b, false
		}
		b = append(b, sep...)
		switch {
		case kind == sidLabelIndex && len(value) == 7:
			b = fmt.Appendf(b, "bgp-prefix-sid [ %d", asAt(value, 3))
			if next, srgbs, more, ok := cutTLV(after); ok && next == sidSRGB {
				b, after = textSRGBs(append(b, " , "...), srgbs), more
			}
			b = append(b, " ]"...)
		case kind == sidL3Service:
			b = textService(append(b, "bgp-prefix-sid-srv6 ( l3-service "...), value)
		case kind == sidL2Service:
			b = textService(append(b, "bgp-prefix-sid-srv6 ( l2-service "...), value)
		default:
			return b, false
		}
		rest, sep = after, " "
	}
	return b, sep != "" && saysAgain(PrefixSID, string(b[at:]), v)
}

func textSRGBs(b []byte, v string) []byte {
	b = append(b, "[ "...)
	for v = v[min(2, len(v)):]; len(v) >= 6; v = v[6:] {
		b = fmt.Appendf(b, "( %d , %d ) ", uint24(v), uint24(v[3:]))
	}
	return append(b, ']')
}

func uint24(v string) int { return int(v[0])<<16 | int(v[1])<<8 | int(v[2]) }

// textService appends what saySRv6SID reads; what does not fit it is found out
// by saying it again.
func textService(b []byte, v string) []byte {
	if len(v) < 25 {
		return append(b, ')')
	}
	b = fmt.Appendf(b, "%s %d", address(v[5:21]), int(v[22])<<8|int(v[23]))
	if len(v) == 34 {
		b = fmt.Appendf(b, " [ %d , %d , %d , %d , %d , %d ]", v[28], v[29], v[30], v[31], v[32], v[33])
	}
	return append(b, " )"...)
}

// jsonPrefixSID appends an object; services and TLVs that are not known are
// lists, for there may be several.
func jsonPrefixSID(b []byte, v string) []byte {
	b = append(b, '{')
	sep := ""
	for rest := v; rest != ""; {
		kind, value, after, ok := cutTLV(rest)
		if !ok {
			break
		}
		rest = after
		switch {
		case kind == sidLabelIndex && len(value) == 7:
			b = fmt.Appendf(append(b, sep...), `"sr-label-index": %d`, asAt(value, 3))
		case kind == sidSRGB && len(value) >= 8:
			b = jsonSRGBs(append(b, sep...), value[2:])
		case kind == sidL3Service || kind == sidL2Service:
			continue
		default:
			b = fmt.Appendf(append(b, sep...), `"tlv-%d": "0x%x"`, kind, value)
		}
		sep = ", "
	}
	b, sep = jsonServices(b, sep, "l3-service", sidL3Service, v)
	b, _ = jsonServices(b, sep, "l2-service", sidL2Service, v)
	return append(b, '}')
}

func jsonSRGBs(b []byte, v string) []byte {
	b = append(b, `"sr-srgbs": [`...)
	for sep := ""; len(v) >= 6; v, sep = v[6:], ", " {
		b = fmt.Appendf(b, "%s[%d, %d]", sep, uint24(v), uint24(v[3:]))
	}
	return append(b, ']')
}

// jsonServices appends the SIDs of all services of a kind as one list.
func jsonServices(b []byte, sep, name string, want uint8, v string) ([]byte, string) {
	any := false
	for rest := v; rest != ""; {
		kind, value, after, ok := cutTLV(rest)
		if !ok {
			break
		}
		rest = after
		if kind != want {
			continue
		}
		if !any {
			b = fmt.Appendf(append(b, sep...), `"%s": [`, name)
			any, sep = true, ""
		}
		b, sep = jsonSIDs(b, sep, value)
	}
	if !any {
		return b, sep
	}
	return append(b, ']'), ", "
}

// jsonSIDs appends the sub-TLVs of a service behind its reserved octet.
func jsonSIDs(b []byte, sep, v string) ([]byte, string) {
	for v = v[min(1, len(v)):]; v != ""; sep = ", " {
		kind, value, after, ok := cutTLV(v)
		if !ok {
			break
		}
		b, v = append(b, sep...), after
		if kind != 1 || len(value) < 21 {
			b = fmt.Appendf(b, `{"sub-tlv-%d": "0x%x"}`, kind, value)
			continue
		}
		b = fmt.Appendf(b, `{"sid": "%s", "flags": %d, "endpoint_behavior": %d`,
			address(value[1:17]), value[17], int(value[18])<<8|int(value[19]))
		b = append(jsonStructure(b, value[21:]), '}')
	}
	return b, sep
}

// jsonStructure appends the SID structure sub-sub-TLV (RFC 9252 section 3.2.1),
// and those that are not known.
func jsonStructure(b []byte, v string) []byte {
	for v != "" {
		kind, value, after, ok := cutTLV(v)
		if !ok {
			break
		}
		v = after
		if kind != 1 || len(value) != 6 {
			b = fmt.Appendf(b, `, "sub-sub-tlv-%d": "0x%x"`, kind, value)
			continue
		}
		b = fmt.Appendf(b, `, "structure": {"locator-block-length": %d, "locator-node-length": %d, "function-length": %d, "argument-length": %d, "transposition-length": %d, "transposition-offset": %d}`,
			value[0], value[1], value[2], value[3], value[4], value[5])
	}
	return b
}
