package attr

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
)

// TunnelEncap is the code of the tunnel encapsulation attribute (RFC 9012
// section 2). An SR policy travels in it (RFC 9830).
const TunnelEncap = 23

// tunnelSRPolicy is the tunnel type of an SR policy.
const tunnelSRPolicy = 15

// Sub-TLVs of an SR policy (RFC 9830 section 2.4).
const (
	subPreference  = 12
	subBindingSID  = 13
	subPriority    = 15
	subSRv6Binding = 20
	subSegmentList = 128
	subPathName    = 129
	subPolicyName  = 130
)

// subWeight is the one sub-TLV of a segment list that is no segment.
const subWeight = 9

// labelBottom is the bit of a label entry that ends a stack.
const labelBottom = 0x100

var tunnelRow = row{
	name: "tunnel-encap", flags: Optional | Transitive, bad: Withdraw,
	check: checkTunnels, words: tunnelWords, json: jsonTunnels,
}

// checkTunnels wants every TLV, and every sub-TLV, to end where what it stands
// in ends (RFC 9012 section 13), and the parts of an SR policy to have their
// lengths (RFC 9830 section 5).
func checkTunnels(v []byte, _ Source) *fault {
	for at := 0; at < len(v); {
		if len(v)-at < 4 || len(v)-at-4 < int(binary.BigEndian.Uint16(v[at+2:])) {
			return &fault{LengthError, at, "tunnel goes beyond the attribute"}
		}
		end := at + 4 + int(binary.BigEndian.Uint16(v[at+2:]))
		wrong := func(uint8, []byte) string { return "" }
		if v[at] == 0 && v[at+1] == tunnelSRPolicy {
			wrong = wrongPart
		}
		if bad, reason := wrongSubTLV(v[at+4:end], 128, wrong); reason != "" {
			return &fault{LengthError, at + 4 + bad, reason}
		}
		at = end
	}
	return nil
}

// subTLVs gives types and values; from a type on, a length has two octets.
// What does not fit ends it.
func subTLVs(v string, long uint8) iter.Seq2[uint8, string] {
	return func(yield func(uint8, string) bool) {
		for len(v) > 0 {
			kind, value, rest, ok := cutSubTLV(v, long)
			if !ok || !yield(kind, value) {
				return
			}
			v = rest
		}
	}
}

// wrongSubTLV finds the first sub-TLV that goes beyond v, or of which something
// is wrong, and says what.
func wrongSubTLV(v []byte, long uint8, wrong func(kind uint8, v []byte) string) (at int, reason string) {
	for at < len(v) {
		kind, value, rest, ok := cutSubTLV(v[at:], long)
		if !ok {
			return at, fmt.Sprintf("sub-TLV %d goes beyond what it is in", v[at])
		}
		if reason = wrong(kind, value); reason != "" {
			return at, fmt.Sprintf("sub-TLV %d: %s", kind, reason)
		}
		at = len(v) - len(rest)
	}
	return 0, ""
}

// wrongPart wants a sub-TLV of an SR policy to have a length that it may have
// (RFC 9830 section 2.4); those that are not known may have any.
func wrongPart(kind uint8, v []byte) (reason string) {
	fits, n := true, len(v)
	switch kind {
	case subPreference:
		fits = n == 6
	case subBindingSID:
		fits = n == 2 || n == 6 || n == 18
	case subPriority:
		fits = n == 2
	case subSRv6Binding:
		fits = n == 18 || n == 26
	case subPathName, subPolicyName:
		fits = n > 0
	case subSegmentList:
		if fits = n > 0; fits {
			_, reason = wrongSubTLV(v[1:], 255, wrongSegment)
		}
	}
	if !fits {
		reason = octetsWrong(v)
	}
	return reason
}

func octetsWrong(v []byte) string { return fmt.Sprintf("it can't have %d octets", len(v)) }

func cutSubTLV[T string | []byte](v T, long uint8) (kind uint8, value, rest T, ok bool) {
	if len(v) < 2 {
		return 0, value, rest, false
	}
	n, head := int(v[1]), 2
	if v[0] >= long {
		if len(v) < 3 {
			return 0, value, rest, false
		}
		n, head = n<<8|int(v[2]), 3
	}
	if len(v)-head < n {
		return 0, value, rest, false
	}
	return v[0], v[head : head+n], v[head+n:], true
}

// appendSubTLV appends one with the length that its type asks for.
func appendSubTLV(b []byte, kind uint8, value []byte) []byte {
	b = append(b, kind)
	if kind >= 128 {
		b = append(b, byte(len(value)>>8))
	}
	return append(append(b, byte(len(value))), value...)
}

