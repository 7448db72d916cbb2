package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the manual of a tree, as Markdown: a heading for each section
// and a row for each of its words.
func Reference(n *Node) string {
	var b strings.Builder
	reference(&b, n, nil)
	return b.String()
}

func reference(b *strings.Builder, n *Node, path []string) {
	if len(path) > 0 {
		fmt.Fprintf(b, "\n%s `%s { … }`\n\n", strings.Repeat("#", min(len(path)+1, 5)), strings.Join(path, " → "))
		if n.Help != "" {
			fmt.Fprintf(b, "%s.\n\n", upper(n.Help))
		}
	}
	rows := slices.DeleteFunc(slices.Clone(n.Kids), func(k *Node) bool { return k.Do == nil })
	if len(rows) > 0 {
		fmt.Fprint(b, "| word | values | |\n|---|---|---|\n")
	}
	for _, k := range rows {
		help := k.Help
		if k.Instead != "" {
			help = "old word for `" + k.Instead + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", k.Word, code(k.Args), help)
	}
	for _, k := range n.Kids {
		if k.Kids != nil || k.Otherwise != nil {
			reference(b, k, append(slices.Clone(path), strings.TrimSpace(k.Word+" "+k.Args)))
		}
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", "\\|") + "`"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
