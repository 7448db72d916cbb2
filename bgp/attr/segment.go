package attr

import (
	"encoding/binary"
	"fmt"

	"holdfast/bgp/grammar"
)

// Flags of a segment (RFC 9831 section 2.1.11).
const (
	segmentAlgorithm = 0x40
	segmentSID       = 0x20
	segmentBehavior  = 0x10
)

// segmentKind is how a segment of one type is laid out: flags, an algorithm or
// an octet of zero, the parts, and perhaps a SID and what it does there.
type segmentKind struct {
	code      uint8
	letter    byte
	algorithm bool
	parts     []segmentPart
	sid       int  // octets of the SID that may follow: a label entry, or an address
	behavior  bool // may follow an SRv6 SID
}

// segmentPart is an address, or an interface identifier, and its word.
type segmentPart struct {
	word string
	size int
	link bool // an interface identifier
}

// segmentKinds are RFC 9830 section 2.4.4.2 (A, B) and RFC 9831 section 2.1.
var segmentKinds = []segmentKind{
	{code: 1, letter: 'a', sid: 4},
	{code: 13, letter: 'b', sid: 16, behavior: true},
	{code: 3, letter: 'c', algorithm: true, parts: []segmentPart{{"ipv4", 4, false}}, sid: 4},
	{code: 4, letter: 'd', algorithm: true, parts: []segmentPart{{"ipv6", 16, false}}, sid: 4},
	{code: 5, letter: 'e', parts: []segmentPart{{"local-if-id", 4, true}, {"ipv4", 4, false}}, sid: 4},
	{code: 6, letter: 'f', parts: []segmentPart{{"local", 4, false}, {"remote", 4, false}}, sid: 4},
	{code: 7, letter: 'g', parts: linkLocalParts, sid: 4},
	{code: 8, letter: 'h', parts: []segmentPart{{"local", 16, false}, {"remote", 16, false}}, sid: 4},
	{code: 14, letter: 'i', algorithm: true, parts: []segmentPart{{"ipv6", 16, false}}, sid: 16, behavior: true},
	{code: 15, letter: 'j', algorithm: true, parts: linkLocalParts, sid: 16, behavior: true},
	{code: 16, letter: 'k', algorithm: true, parts: []segmentPart{{"local", 16, false}, {"remote", 16, false}}, sid: 16, behavior: true},
}

var linkLocalParts = []segmentPart{
	{"local-if-id", 4, true}, {"local-ipv6", 16, false}, {"remote-if-id", 4, true}, {"remote-ipv6", 16, false},
}

// plain says that the SID is all there is: types A and B.
func (k *segmentKind) plain() bool { return k.parts == nil }

// sidWord is what stands before the SID.
func (k *segmentKind) sidWord() string {
	switch {
	case !k.plain():
		return "sid"
	case k.sid == 4:
		return "mpls"
	}
	return "srv6"
}

func segmentOf(code uint8) *segmentKind {
	for i := range segmentKinds {
		if segmentKinds[i].code == code {
			return &segmentKinds[i]
		}
	}
	return nil
}

// cut takes a value apart; ok is whether it has one of the lengths that the
// type allows.
func (k *segmentKind) cut(v string) (parts []string, sid, behavior string, ok bool) {
	if len(v) < 2 {
		return nil, "", "", false
	}
	rest := v[2:]
	for _, p := range k.parts {
		if len(rest) < p.size {
			return nil, "", "", false
		}
		parts, rest = append(parts, rest[:p.size]), rest[p.size:]
	}
	if len(rest) >= k.sid {
		sid, rest = rest[:k.sid], rest[k.sid:]
	}
	if k.behavior && sid != "" && len(rest) == 8 {
		behavior, rest = rest, ""
	}
	return parts, sid, behavior, rest == "" && (sid != "" || !k.plain())
}

// wrongSegment wants a part of a segment list to have a length that it may
// have: the weight, or a segment with or without what may be left out of it.
func wrongSegment(code uint8, v []byte) string {
	fits := code != subWeight || len(v) == 6
	if k := segmentOf(code); k != nil {
		_, _, _, fits = k.cut(string(v))
	}
	if !fits {
		return octetsWrong(v)
	}
	return ""
}

// appendSRSegment reads what stands behind "segment": its type and its parts.
func appendSRSegment(b []byte, s grammar.Source) ([]byte, error) {
	const want = "a type type-a to type-k"
	w, err := grammar.Value(s, want)
	if err != nil {
		return nil, err
	}
	for i := range segmentKinds {
		if k := &segmentKinds[i]; w == "type-"+string(k.letter) {
			v, err := k.say([]byte{0, 0}, s)
			if err != nil {
				return nil, fmt.Errorf("segment %s: %w", w, err)
			}
			return appendSubTLV(b, k.code, v), nil
		}
	}
	return nil, grammar.Wish(want, w)
}

