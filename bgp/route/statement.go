package route

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
)

// Say reads what stands behind the beginning of a route, up to the end of the
// statement or to a word that stops it.
func (d *Draft) Say(s grammar.Source, stop string) error {
	for w := s.Peek(); w != "" && w != stop; w = s.Peek() {
		if err := d.Word(s); err != nil {
			return err
		}
	}
	return nil
}

// Word reads one word and its values. The family's own words come first: what
// "source" or "color" means is its affair.
func (d *Draft) Word(s grammar.Source) error {
	w := s.Next()
	if d.other != nil {
		if mine, err := d.other.Say(w, s, &d.Draft); mine {
			return named(w, err)
		}
	}
	if l := attrLeaf[w]; l != nil {
		return d.attribute(s, l)
	}
	if l := routeLeaf[w]; l != nil {
		return named(w, l.say(d, s))
	}
	return fmt.Errorf("want %s, got %q", strings.Join(d.wishes(), ", "), w)
}

func (d *Draft) attribute(s grammar.Source, l *attr.Leaf) error {
	d.Draft.Begin()
	switch l.Form {
	case attr.Free:
		return named(l.Word, l.Say(&d.Draft, s))
	case attr.Bare:
	case attr.One:
		w, err := grammar.Value(s, l.Arg)
		if err == nil {
			err = l.Item(&d.Draft, w)
		}
		if err != nil {
			return named(l.Word, err)
		}
	default:
		if err := grammar.Items(s, l.Arg, func(v string) error { return l.Item(&d.Draft, v) }); err != nil {
			return named(l.Word, err)
		}
	}
	return named(l.Word, l.End(&d.Draft))
}

func named(word string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", word, err)
}

// wishes are the words that could stand where none of them does.
func (d *Draft) wishes() []string {
	if d.other == nil {
		return all
	}
	words := slices.Clone(all)
	for _, w := range d.codec.Form.Words {
		words = append(words, w.Word)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// The leaves by their word, and all words for those who err.
var (
	attrLeaf  = map[string]*attr.Leaf{}
	routeLeaf = map[string]*Leaf{}
	all       []string
)

func init() {
	for i := range attr.Leaves {
		attrLeaf[attr.Leaves[i].Word] = &attr.Leaves[i]
		all = append(all, attr.Leaves[i].Word)
	}
	for i := range Leaves {
		routeLeaf[Leaves[i].Word] = &Leaves[i]
		all = append(all, Leaves[i].Word)
	}
	slices.Sort(all)
}

// Word is a word that may stand in a route, for the tree of keywords.
type Word struct {
	Word, Args, Help string
	Section          string // that it stands in, of a flow specification's: "match", "scope" or "then"
}

// Words are those of the routes of a family, 0 for "route": those of the family
// first, then attributes, then the others.
func Words(f bgp.Family) []Word {
	var ws []Word
	if c := family.Any(f); f != 0 && c != nil && c.Form != nil {
		for _, w := range c.Form.Words {
			ws = append(ws, Word(w))
		}
	}
	for _, l := range attr.Leaves {
		ws = append(ws, Word{Word: l.Word, Args: shown(l.Form, l.Arg), Help: l.Help})
	}
	for _, l := range Leaves {
		ws = append(ws, Word{Word: l.Word, Args: shown(l.Form, l.Arg), Help: l.Help})
	}
	return slices.CompactFunc(ws, func(a, b Word) bool { return a.Word == b.Word })
}

func shown(f attr.Form, arg string) string {
	switch f {
	case attr.List:
		return "[ " + arg + " … ]"
	case attr.Paren:
		return "( " + arg + " )"
	}
	return arg
}
