package grammar

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Convert puts today's words where old ones stand; all the rest, comments and
// errors too, stays as it is. Changed are the warnings of what it did.
func Convert(file, text string, root *Node) (out string, changed []*Error) {
	r := Walk(file, text, root)
	lines := strings.SplitAfter(text, "\n")
	for i := len(r.Warnings) - 1; i >= 0; i-- { // from the end: columns before stay right
		w := r.Warnings[i]
		if w.Instead == "" || w.Pos.File != file {
			continue
		}
		line := lines[w.Pos.Line-1]
		at := 0 // columns are characters
		for range w.Pos.Col - 1 {
			_, n := utf8.DecodeRuneInString(line[at:])
			at += n
		}
		if !strings.HasPrefix(line[at:], w.Word) {
			continue
		}
		lines[w.Pos.Line-1] = line[:at] + w.Instead + line[at+len(w.Word):]
		changed = append(changed, w)
	}
	slices.Reverse(changed)
	return strings.Join(lines, ""), changed
}
