package grammar

import (
	"fmt"
	"strings"
)

// Convert puts today's words where old ones stand; all the rest, comments and
// errors too, stays as it is. Changed says what it did, with places.
func Convert(file, text string, root *Node) (out string, changed []string) {
	r := Walk(file, text, root)
	lines := strings.SplitAfter(text, "\n")
	for i := len(r.Warnings) - 1; i >= 0; i-- { // from the end: columns before stay right
		w := r.Warnings[i]
		if w.Instead == "" || w.Pos.File != file {
			continue
		}
		line := lines[w.Pos.Line-1]
		at := w.Pos.Col - 1
		if at > len(line) || !strings.HasPrefix(line[at:], w.Word) {
			continue
		}
		lines[w.Pos.Line-1] = line[:at] + w.Instead + line[at+len(w.Word):]
		changed = append([]string{fmt.Sprintf("%s: %s is now %s", w.Pos, w.Word, w.Instead)}, changed...)
	}
	return strings.Join(lines, ""), changed
}
