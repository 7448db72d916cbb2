package attr

import (
	"fmt"
	"strconv"
)

// Types of an AS_PATH segment (RFC 4271 section 4.3, RFC 5065 section 3).
const (
	ASSet            = 1
	ASSequence       = 2
	ASConfedSequence = 3
	ASConfedSet      = 4
)

var asPathRow = row{
	name: "as-path", flags: Transitive, bad: Withdraw,
	check: checkASPath, keep: keepASPath, text: textASPath, json: jsonASPath,
}

// checkASPath is RFC 7606 section 7.2, with what came later: no AS 0 (RFC 7607)
// and no sets (RFC 9774). A path whose AS numbers have two octets must fit an
// attribute with four for each, too: so it is kept.
func checkASPath(v []byte, from Source) *fault {
	switch {
	case from.ASN4:
		return checkPathSegments(v, 4, from)
	case len(v) > valueMax/2:
		return pathFault(0, fmt.Sprintf("%d octets, want at most %d", len(v), valueMax/2))
	}
	return checkPathSegments(v, 2, from)
}

func checkPathSegments(v []byte, size int, from Source) *fault {
	for at := 0; at < len(v); {
		if len(v)-at < 2 {
			return pathFault(at, "1 octet is left, want a segment")
		}
		kind, n := v[at], int(v[at+1])
		if reason := segmentReason(kind, n, from); reason != "" {
			return pathFault(at, reason)
		}
		if left := len(v) - at - 2; n*size > left {
			return pathFault(at, fmt.Sprintf("segment wants %d AS numbers, %d octets left", n, left))
		}
		at += 2
		for range n {
			if !from.Own && v[at]|v[at+1] == 0 && (size == 2 || v[at+2]|v[at+3] == 0) {
				return pathFault(at, "AS number 0")
			}
			at += size
		}
	}
	return nil
}

func pathFault(at int, reason string) *fault { return &fault{MalformedASPath, at, reason} }

// segmentReason says what is wrong with the head of a segment.
func segmentReason(kind uint8, n int, from Source) string {
	switch {
	case kind < ASSet || kind > ASConfedSet:
		return fmt.Sprintf("segment type %d, want 1 to 4", kind)
	case n == 0:
		return "segment without AS numbers"
	case from.Own:
	case kind == ASSet || kind == ASConfedSet:
		return "AS set"
	case kind == ASConfedSequence && from.EBGP:
		return "confederation segment from another AS"
	}
	return ""
}

// keepASPath puts the path with four octets for an AS number.
func keepASPath(k *Block, into *Builder, flags uint8, v []byte) {
	if k.from.ASN4 {
		into.Put(ASPath, flags, v)
		return
	}
	into.begin(ASPath, flags)
	for len(v) >= 2 {
		n := int(v[1])
		into.buf = append(into.buf, v[0], v[1])
		for i := range n {
			into.buf = append(into.buf, 0, 0, v[2+2*i], v[3+2*i])
		}
		v = v[2+2*n:]
	}
	into.end()
}

// cutSegment takes the first segment off a canonical path.
func cutSegment(path string) (kind uint8, as, rest string) {
	if len(path) < 2 {
		return 0, "", ""
	}
	n := min(2+4*int(path[1]), len(path))
	return path[0], path[2:n], path[n:]
}

// segmentNames are ExaBGP's.
var segmentNames = [...]string{
	ASSet: "as-set", ASSequence: "as-sequence", ASConfedSequence: "as-confed-sequence", ASConfedSet: "as-confed-set",
}

func jsonASPath(b []byte, v string) []byte {
	b = append(b, '{')
	for i := 0; len(v) >= 2; i++ {
		var kind uint8
		var as string
		kind, as, v = cutSegment(v)
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, ` "%d": { "element": "%s", "value": [`, i, segmentNames[min(kind, ASConfedSet)])
		for j := 0; j+4 <= len(as); j += 4 {
			b = appendItem(b, j)
			b = strconv.AppendUint(b, uint64(asAt(as, j)), 10)
		}
		b = append(b, " ] }"...)
	}
	return append(b, " }"...)
}

// appendItem appends what stands before the item at place i of a list.
func appendItem(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return append(b, ' ')
}