// jsonTunnels appends an object with a member for each tunnel.
func jsonTunnels(b []byte, v string) []byte {
	b = append(b, '{')
	for sep := ""; len(v) >= 4; sep = ", " {
		kind, n := int(v[0])<<8|int(v[1]), 4+(int(v[2])<<8|int(v[3]))
		b = append(b, sep...)
		if kind == tunnelSRPolicy {
			b = jsonPolicy(append(b, `"sr-policy": `...), v[4:n])
		} else {
			b = fmt.Appendf(b, `"tunnel-type-%d": "0x%x"`, kind, v[4:n])
		}
		v = v[n:]
	}
	return append(b, '}')
}

// jsonPolicy appends an SR policy; its segment lists come last, together.
func jsonPolicy(b []byte, v string) []byte {
	b = append(b, '{')
	sep := ""
	for kind, value := range subTLVs(v, 128) {
		if kind != subSegmentList {
			b = jsonPolicyPart(append(b, sep...), kind, value)
			sep = ", "
		}
	}
	lists := 0
	for kind, value := range subTLVs(v, 128) {
		if kind != subSegmentList {
			continue
		}
		if lists++; lists == 1 {
			sep += `"segment-lists": [`
		}
		b = jsonSegmentList(append(b, sep...), value)
		sep = ", "
	}
	if lists > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func jsonPolicyPart(b []byte, kind uint8, v string) []byte {
	switch {
	case kind == subPreference && len(v) == 6:
		return fmt.Appendf(b, `"preference": %d`, asAt(v, 2))
	case kind == subBindingSID && len(v) == 2:
		return append(b, `"binding-sid": {"type": "none"}`...)
	case kind == subBindingSID && len(v) == 6:
		return fmt.Appendf(b, `"binding-sid": {"type": "mpls", "label": %d}`, asAt(v, 2)>>12)
	case kind == subBindingSID && len(v) == 18:
		return fmt.Appendf(b, `"binding-sid": {"type": "srv6", "sid": "%s"}`, address(v[2:]))
	case kind == subSRv6Binding && (len(v) == 18 || len(v) == 26):
		b = fmt.Appendf(b, `"srv6-binding-sid": {"type": "srv6", "sid": "%s"`, address(v[2:18]))
		return append(jsonBehavior(b, v[18:]), '}')
	case kind == subPriority && len(v) == 2:
		return fmt.Appendf(b, `"priority": %d`, v[0])
	case (kind == subPathName || kind == subPolicyName) && len(v) > 0:
		name := map[uint8]string{subPathName: "candidate-path-name", subPolicyName: "policy-name"}[kind]
		return appendQuoted(fmt.Appendf(b, `"%s": `, name), v[1:])
	}
	return fmt.Appendf(b, `"sub-tlv-%d": "0x%x"`, kind, v)
}

// address is that of 4 or 16 octets.
func address(v string) netip.Addr {
	a, _ := netip.AddrFromSlice([]byte(v))
	return a
}

func jsonSegmentList(b []byte, v string) []byte {
	b = append(b, '{')
	if len(v) > 0 {
		for kind, value := range subTLVs(v[1:], 255) {
			if kind == subWeight && len(value) == 6 {
				b = fmt.Appendf(b, `"weight": %d, `, asAt(value, 2))
			}
		}
	}
	b = append(b, `"segments": [`...)
	sep := ""
	if len(v) > 0 {
		for kind, value := range subTLVs(v[1:], 255) {
			if kind != subWeight {
				b = jsonSegment(append(b, sep...), kind, value)
				sep = ", "
			}
		}
	}
	return append(b, "]}"...)
}

// jsonBehavior appends the SRv6 endpoint behavior and SID structure (RFC 9831
// section 2.1.10), if it is there.
func jsonBehavior(b []byte, v string) []byte {
	if len(v) != 8 {
		return b
	}
	return fmt.Appendf(b, `, "endpoint-behavior": {"behavior": %d, "lb-length": %d, "ln-length": %d, "fun-length": %d, "arg-length": %d}`,
		int(v[0])<<8|int(v[1]), v[4], v[5], v[6], v[7])
}

// jsonLabel appends an entry of a label stack.
func jsonLabel(b []byte, n uint32) []byte {
	b = strconv.AppendUint(append(b, `"label": `...), uint64(n>>12), 10)
	return fmt.Appendf(b, `, "tc": %d, "s": %t, "ttl": %d`, n>>9&7, n&labelBottom != 0, n&0xff)
}
