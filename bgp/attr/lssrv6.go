package attr

import (
	"fmt"

	"holdfast/bgp/grammar"
)

// sidStructure is the code of a SID structure, which is also a sub-TLV.
const sidStructure = 1252

// lsStructure is lengths in bits (RFC 9514 section 8).
var lsStructure = lsShape{
	json: func(b []byte, v string) ([]byte, bool) {
		if len(v) != 4 {
			return b, false
		}
		return fmt.Appendf(b, `{"loc_block_len": %d, "loc_node_len": %d, "func_len": %d, "arg_len": %d}`, v[0], v[1], v[2], v[3]), true
	},
	text: func(b []byte, v string) ([]byte, bool) { return lsNumbers(1).text(b, v) },
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		at := len(b)
		b, err := lsNumbers(1).say(b, s)
		if err == nil && len(b)-at != 4 {
			err = fmt.Errorf("want the lengths of block, node, function and argument, got %d numbers", len(b)-at)
		}
		return b, err
	},
}

// lsSubTLVs are the last part of some values: further members, and in words the
// structure.
var lsSubTLVs = lsPart{word: "structure", lsShape: lsShape{
	json: func(b []byte, v string) ([]byte, bool) {
		for len(v) >= 4 {
			code, n := uint16(v[0])<<8|uint16(v[1]), 4+(int(v[2])<<8|int(v[3]))
			if n > len(v) {
				break
			}
			if code == sidStructure && n == 8 {
				b, _ = lsStructure.json(append(b, `, "srv6-sid-structure": `...), v[4:8])
			} else {
				b = fmt.Appendf(b, `, "sub-tlv-%d": "0x%X"`, code, v[4:n])
			}
			v = v[n:]
		}
		return b, true
	},
	text: func(b []byte, v string) ([]byte, bool) { return lsStructure.text(b, v[min(4, len(v)):]) },
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		return lsStructure.say(append(b, sidStructure>>8, sidStructure&0xff, 0, 4), s)
	},
}}

// lsEndX is an SRv6 End.X SID (RFC 9514 section 4), on a LAN with the neighbour.
func lsEndX(neighbor ...lsPart) lsShape {
	parts := []lsPart{
		{name: "behavior", size: 2, lsShape: lsNumber(2)},
		{name: "flags", size: 1, lsShape: lsFlags("B", "S", "P")},
		lsAlgorithm, lsWeight, lsZero(1),
	}
	parts = append(parts, neighbor...)
	return lsRecord(append(parts, lsPart{name: "sid", size: 16, need: true, lsShape: lsAddress}, lsSubTLVs)...)
}

// lsLocator is an SRv6 locator (RFC 9514 section 5.1).
var lsLocator = lsRecord(
	lsPart{name: "flags", size: 1, lsShape: lsFlags("D", "A")},
	lsAlgorithm, lsZero(2),
	lsPart{name: "metric", size: 4, lsShape: lsNumber(4)},
	lsSubTLVs,
)

// lsBehavior is what an SRv6 SID does (RFC 9514 section 7.1).
var lsBehavior = lsRecord(
	lsPart{name: "endpoint-behavior", word: "behavior", size: 2, need: true, lsShape: lsNumber(2)},
	lsPart{name: "flags", size: 1, lsShape: lsNumber(1)},
	lsAlgorithm,
)

// lsSRv6Capabilities are two octets of flags, two of zero (RFC 9514 section 3.1).
var lsSRv6Capabilities = lsRecord(lsPart{name: "flags", size: 2, lsShape: lsShape{
	json: func(b []byte, v string) ([]byte, bool) {
		n := unsigned(v)
		return fmt.Appendf(b, `{"O": %d, "RSV": %d}`, n>>14&1, n&^0x4000), true
	},
	text: func(b []byte, v string) ([]byte, bool) {
		if v[0]&0x40 == 0 {
			return append(b, "[ ]"...), true
		}
		return append(b, "[ O ]"...), true
	},
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		b = append(b, 0, 0)
		err := grammar.Items(s, "the flag O", func(w string) error {
			if w != "O" {
				return grammar.Wish("the flag O", w)
			}
			b[len(b)-2] = 0x40
			return nil
		})
		return b, err
	},
}}, lsZero(2))
