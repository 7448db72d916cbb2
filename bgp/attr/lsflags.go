package attr

import (
	"fmt"
	"strconv"
	"strings"
)

// appendFlags appends an object with a 0 or 1 for each name, from the highest
// bit of an octet on, and what the other bits are as RSV.
func appendFlags(b []byte, octet byte, names ...string) []byte {
	b = append(b, '{')
	for i, name := range names {
		b = fmt.Appendf(b, `"%s": %d, `, name, octet>>(7-i)&1)
	}
	rest := octet & (0xff >> len(names))
	return append(strconv.AppendUint(append(b, `"RSV": `...), uint64(rest), 10), '}')
}

// lsFlags is one octet whose flags have names of one letter.
func lsFlags(letters string) func([]byte, string) ([]byte, bool) {
	return lsNamedFlags(strings.Split(letters, "")...)
}

// lsNamedFlags is one octet or more, of which only the first has flags.
func lsNamedFlags(names ...string) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		if len(v) < 1 {
			return b, false
		}
		return appendFlags(b, v[0], names...), true
	}
}

// lsProtection is the first of two octets (RFC 9552 section 5.3.2.3), from its
// lowest bit on.
func lsProtection(b []byte, v string) ([]byte, bool) {
	if len(v) != 2 {
		return b, false
	}
	b = append(b, '{')
	for i, name := range []string{"ExtraTraffic", "Unprotected", "Shared", "Dedicated1:1", "Dedicated1+1", "Enhanced"} {
		b = fmt.Appendf(b, `"%s": %d, `, name, v[0]>>i&1)
	}
	return fmt.Appendf(b, `"RSV": %d}`, v[0]>>6), true
}

// lsCapabilities are the label ranges of a node (RFC 9085 section 2.1.2).
func lsCapabilities(b []byte, v string) ([]byte, bool) {
	if len(v) < 2 {
		return b, false
	}
	b = append(appendFlags(append(b, `{"flags": `...), v[0], "I", "V"), `, "ranges": [`...)
	sep := ""
	for v = v[2:]; len(v) >= 7; sep = ", " {
		size, n := uint24(v), 7+(int(v[5])<<8|int(v[6]))
		if v[3] != 4 || v[4] != 0x89 || n > len(v) || n != 10 && n != 11 {
			return b, false
		}
		b = fmt.Appendf(b, `%s{"range": %d, "sid": %d}`, sep, size, unsigned(v[7:n]))
		v = v[n:]
	}
	return append(b, "]}"...), v == ""
}

// lsSRv6Capabilities are two octets of flags, two of zero (RFC 9514 section 3.1).
func lsSRv6Capabilities(b []byte, v string) ([]byte, bool) {
	if len(v) < 4 {
		return b, false
	}
	o := v[0] >> 6 & 1
	return fmt.Appendf(b, `{"flags": {"O": %d, "RSV": %d}}`, o, (int(v[0])<<8|int(v[1]))&^0x4000), true
}

// lsAdjacency is an adjacency SID (RFC 9085 section 2.2.1), on a LAN with the
// neighbour's system identifier or address.
func lsAdjacency(neighbor int) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		if len(v) < 4+neighbor+3 {
			return b, false
		}
		sid := v[4+neighbor:]
		if neighbor > 0 && len(sid) > 4 {
			return b, false
		}
		b = appendFlags(append(b, `{"flags": `...), v[0], "F", "B", "V", "L", "S", "P")
		b = fmt.Appendf(b, `, "weight": %d`, v[1])
		if neighbor > 0 {
			b = fmt.Appendf(b, `, "system-id": "%x"`, v[4:4+neighbor])
		}
		return fmt.Appendf(b, `, "sids": [%d]}`, unsigned(sid)), len(sid) == 3 || len(sid) == 4
	}
}

// lsEndX is an SRv6 End.X SID (RFC 9514 section 4), on a LAN with the neighbour.
func lsEndX(neighbor int) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		if len(v) < 6+neighbor+16 {
			return b, false
		}
		b = appendFlags(append(b, `{"flags": `...), v[2], "B", "S", "P")
		if neighbor > 0 {
			b = fmt.Appendf(b, `, "neighbor-id": "%x"`, v[6:6+neighbor])
		}
		b = fmt.Appendf(b, `, "behavior": %d, "algorithm": %d, "weight": %d, "sid": "%s"`,
			int(v[0])<<8|int(v[1]), v[3], v[4], address(v[6+neighbor:22+neighbor]))
		return append(appendSubLS(b, v[22+neighbor:]), '}'), true
	}
}

// appendSubLS appends sub-TLVs as further members.
func appendSubLS(b []byte, v string) []byte {
	for len(v) >= 4 {
		code, n := uint16(v[0])<<8|uint16(v[1]), 4+(int(v[2])<<8|int(v[3]))
		if n > len(v) {
			break
		}
		if code == 1252 && n == 8 {
			b, _ = lsStructure(append(b, `, "srv6-sid-structure": `...), v[4:8])
		} else {
			b = fmt.Appendf(b, `, "sub-tlv-%d": "0x%X"`, code, v[4:n])
		}
		v = v[n:]
	}
	return b
}

// lsStructure is lengths in bits (RFC 9514 section 8).
func lsStructure(b []byte, v string) ([]byte, bool) {
	if len(v) != 4 {
		return b, false
	}
	return fmt.Appendf(b, `{"loc_block_len": %d, "loc_node_len": %d, "func_len": %d, "arg_len": %d}`, v[0], v[1], v[2], v[3]), true
}

// lsBehavior is what an SRv6 SID does (RFC 9514 section 7.1).
func lsBehavior(b []byte, v string) ([]byte, bool) {
	if len(v) != 4 {
		return b, false
	}
	return fmt.Appendf(b, `{"endpoint-behavior": %d, "flags": %d, "algorithm": %d}`, int(v[0])<<8|int(v[1]), v[2], v[3]), true
}

// lsLocator is an SRv6 locator (RFC 9514 section 5.1).
func lsLocator(b []byte, v string) ([]byte, bool) {
	if len(v) < 8 {
		return b, false
	}
	b = appendFlags(append(b, `{"flags": `...), v[0], "D", "A")
	b = fmt.Appendf(b, `, "algorithm": %d, "metric": %d`, v[1], asAt(v, 4))
	return append(appendSubLS(b, v[8:]), '}'), true
}

// lsPrefixSID is a prefix SID (RFC 9085 section 2.3.1): an index, or a label.
func lsPrefixSID(b []byte, v string) ([]byte, bool) {
	if len(v) != 7 && len(v) != 8 {
		return b, false
	}
	b = appendFlags(append(b, `{"flags": `...), v[0], "R", "N", "P", "E", "V", "L")
	return fmt.Appendf(b, `, "algorithm": %d, "sid": %d}`, v[1], unsigned(v[4:])), true
}
