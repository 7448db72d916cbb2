package attr

import (
	"encoding/binary"
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// LinkState is the code of the BGP-LS attribute (RFC 9552 section 5.3).
const LinkState = 29

var lsRow = row{name: "bgp-ls", flags: Optional, bad: Discard, check: checkLS, words: lsWords, json: jsonLS}

// checkLS wants TLVs that fit. One whose value has not the length that it should
// is kept, and told in hexadecimal (RFC 9552 section 8.2.2).
func checkLS(v []byte, _ Source) *fault {
	for at := 0; at < len(v); {
		if len(v)-at < 4 || len(v)-at-4 < int(binary.BigEndian.Uint16(v[at+2:])) {
			return &fault{LengthError, at, "TLV goes beyond the attribute"}
		}
		at += 4 + int(binary.BigEndian.Uint16(v[at+2:]))
	}
	return nil
}

// lsTLV is how a TLV is told and said.
type lsTLV struct {
	name string
	many bool // several TLVs are told as one list
	lsShape
}

// lsTLVs are the TLVs of nodes (RFC 9552 section 5.3.1), links (5.3.2) and
// prefixes (5.3.3), of segment routing (RFC 9085), of performance (RFC 8571) and
// of SRv6 (RFC 9514), by code. What ExaBGP has no name for is not here: its
// helpers look for "generic-lsid-" and the code. The rows refer to functions
// that read them, so init fills them.
var lsTLVs map[uint16]lsTLV

func init() {
	lsTLVs = map[uint16]lsTLV{
		258:  {"link-local-remote-identifiers", false, lsLinkIDs},
		1024: {"node-flags", false, lsFlags("O", "T", "E", "B", "R", "V")},
		1025: {"opaque-node", true, lsOctets},
		1026: {"node-name", false, lsName},
		1027: {"area-ids", true, lsArea},
		1028: {"local-router-ids", true, lsAddress},
		1029: {"local-router-ids", true, lsAddress},
		1030: {"remote-router-ids", true, lsAddress},
		1031: {"remote-router-ids", true, lsAddress},
		1034: {"sr-capabilities", true, lsCapabilities},
		1035: {"sr-algorithms", false, lsNumbers(1)},
		1038: {"srv6-capabilities", true, lsSRv6Capabilities},
		1088: {"admin-group-mask", false, lsNumber(4)},
		1089: {"maximum-link-bandwidth", false, lsFloat},
		1090: {"maximum-reservable-link-bandwidth", false, lsFloat},
		1091: {"unreserved-bandwidth", false, lsFloats},
		1092: {"te-metric", false, lsNumber(4)},
		1093: {"link-protection-flags", false, lsProtection},
		1094: {"mpls-mask", false, lsFlags("LDP", "RSVP-TE")},
		1095: {"igp-metric", false, lsMetric},
		1096: {"shared-risk-link-groups", false, lsNumbers(4)},
		1097: {"opaque-link", true, lsOctets},
		1098: {"link-name", false, lsName},
		1099: {"sr-adj", true, lsAdjacency},
		1100: {"sr-adj-lan", true, lsAdjacencyLAN},
		1106: {"srv6-endx", true, lsEndX()},
		1107: {"srv6-lan-endx-isis", true, lsEndX(lsPart{name: "neighbor-id", size: 6, need: true, lsShape: lsSystem})},
		1108: {"srv6-lan-endx-ospf", true, lsEndX(lsPart{name: "neighbor-id", size: 4, need: true, lsShape: lsAddress})},
		1114: {"unidirectional-link-delay", false, lsMeasured},
		1115: {"min-max-unidirectional-link-delay", false, lsMinMax},
		1116: {"unidirectional-delay-variation", false, lsNumber(4)},
		1117: {"unidirectional-link-loss", false, lsMeasured},
		1118: {"unidirectional-residual-bandwidth", false, lsFloat},
		1119: {"unidirectional-available-bandwidth", false, lsFloat},
		1120: {"unidirectional-utilized-bandwidth", false, lsFloat},
		1152: {"igp-flags", false, lsFlags("D", "N", "L", "P")},
		1153: {"igp-route-tags", false, lsNumbers(4)},
		1154: {"igp-extended-route-tags", false, lsNumbers(8)},
		1155: {"prefix-metric", false, lsNumber(4)},
		1156: {"ospf-forwarding-address", false, lsAddress},
		1157: {"opaque-prefix", true, lsOctets},
		1158: {"sr-prefix-sid", true, lsPrefixSID},
		1162: {"srv6-locator", true, lsLocator},
		1170: {"sr-prefix-attribute-flags", false, lsFlags("X", "R", "N")},
		1171: {"source-router-id", false, lsAddress},
		1250: {"srv6-endpoint-behavior", false, lsBehavior},
		1252: {"srv6-sid-structure", false, lsStructure},
	}
}

// cutLS cuts the TLV that v begins with.
func cutLS(v string) (code uint16, value, rest string) {
	n := 4 + (int(v[2])<<8 | int(v[3]))
	return uint16(v[0])<<8 | uint16(v[1]), v[4:n], v[n:]
}

// jsonLS appends an object, TLVs in the order in which each name came first.
func jsonLS(b []byte, v string) []byte {
	var names []string
	values := map[string][]byte{}
	for v != "" {
		code, value, rest := cutLS(v)
		name, told, many := lsTold(code, value)
		v = rest
		was, again := values[name]
		switch {
		case !again:
			names = append(names, name)
			values[name] = told
		case many:
			values[name] = append(append(was, ", "...), told...)
		}
	}
	b = append(b, "{ "...)
	for i, key := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		name, list := strings.CutSuffix(key, "[]")
		b = append(appendQuoted(b, name), ": "...)
		if list {
			b = append(append(append(b, '['), values[key]...), ']')
		} else {
			b = append(b, values[key]...)
		}
	}
	return append(b, " }"...)
}

