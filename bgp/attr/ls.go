package attr

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// LinkState is the code of the BGP-LS attribute (RFC 9552 section 5.3).
const LinkState = 29

// lsRow has no words: nobody writes such an attribute by hand.
var lsRow = row{name: "bgp-ls", flags: Optional, bad: Discard, check: checkLS, json: jsonLS}

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

// lsTLV is how a TLV is told.
type lsTLV struct {
	name string
	many bool // several TLVs are told as one list
	json func(b []byte, v string) ([]byte, bool)
}

// lsTLVs are the TLVs of nodes (RFC 9552 section 5.3.1), links (5.3.2) and
// prefixes (5.3.3), of segment routing (RFC 9085), of performance (RFC 8571) and
// of SRv6 (RFC 9514), by code.
var lsTLVs = map[uint16]lsTLV{
	258:  {"link-local-remote-identifiers", false, lsLinkIDs},
	1024: {"node-flags", false, lsFlags("OTEBRV")},
	1025: {"opaque-node", true, lsHex},
	1026: {"node-name", false, lsName},
	1027: {"area-ids", true, lsArea},
	1028: {"local-router-ids", true, lsAddress},
	1029: {"local-router-ids", true, lsAddress},
	1030: {"remote-router-ids", true, lsAddress},
	1031: {"remote-router-ids", true, lsAddress},
	1034: {"sr-capabilities", true, lsCapabilities},
	1035: {"sr-algorithms", false, lsOctets},
	1038: {"srv6-capabilities", true, lsSRv6Capabilities},
	1088: {"admin-group-mask", false, lsNumber(4)},
	1089: {"maximum-link-bandwidth", false, lsFloat},
	1090: {"maximum-reservable-link-bandwidth", false, lsFloat},
	1091: {"unreserved-bandwidth", false, lsFloats},
	1092: {"te-metric", false, lsNumber(4)},
	1093: {"link-protection-flags", false, lsProtection},
	1094: {"mpls-mask", false, lsNamedFlags("LDP", "RSVP-TE")},
	1095: {"igp-metric", false, lsMetric},
	1096: {"shared-risk-link-groups", false, lsNumbers(4)},
	1097: {"opaque-link", true, lsHex},
	1098: {"link-name", false, lsName},
	1099: {"sr-adj", true, lsAdjacency(0)},
	1100: {"sr-adj-lan", true, lsAdjacency(6)},
	1106: {"srv6-endx", true, lsEndX(0)},
	1107: {"srv6-lan-endx-isis", true, lsEndX(6)},
	1108: {"srv6-lan-endx-ospf", true, lsEndX(4)},
	1114: {"unidirectional-link-delay", false, lsDelay},
	1115: {"min-max-unidirectional-link-delay", false, lsMinMax},
	1116: {"unidirectional-delay-variation", false, lsNumber(4)},
	1117: {"unidirectional-link-loss", false, lsDelay},
	1118: {"unidirectional-residual-bandwidth", false, lsFloat},
	1119: {"unidirectional-available-bandwidth", false, lsFloat},
	1120: {"unidirectional-utilized-bandwidth", false, lsFloat},
	1152: {"igp-flags", false, lsFlags("DNLP")},
	1153: {"igp-route-tags", false, lsNumbers(4)},
	1154: {"igp-extended-route-tags", false, lsNumbers(8)},
	1155: {"prefix-metric", false, lsNumber(4)},
	1156: {"ospf-forwarding-address", false, lsAddress},
	1157: {"opaque-prefix", true, lsHex},
	1158: {"sr-prefix-sid", true, lsPrefixSID},
	1162: {"srv6-locator", true, lsLocator},
	1170: {"sr-prefix-attribute-flags", false, lsFlags("XRN")},
	1171: {"source-router-id", false, lsAddress},
	1250: {"srv6-endpoint-behavior", false, lsBehavior},
	1252: {"srv6-sid-structure", false, lsStructure},
}

