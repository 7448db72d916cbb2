package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the manual of a tree, as Markdown: a heading for each section
// and a row for each of its words. Words that many sections share are told where
// they stand first.
func Reference(n *Node) string {
	m := manual{first: map[row]string{}, told: map[*Node]bool{}, words: map[**Node]string{}}
	m.section(n, nil)
	return m.String()
}

// manual is a reference while it is written.
type manual struct {
	strings.Builder
	first map[row]string    // the section where a row stands first
	told  map[*Node]bool    // sections that have a heading, or are about to
	words map[**Node]string // the section that these words are told of
}

// row is what the manual says of a word.
type row struct{ word, args, help string }

func rowOf(n *Node) row {
	if n.Instead != "" {
		return row{n.Word, n.Args, "old word for `" + n.Instead + "`"}
	}
	return row{n.Word, n.Args, n.Help}
}

// shared is how many rows two sections have in common before they are told once.
const shared = 8

func (m *manual) section(n *Node, path []string) {
	name := strings.Join(path, " → ")
	if len(path) > 0 {
		fmt.Fprintf(m, "\n%s `%s { … }`\n\n", strings.Repeat("#", min(len(path)+1, 5)), name)
		if n.Help != "" {
			fmt.Fprintf(m, "%s.\n\n", upper(n.Help))
		}
	}
	if len(n.Kids) > 0 {
		if at := m.words[&n.Kids[0]]; at != "" {
			m.all(at)
			return
		}
		m.words[&n.Kids[0]] = name
	}
	if m.table(n, name) {
		return // its sections are the same too
	}
	var next []*Node // one that is told here is not told again further down
	for _, k := range n.Kids {
		if k.isSection() && !m.told[k] {
			next, m.told[k] = append(next, k), true
		}
	}
	for _, k := range next {
		m.section(k, append(slices.Clone(path), strings.TrimSpace(k.Word+" "+k.Args)))
	}
}

// table writes the rows of a section that stand nowhere else, and where the
// others are. True: all of them are those of one other section.
func (m *manual) table(n *Node, name string) bool {
	count := map[string]int{}
	for _, k := range n.Kids {
		if k.Do != nil {
			count[m.first[rowOf(k)]]++
		}
	}
	head := "| word | values | |\n|---|---|---|\n"
	var others []string
	for _, k := range n.Kids {
		r := rowOf(k)
		if k.Do == nil {
			continue
		}
		if at := m.first[r]; at != "" && count[at] >= shared {
			if !slices.Contains(others, at) {
				others = append(others, at)
			}
			continue
		}
		if m.first[r] == "" {
			m.first[r] = name
		}
		fmt.Fprintf(m, "%s| `%s` | %s | %s |\n", head, r.word, code(r.args), r.help)
		head = ""
	}
	if head != "" && len(others) == 1 {
		m.all(others[0])
		return true
	}
	for _, at := range others {
		fmt.Fprintf(m, "\nAlso %d words of `%s`.\n", count[at], at)
	}
	return false
}

// all says that a section has the words of another.
func (m *manual) all(of string) { fmt.Fprintf(m, "All words of `%s`.\n", of) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", "\\|") + "`"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