// lsTold is a TLV's name, with [] behind it if it is one of a list, and its
// JSON; what is not understood has its code for a name.
func lsTold(code uint16, v string) (name string, value []byte, many bool) {
	if t, ok := lsTLVs[code]; ok {
		if value, ok := t.json(nil, v); ok {
			if t.many {
				t.name += "[]"
			}
			return t.name, value, t.many
		}
	}
	value, _ = lsOctets.json(nil, v)
	return fmt.Sprintf("generic-lsid-%d[]", code), value, true
}

// lsLeaf is the word of the attribute: "bgp-ls [ node-name r1 igp-metric 10 ]".
// ExaBGP has none; the words inside are the names of its JSON.
var lsLeaf = Leaf{Word: "bgp-ls", Help: "what BGP-LS tells of a node, a link or a prefix: TLVs under the names of the JSON, others as tlv CODE 0xHEX (RFC 9552 5.3)",
	Form: Free, Arg: "[ NAME VALUE … ]", Say: sayLS}

// sayLS puts the TLVs in the order in which they are said.
func sayLS(d *Draft, s grammar.Source) error {
	if err := grammar.Expect(s, "["); err != nil {
		return err
	}
	v := []byte{}
	for s.Peek() != "]" {
		w := s.Next()
		var err error
		if v, err = sayLSOne(v, w, s); err != nil {
			return err
		}
	}
	s.Next()
	if len(v) > listMax {
		return fmt.Errorf("want what fits an attribute of %d octets", listMax)
	}
	d.Put(LinkState, Optional, v)
	return nil
}

// sayLSOne appends the TLV of a word.
func sayLSOne(b []byte, word string, s grammar.Source) (_ []byte, err error) {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	code := lsCode(word)
	switch {
	case code != 0:
		b, err = lsTLVs[code].say(b, s)
		if len(b)-at-4 == 16 && (code == 1028 || code == 1030) {
			code++ // the router identifiers of IPv6
		}
	case word == "tlv":
		var n uint64
		if n, err = grammar.Uint(s, 0xffff); err == nil {
			code = uint16(n)
			b, err = lsOctets.say(b, s)
		}
	default:
		return b, grammar.Wish("a name of a TLV, tlv or ]", word)
	}
	if err != nil {
		return b, fmt.Errorf("%s: %w", word, err)
	}
	n := len(b) - at - 4
	if n > 0xffff {
		return b, fmt.Errorf("%s: want at most 65535 octets", word)
	}
	binary.BigEndian.PutUint16(b[at:], code)
	binary.BigEndian.PutUint16(b[at+2:], uint16(n))
	return b, nil
}

// lsCode is the lowest code with a name, 0 if there is none.
func lsCode(name string) (code uint16) {
	for c, t := range lsTLVs {
		if t.name == name && (code == 0 || c < code) {
			code = c
		}
	}
	return code
}

// lsWords appends the words that say the value.
func lsWords(b []byte, v string) ([]byte, bool) {
	b = append(b, "bgp-ls [ "...)
	for v != "" {
		n := 4 + (int(v[2])<<8 | int(v[3]))
		b, v = append(textLSOne(b, v[:n]), ' '), v[n:]
	}
	return append(b, ']'), true
}

// textLSOne appends a TLV under its name if that says it octet for octet, else
// under its code.
func textLSOne(b []byte, tlv string) []byte {
	code, v, _ := cutLS(tlv)
	at := len(b)
	if t, ok := lsTLVs[code]; ok {
		if b, ok = t.text(append(append(b, t.name...), ' '), v); ok {
			tokens, errs := grammar.Lex("", string(b[at:]))
			s := tokenSource(tokens)
			if got, err := sayLSOne(nil, s.Next(), &s); errs == nil && err == nil && s.Peek() == "" && string(got) == tlv {
				return b
			}
		}
	}
	return fmt.Appendf(b[:at], "tlv %d 0x%X", code, v)
}
