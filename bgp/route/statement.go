package route

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
)

// Say reads what stands behind the prefix of a route, up to the end of the
// statement or to a word that stops it.
func (d *Draft) Say(s grammar.Source, stop string) error {
	for w := s.Peek(); w != "" && w != stop; w = s.Peek() {
		if err := d.Word(s); err != nil {
			return err
		}
	}
	return nil
}

// Word reads one word and its values.
func (d *Draft) Word(s grammar.Source) error {
	w := s.Next()
	if l := attrLeaf[w]; l != nil {
		return d.attribute(s, l)
	}
	l := routeLeaf[w]
	if l == nil {
		return fmt.Errorf("want %s, got %q", strings.Join(all, ", "), w)
	}
	if l.Form == attr.Bare {
		return l.Item(d, "")
	}
	return named(w, values(s, l.Form, l.Arg, func(v string) error { return l.Item(d, v) }))
}

func (d *Draft) attribute(s grammar.Source, l *attr.Leaf) error {
	d.Begin()
	if l.Form == attr.Free {
		return named(l.Word, l.Say(&d.Draft, s))
	}
	if l.Form != attr.Bare {
		if err := values(s, l.Form, l.Arg, func(v string) error { return l.Item(&d.Draft, v) }); err != nil {
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

// values gives the values of a word to item.
func values(s grammar.Source, f attr.Form, arg string, item func(string) error) error {
	first := s.Peek()
	end := map[string]string{"[": "]", "(": ")"}[first]
	if f == attr.One || end == "" {
		if strings.Contains("[](){},;", first) { // and the end of the statement
			return fmt.Errorf("want %s, got %s", arg, quoted(first))
		}
		return item(s.Next())
	}
	for s.Next(); s.Peek() != end; {
		w := s.Next()
		if w == "" || strings.Contains("[]{};", w) {
			return fmt.Errorf("want %s or %s, got %s", arg, end, quoted(w))
		}
		if w == "," {
			continue
		}
		if err := item(w); err != nil {
			return err
		}
	}
	s.Next()
	return nil
}

func quoted(w string) string {
	if w == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", w)
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
