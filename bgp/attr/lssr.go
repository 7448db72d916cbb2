package attr

import (
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// sidLabel is a sub-TLV with a label or an index (RFC 9085 section 2.1.1).
const sidLabel = 1161

// labelMax is all bits of a label in three octets.
const labelMax = 1<<20 - 1

// sidAt is the label in three octets, whose four highest bits are not looked at
// (RFC 8667 section 2.2.1), or the index in four.
func sidAt(v string) (uint64, bool) {
	n := unsigned(v[:min(len(v), 4)])
	if len(v) == 3 {
		n &= labelMax
	}
	return n, len(v) == 3 || len(v) == 4
}

func textSID(b []byte, v string) ([]byte, bool) {
	n, ok := sidAt(v)
	if len(v) == 3 {
		return fmt.Appendf(b, "label:%d", n), ok
	}
	return fmt.Appendf(b, "index:%d", n), ok
}

func saySID(b []byte, s grammar.Source) ([]byte, error) {
	const want = "a SID like label:16000 or index:7"
	w, err := grammar.Value(s, want)
	if err != nil {
		return b, err
	}
	kind, digits, _ := strings.Cut(w, ":")
	n, err := grammar.ParseUint(digits)
	switch {
	case err == nil && kind == "label" && n <= labelMax:
		return appendUnsigned(b, 3, n), nil
	case err == nil && kind == "index" && n < 1<<32:
		return appendUnsigned(b, 4, n), nil
	}
	return b, grammar.Wish(want, w)
}

// lsSID is told between open and end.
func lsSID(open, end string) lsShape {
	return lsShape{func(b []byte, v string) ([]byte, bool) {
		n, ok := sidAt(v)
		return fmt.Appendf(b, "%s%d%s", open, n, end), ok
	}, textSID, saySID}
}

// The parts that several values have.
var (
	lsAdjacencyFlags = lsPart{name: "flags", size: 1, lsShape: lsFlags("F", "B", "V", "L", "S", "P")}
	lsWeight         = lsPart{name: "weight", size: 1, lsShape: lsNumber(1)}
	lsAlgorithm      = lsPart{name: "algorithm", size: 1, lsShape: lsNumber(1)}
	lsAdjacencySID   = lsPart{name: "sids", word: "sid", need: true, lsShape: lsSID("[", "]")}
)

// lsAdjacency is an adjacency SID (RFC 9085 section 2.2.1).
var lsAdjacency = lsRecord(lsAdjacencyFlags, lsWeight, lsZero(2), lsAdjacencySID)

// lsAdjacencyLAN is one on a LAN, with the neighbour: a system identifier of
// IS-IS or an address of OSPF, as the length tells (RFC 9085 section 2.2.2).
var lsAdjacencyLAN = func() lsShape {
	isis := lsRecord(lsAdjacencyFlags, lsWeight, lsZero(2), lsPart{name: "system-id", word: "neighbor", size: 6, lsShape: lsSystem}, lsAdjacencySID)
	ospf := lsRecord(lsAdjacencyFlags, lsWeight, lsZero(2), lsPart{name: "neighbor-id", word: "neighbor", size: 4, lsShape: lsAddress}, lsAdjacencySID)
	of := func(v string) lsShape {
		if len(v) < 13 {
			return ospf
		}
		return isis
	}
	either := []lsPart{lsAdjacencyFlags, lsWeight, lsZero(2), {name: "neighbor", need: true, lsShape: lsShape{say: sayNeighbor}}, lsAdjacencySID}
	return lsShape{
		json: func(b []byte, v string) ([]byte, bool) { return of(v).json(b, v) },
		text: func(b []byte, v string) ([]byte, bool) { return of(v).text(b, v) },
		say:  func(b []byte, s grammar.Source) ([]byte, error) { return sayRecord(b, either, s) },
	}
}()

func sayNeighbor(b []byte, s grammar.Source) ([]byte, error) {
	w := s.Peek()
	for _, shape := range []lsShape{lsSystem, lsAddress} {
		at := len(b)
		one := tokenSource{{Text: w}}
		if v, err := shape.say(b, &one); err == nil && len(v)-at <= 6 {
			s.Next()
			return v, nil
		}
	}
	return b, grammar.Wish("a router like 1921.6800.0001 or 192.0.2.1", w)
}

// lsPrefixSID is a prefix SID (RFC 9085 section 2.3.1).
var lsPrefixSID = lsRecord(
	lsPart{name: "flags", size: 1, lsShape: lsFlags("R", "N", "P", "E", "V", "L")},
	lsAlgorithm, lsZero(2),
	lsPart{name: "sid", need: true, lsShape: lsSID("", "")},
)

// lsCapabilities are the label ranges of a node (RFC 9085 section 2.1.2).
var lsCapabilities = lsRecord(
	lsPart{name: "flags", size: 1, lsShape: lsFlags("I", "V")},
	lsZero(1),
	lsPart{name: "ranges", word: "range", many: true, lsShape: lsShape{jsonRanges, textRanges, sayRange}},
)

// ranges has one called with the size and the SID of each range.
func ranges(v string, one func(size int, sid string) bool) bool {
	for v != "" {
		if len(v) < 7 || int(v[3])<<8|int(v[4]) != sidLabel {
			return false
		}
		n := 7 + (int(v[5])<<8 | int(v[6]))
		if n != 10 && n != 11 || n > len(v) || !one(uint24(v), v[7:n]) {
			return false
		}
		v = v[n:]
	}
	return true
}

func jsonRanges(b []byte, v string) ([]byte, bool) {
	b = append(b, '[')
	sep := ""
	ok := ranges(v, func(size int, sid string) bool {
		n, ok := sidAt(sid)
		b = fmt.Appendf(b, `%s{"range": %d, "sid": %d}`, sep, size, n)
		sep = ", "
		return ok
	})
	return append(b, ']'), ok
}

// textRanges appends "8000 label:16000", and the word again before the next.
func textRanges(b []byte, v string) ([]byte, bool) {
	sep := ""
	ok := ranges(v, func(size int, sid string) (ok bool) {
		b, ok = textSID(fmt.Appendf(b, "%s%d ", sep, size), sid)
		sep = " range "
		return ok
	})
	return b, ok
}

func sayRange(b []byte, s grammar.Source) ([]byte, error) {
	b, err := sayUnsigned(b, 3, s)
	if err != nil {
		return b, err
	}
	b = append(b, sidLabel>>8, sidLabel&0xff, 0, 0)
	at := len(b)
	b, err = saySID(b, s)
	b[at-1] = byte(len(b) - at)
	return b, err
}