// say appends what the words give to two octets of zero.
func (k *segmentKind) say(v []byte, s grammar.Source) (_ []byte, err error) {
	for _, p := range k.parts {
		if err = grammar.Expect(s, p.word); err == nil {
			v, err = p.say(v, s)
		}
		if err != nil {
			return nil, err
		}
	}
	if k.algorithm {
		if err := grammar.Expect(s, "algorithm"); err != nil {
			return nil, err
		}
		n, err := grammar.Uint(s, 255)
		if err != nil {
			return nil, err
		}
		v[0], v[1] = v[0]|segmentAlgorithm, byte(n)
	}
	return k.saySID(v, s)
}

// saySID appends the SID, which types other than A and B may do without.
func (k *segmentKind) saySID(v []byte, s grammar.Source) ([]byte, error) {
	if !k.plain() && s.Peek() != "sid" {
		return v, nil
	}
	if err := grammar.Expect(s, k.sidWord()); err != nil {
		return nil, err
	}
	if !k.plain() {
		v[0] |= segmentSID
	}
	if k.sid == 4 {
		n, err := grammar.Uint(s, 1<<20-1)
		return binary.BigEndian.AppendUint32(v, uint32(n)<<12|labelBottom), err
	}
	v, err := segmentPart{size: 16}.say(v, s)
	if err != nil || s.Peek() != "endpoint-behavior" {
		return v, err
	}
	s.Next()
	v[0] |= segmentBehavior
	return appendBehavior(v, s)
}

// appendBehavior reads a behavior and four lengths in bits.
func appendBehavior(v []byte, s grammar.Source) ([]byte, error) {
	n, err := grammar.Uint(s, 0xffff)
	if err != nil {
		return nil, err
	}
	v = append(binary.BigEndian.AppendUint16(v, uint16(n)), 0, 0)
	for range 4 {
		if n, err = grammar.Uint(s, 128); err != nil {
			return nil, err
		}
		v = append(v, byte(n))
	}
	return v, nil
}

func (p segmentPart) say(v []byte, s grammar.Source) ([]byte, error) {
	if p.link {
		n, err := grammar.Uint(s, 1<<32-1)
		return binary.BigEndian.AppendUint32(v, uint32(n)), err
	}
	at := s.Peek()
	a, err := grammar.Addr(s)
	if err != nil {
		return nil, err
	}
	if a.BitLen() != 8*p.size {
		return nil, grammar.Wish(map[int]string{4: "an IPv4 address", 16: "an IPv6 address"}[p.size], at)
	}
	return append(v, a.AsSlice()...), nil
}

// textSegment appends the words of a segment.
func textSegment(b []byte, code uint8, v string) ([]byte, bool) {
	k := segmentOf(code)
	if k == nil {
		return b, false
	}
	parts, sid, behavior, ok := k.cut(v)
	if !ok {
		return b, false
	}
	b = append(append(b, " segment type-"...), k.letter)
	for i, p := range k.parts {
		b = append(append(append(b, ' '), p.word...), ' ')
		b = p.append(b, parts[i])
	}
	if k.algorithm {
		b = fmt.Appendf(b, " algorithm %d", v[1])
	}
	switch len(sid) {
	case 4:
		b = fmt.Appendf(b, " %s %d", k.sidWord(), asAt(sid, 0)>>12)
	case 16:
		b = fmt.Appendf(b, " %s %s", k.sidWord(), address(sid))
	}
	return textBehavior(b, behavior), true
}

func textBehavior(b []byte, v string) []byte {
	if v == "" {
		return b
	}
	return fmt.Appendf(b, " endpoint-behavior %d %d %d %d %d", int(v[0])<<8|int(v[1]), v[4], v[5], v[6], v[7])
}

// append appends the address or the number.
func (p segmentPart) append(b []byte, v string) []byte {
	if p.link {
		return fmt.Append(b, uint32(asAt(v, 0)))
	}
	return address(v).AppendTo(b)
}

// jsonSegment appends a segment; one that is not known in hexadecimal.
func jsonSegment(b []byte, code uint8, v string) []byte {
	k := segmentOf(code)
	if k == nil {
		return fmt.Appendf(b, `{"type": %d, "value": "0x%x"}`, code, v)
	}
	parts, sid, behavior, ok := k.cut(v)
	if !ok {
		return fmt.Appendf(b, `{"type": %d, "value": "0x%x"}`, code, v)
	}
	b = fmt.Appendf(b, `{"type": "%c"`, k.letter-'a'+'A')
	for i, p := range k.parts {
		b = fmt.Appendf(b, `, "%s": `, p.word)
		if p.link {
			b = p.append(b, parts[i])
		} else {
			b = append(p.append(append(b, '"'), parts[i]), '"')
		}
	}
	if k.algorithm {
		b = fmt.Appendf(b, `, "algorithm": %d`, v[1])
	}
	switch len(sid) {
	case 4:
		b = jsonLabel(append(b, ", "...), uint32(asAt(sid, 0)))
	case 16:
		b = fmt.Appendf(b, `, "sid": "%s"`, address(sid))
	}
	return append(jsonBehavior(b, behavior), '}')
}