// jsonLS appends an object, TLVs in the order in which each name came first.
func jsonLS(b []byte, v string) []byte {
	var names []string
	values := map[string][]byte{}
	for len(v) >= 4 {
		code, n := uint16(v[0])<<8|uint16(v[1]), 4+(int(v[2])<<8|int(v[3]))
		name, value, many := lsTold(code, v[4:n])
		v = v[n:]
		was, again := values[name]
		switch {
		case !again:
			names = append(names, name)
			values[name] = value
		case many:
			values[name] = append(append(was, ", "...), value...)
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
	value, _ = lsHex(nil, v)
	return fmt.Sprintf("generic-lsid-%d[]", code), value, true
}

func lsHex(b []byte, v string) ([]byte, bool) { return fmt.Appendf(b, `"0x%X"`, v), true }

func lsName(b []byte, v string) ([]byte, bool) { return appendQuoted(b, v), true }

// lsArea is an area of IS-IS: octets that ExaBGP tells as one number.
func lsArea(b []byte, v string) ([]byte, bool) {
	return fmt.Appendf(b, `"%d"`, new(big.Int).SetBytes([]byte(v))), len(v) <= 20
}

func lsAddress(b []byte, v string) ([]byte, bool) {
	return fmt.Appendf(b, `"%s"`, address(v)), len(v) == 4 || len(v) == 16
}

func lsLinkIDs(b []byte, v string) ([]byte, bool) {
	if len(v) != 8 {
		return b, false
	}
	return fmt.Appendf(b, `{"local-id": %d, "remote-id": %d}`, asAt(v, 0), asAt(v, 4)), true
}

// unsigned is a number in all octets of v, which are eight at most.
func unsigned(v string) (n uint64) {
	for i := range len(v) {
		n = n<<8 | uint64(v[i])
	}
	return n
}

func lsNumber(size int) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		return strconv.AppendUint(b, unsigned(v), 10), len(v) == size
	}
}

func lsNumbers(size int) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		b = append(b, '[')
		for sep := ""; len(v) >= size; v, sep = v[size:], ", " {
			b = strconv.AppendUint(append(b, sep...), unsigned(v[:size]), 10)
		}
		return append(b, ']'), v == ""
	}
}

func lsOctets(b []byte, v string) ([]byte, bool) { return lsNumbers(1)(b, v) }

// lsMetric has one, two or three octets (RFC 9552 section 5.3.2.4).
func lsMetric(b []byte, v string) ([]byte, bool) {
	if len(v) == 1 {
		return strconv.AppendUint(b, uint64(v[0]&0x3f), 10), true // IS-IS has six bits
	}
	return strconv.AppendUint(b, unsigned(v), 10), len(v) == 2 || len(v) == 3
}

// lsFloat is octets in a second, as a float of IEEE with four octets.
func lsFloat(b []byte, v string) ([]byte, bool) {
	if len(v) != 4 {
		return b, false
	}
	f := float64(math.Float32frombits(uint32(asAt(v, 0))))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, false
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64), true
}

func lsFloats(b []byte, v string) (_ []byte, ok bool) {
	if len(v) != 32 {
		return b, false
	}
	b = append(b, '[')
	for sep := ""; v != ""; v, sep = v[4:], ", " {
		if b, ok = lsFloat(append(b, sep...), v[:4]); !ok {
			return b, false
		}
	}
	return append(b, ']'), true
}

// lsDelay has a flag for what is out of the ordinary, and 24 bits.
func lsDelay(b []byte, v string) ([]byte, bool) {
	if len(v) != 4 {
		return b, false
	}
	return fmt.Appendf(b, `{"anomalous": %t, "value": %d}`, v[0]&0x80 != 0, uint24(v[1:])), true
}

func lsMinMax(b []byte, v string) ([]byte, bool) {
	if len(v) != 8 {
		return b, false
	}
	return fmt.Appendf(b, `{"anomalous": %t, "min": %d, "max": %d}`, v[0]&0x80 != 0, uint24(v[1:]), uint24(v[5:])), true
}
