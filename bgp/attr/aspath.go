package attr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
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

// Limits of a segment and of a path, the latter so that it fits an attribute.
const (
	segmentMax = 255 // AS numbers; the count is one octet (RFC 4271 section 4.3)
	listMax    = 60000
)

// An AS path is a list of AS numbers, and of groups of them: a set in
// parentheses (or in brackets, which ExaBGP 4 takes), a sequence of a
// confederation in braces, a set of one in both. Without brackets around all it
// is one number or one group.
var asPathLeaf = Leaf{
	Word: "as-path", Help: "the AS that the route came through: (a set), {of a confederation}, {(a set of one)} (RFC 4271 5.1.2, RFC 5065)",
	Form: Free, Arg: "[ ASN … ( ASN … ) … ]", Say: sayASPath,
}

// closings are the groups that ExaBGP knows, by what opens them.
var closings = map[string]string{"[": "]", "(": ")", "{": "}"}

func sayASPath(d *Draft, s grammar.Source) (err error) {
	p := pathWords{Source: s}
	switch w := s.Peek(); {
	case w == "[":
		s.Next()
		err = p.list()
	case closings[w] != "":
		err = p.group()
	default:
		err = p.number("")
		p.end(ASSequence)
	}
	if err != nil {
		return err
	}
	d.Put(ASPath, Transitive, p.path)
	return nil
}

// pathWords reads an AS path.
type pathWords struct {
	grammar.Source
	path []byte
	as   []bgp.ASN // of the segment at hand
}

// list reads up to the closing bracket, and takes that.
func (p *pathWords) list() error {
	for {
		w := p.skip()
		switch {
		case w == "]":
			p.Next()
			p.end(ASSequence)
			return nil
		case closings[w] == "":
			if err := p.number("]"); err != nil {
				return err
			}
			continue
		}
		p.end(ASSequence)
		if err := p.group(); err != nil {
			return err
		}
	}
}

// group reads a set, or what is inside a confederation.
func (p *pathWords) group() error {
	open, kind := p.Next(), byte(ASSet)
	if open == "{" {
		kind = ASConfedSequence
		if inner := p.skip(); closings[inner] != "" && inner != "{" {
			open, kind = p.Next(), ASConfedSet
		}
	}
	for p.skip() != closings[open] {
		if err := p.number(closings[open]); err != nil {
			return err
		}
	}
	if p.Next(); kind == ASConfedSet {
		if p.skip() != "}" {
			return grammar.Wish("}", p.Peek())
		}
		p.Next()
	}
	p.end(kind)
	return nil
}

// skip is the next word but for commas, which may stand anywhere in a list.
func (p *pathWords) skip() string {
	for p.Peek() == "," {
		p.Next()
	}
	return p.Peek()
}

// number reads one AS number, where end could stand too, "": nothing could.
func (p *pathWords) number(end string) error {
	want := "an AS number"
	if end != "" {
		want += " or " + end
	}
	w, err := grammar.Value(p, want)
	if err != nil {
		return err
	}
	as, err := bgp.ParseASN(w)
	if err != nil {
		return err
	}
	if as == 0 {
		return errors.New("want an AS number, got 0, which is nobody's (RFC 7607)")
	}
	if len(p.path)+4*len(p.as) > listMax {
		return fmt.Errorf("want a path that fits an attribute of %d octets", listMax)
	}
	p.as = append(p.as, as)
	return nil
}

// end closes the segment at hand; one without numbers is none.
func (p *pathWords) end(kind byte) {
	p.path, p.as = appendSegment(p.path, kind, p.as), p.as[:0]
}

// appendSegment appends a segment, or more of them where one is too short.
func appendSegment(b []byte, kind byte, as []bgp.ASN) []byte {
	for chunk := range slices.Chunk(as, segmentMax) {
		b = append(b, kind, byte(len(chunk)))
		for _, a := range chunk {
			b = binary.BigEndian.AppendUint32(b, uint32(a))
		}
	}
	return b
}

// textASPath appends AS numbers, with groups as sayASPath reads them.
func textASPath(b []byte, v string) []byte {
	b = append(b, " [ "...)
	for len(v) >= 2 {
		var kind uint8
		var as string
		kind, as, v = cutSegment(v)
		around := asBrackets[min(kind, ASConfedSet)]
		b = append(b, around[0]...)
		for i := 0; i+4 <= len(as); i += 4 {
			b = append(strconv.AppendUint(b, uint64(asAt(as, i)), 10), ' ')
		}
		b = append(b, around[1]...)
	}
	return append(b, ']')
}

// asBrackets are what stands around a segment.
var asBrackets = [...][2]string{
	ASSet: {"( ", ") "}, ASSequence: {"", ""}, ASConfedSequence: {"{ ", "} "}, ASConfedSet: {"{ ( ", ") } "},
}
