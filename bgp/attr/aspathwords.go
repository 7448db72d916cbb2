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
