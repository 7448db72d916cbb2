package grammar

import (
	"slices"
	"strings"
)

// Complete gives the words that may stand in place of the last one of a line:
// those of the section that the words before it lead to. What is none of a
// section's words is a value, and leads nowhere.
func (n *Node) Complete(line []string) (words []string) {
	if len(line) == 0 {
		return nil
	}
	last := len(line) - 1
	for _, w := range line[:last] {
		if k := n.Find(w); k != nil && k.isSection() {
			n = k
		}
	}
	for _, k := range n.Kids {
		if k.Instead == "" && k.Is == nil && strings.HasPrefix(k.Word, line[last]) {
			words = append(words, k.Word)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}
