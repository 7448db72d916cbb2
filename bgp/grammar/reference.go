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
	m := manual{first: map[row]string{}}
	m.section(n, nil)
	return m.String()
}

// manual is a reference while it is written.
type manual struct {
	strings.Builder
	first map[row]string // the section where a row stands first
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
	if m.table(n, name) {
		return // its sections are the same too
	}
	for _, k := range n.Kids {
		if k.isSection() {
			m.section(k, append(slices.Clone(path), strings.TrimSpace(k.Word+" "+k.Args)))
		}
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
		fmt.Fprintf(m, "All words of `%s`.\n", others[0])
		return true
	}
	for _, at := range others {
		fmt.Fprintf(m, "\nAlso %d words of `%s`.\n", count[at], at)
	}
	return false
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", "\\|") + "`"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
