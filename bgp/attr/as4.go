package attr

import (
	"encoding/binary"

	"holdfast/bgp"
)

// The two attributes by which AS numbers of four octets pass through speakers
// that know two (RFC 6793). They are never in a Set: what they say is in
// AS_PATH and AGGREGATOR.

var as4PathRow = row{
	name: "as4-path", flags: Optional | Transitive, bad: Discard,
	check: checkAS4Path,
	part: func(v []byte) *fault {
		if inside(v) {
			return &fault{MalformedASPath, 0, "segments of a confederation, which are left out"}
		}
		return nil
	},
	keep: func(k *Block, _ *Builder, _ uint8, v []byte) {
		if k.path4 = v; inside(v) {
			k.path4 = outside(v)
		}
	},
}

var as4AggregatorRow = row{
	name: "as4-aggregator", flags: Optional | Transitive, bad: Discard,
	check: checkAS4Aggregator,
	keep:  func(k *Block, _ *Builder, _ uint8, v []byte) { k.aggregator4 = v },
}

const betweenNew = "between two speakers of four-octet AS numbers"

func checkAS4Path(v []byte, from Source) *fault {
	if from.ASN4 {
		return &fault{OptionalError, 0, betweenNew}
	}
	return checkPathSegments(v, 4, Source{Own: from.Own})
}

// inside says whether a path has segments of a confederation, which must not be
// in AS4_PATH (RFC 6793 section 6).
func inside(path []byte) bool {
	for ; len(path) >= 2; path = path[2+4*int(path[1]):] {
		if path[0] >= ASConfedSequence {
			return true
		}
	}
	return false
}

// outside is the path without them.
func outside(path []byte) (out []byte) {
	for len(path) >= 2 {
		n := 2 + 4*int(path[1])
		if path[0] < ASConfedSequence {
			out = append(out, path[:n]...)
		}
		path = path[n:]
	}
	return out
}

func checkAS4Aggregator(v []byte, from Source) *fault {
	if from.ASN4 {
		return &fault{OptionalError, 0, betweenNew}
	}
	return checkAggregatorSize(v, 8, from)
}

// mergeAS4 puts together what an old speaker and the AS4 attributes say
// (RFC 6793 section 4.2.3). Of paths that together may not fit an attribute the
// one of the old speaker stays.
func (k *Block) mergeAS4(into *Builder) {
	if aggregator, ok := into.Get(Aggregator); ok && k.aggregator4 != nil {
		if binary.BigEndian.Uint32(aggregator) != uint32(bgp.ASTrans) {
			// Somebody on the way who knows two octets aggregated: what the
			// AS4 attributes say is about the routes before that.
			return
		}
		into.Put(Aggregator, into.flags(Aggregator), k.aggregator4)
	}
	path, ok := into.Get(ASPath)
	if !ok || k.path4 == nil || len(path)+len(k.path4) > valueMax {
		return
	}
	if lead := hops(path) - hops(k.path4); lead >= 0 {
		into.begin(ASPath, into.flags(ASPath))
		into.buf = appendMerged(into.buf, path, k.path4, lead)
		into.end()
	}
}

// hops counts AS numbers as RFC 4271 section 9.1.2.2 and RFC 5065 section 5.3
// do: a set is one, what is inside a confederation is none.
func hops(path []byte) int {
	n := 0
	for len(path) >= 2 {
		switch path[0] {
		case ASSequence:
			n += int(path[1])
		case ASSet:
			n++
		}
		path = path[2+4*int(path[1]):]
	}
	return n
}

// appendMerged appends the first lead hops of path, with the confederation
// segments among them, and then path4.
func appendMerged(b, path, path4 []byte, lead int) []byte {
	last := -1 // where the last segment begins in b
	for len(path) >= 2 {
		kind, n := path[0], int(path[1])
		take := n
		switch kind {
		case ASSequence:
			take = min(n, lead)
			lead -= take
		case ASSet:
			take = n * min(lead, 1)
			lead -= min(lead, 1)
		}
		if take > 0 {
			last = len(b)
			b = append(b, kind, byte(take))
			b = append(b, path[2:2+4*take]...)
		} else if kind < ASConfedSequence {
			break
		}
		path = path[2+4*n:]
	}
	if last >= 0 && len(path4) >= 2 && b[last] == ASSequence && path4[0] == ASSequence && int(b[last+1])+int(path4[1]) <= segmentMax {
		b[last+1] += path4[1]
		path4 = path4[2:]
	}
	return append(b, path4...)
}
