package attr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp/grammar"
)

// lsPart is a part of a value that has several.
type lsPart struct {
	name string // in JSON; "": it appends its members itself
	word string // where it is not the name
	size int    // in octets; 0: all that is left
	need bool   // there is none when it is not said; else its octets are zero
	many bool   // it may be said again
	lsShape
}

func (p lsPart) said() string {
	if p.word != "" {
		return p.word
	}
	return p.name
}

// lsZero is octets that are reserved. They are not told.
func lsZero(size int) lsPart { return lsPart{size: size} }

// cut cuts off the part that v begins with; one without a size is all of v.
func (p lsPart) cut(v string) (part, rest string, fits bool) {
	size := p.size
	if size == 0 {
		size = len(v)
	}
	if size > len(v) {
		return "", v, false
	}
	return v[:size], v[size:], true
}

// lsRecord is parts one after another: an object in JSON, words in brackets.
func lsRecord(parts ...lsPart) lsShape {
	return lsShape{
		json: func(b []byte, v string) (_ []byte, ok bool) {
			b = append(b, '{')
			sep := ""
			for _, p := range parts {
				part, rest, fits := p.cut(v)
				if !fits {
					return b, false
				}
				if p.json != nil && p.name != "" {
					b = fmt.Appendf(b, `%s"%s": `, sep, p.name)
				}
				if p.json != nil {
					if b, ok = p.json(b, part); !ok {
						return b, false
					}
				}
				v, sep = rest, ", "
			}
			return append(b, '}'), v == ""
		},
		text: func(b []byte, v string) (_ []byte, ok bool) {
			b = append(b, "[ "...)
			for _, p := range parts {
				part, rest, fits := p.cut(v)
				if !fits {
					return b, false
				}
				if p.text != nil && (p.size > 0 || p.need || part != "") {
					if b, ok = p.text(append(append(b, p.said()...), ' '), part); !ok {
						return b, false
					}
					b = append(b, ' ')
				}
				v = rest
			}
			return append(b, ']'), v == ""
		},
		say: func(b []byte, s grammar.Source) ([]byte, error) { return sayRecord(b, parts, s) },
	}
}

// sayRecord reads "[ WORD VALUE … ]", words in any order.
func sayRecord(b []byte, parts []lsPart, s grammar.Source) ([]byte, error) {
	if err := grammar.Expect(s, "["); err != nil {
		return b, err
	}
	said := make([][]byte, len(parts))
	for s.Peek() != "]" {
		w := s.Peek()
		i := slices.IndexFunc(parts, func(p lsPart) bool { return p.say != nil && p.said() == w })
		if i < 0 {
			return b, grammar.Wish(wordsOf(parts)+" or ]", w)
		}
		if said[i] != nil && !parts[i].many {
			return b, fmt.Errorf("%s: want it once", w)
		}
		s.Next()
		v, err := parts[i].say(said[i], s)
		if err == nil && parts[i].size > 0 && len(v) != parts[i].size {
			err = fmt.Errorf("want %d octets, got %d", parts[i].size, len(v))
		}
		if err != nil {
			return b, fmt.Errorf("%s: %w", w, err)
		}
		said[i] = v
	}
	s.Next()
	for i, p := range parts {
		if p.need && said[i] == nil {
			return b, fmt.Errorf("want %s", p.said())
		}
		b = append(b, said[i]...)
		if said[i] == nil {
			b = append(b, make([]byte, p.size)...)
		}
	}
	return b, nil
}

func wordsOf(parts []lsPart) string {
	var words []string
	for _, p := range parts {
		if p.say != nil {
			words = append(words, p.said())
		}
	}
	return strings.Join(words, ", ")
}

// lsBits are flags of an octet from its highest bit on, or with low from its
// lowest: an object with 0 or 1 for each name, and the other bits as RSV. Only
// the first of the octets has flags.
func lsBits(low bool, sizes []int, names ...string) lsShape {
	bit := func(i int) int {
		if low {
			return i
		}
		return 7 - i
	}
	rest := func(octet byte) byte {
		if low {
			return octet >> len(names)
		}
		return octet & (0xff >> len(names))
	}
	return lsShape{
		json: func(b []byte, v string) ([]byte, bool) {
			if len(v) < sizes[0] || len(v) > sizes[len(sizes)-1] {
				return b, false
			}
			b = append(b, '{')
			for i, name := range names {
				b = fmt.Appendf(b, `"%s": %d, `, name, v[0]>>bit(i)&1)
			}
			return append(strconv.AppendUint(append(b, `"RSV": `...), uint64(rest(v[0])), 10), '}'), true
		},
		text: func(b []byte, v string) ([]byte, bool) {
			if len(v) != sizes[0] {
				return b, false
			}
			b = append(b, "[ "...)
			for i, name := range names {
				if v[0]>>bit(i)&1 != 0 {
					b = append(append(b, name...), ' ')
				}
			}
			return append(b, ']'), true
		},
		say: func(b []byte, s grammar.Source) ([]byte, error) {
			at, want := len(b), "a flag of "+strings.Join(names, ", ")
			b = append(b, make([]byte, sizes[0])...)
			err := grammar.Items(s, want, func(w string) error {
				i := slices.Index(names, w)
				if i < 0 {
					return grammar.Wish(want, w)
				}
				b[at] |= 1 << bit(i)
				return nil
			})
			return b, err
		},
	}
}

// lsFlags are in one octet; more may follow.
func lsFlags(names ...string) lsShape { return lsBits(false, []int{1, 0xffff}, names...) }

// lsProtection is the first of two octets (RFC 9552 section 5.3.2.3).
var lsProtection = lsBits(true, []int{2, 2}, "ExtraTraffic", "Unprotected", "Shared", "Dedicated1:1", "Dedicated1+1", "Enhanced")
