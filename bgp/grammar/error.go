package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is something wrong at a place.
type Error struct {
	Pos  Pos
	Word string // whose values are wrong; "" if none is
	Err  error
	// Instead, of a warning, is the word that stands there today.
	Instead string
}

func (e *Error) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("%s: %v", e.Pos, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Pos, e.Word, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Sort puts errors in the order of the text, each once.
func Sort(errs []*Error) []*Error {
	slices.SortStableFunc(errs, func(a, b *Error) int {
		if a.Pos.File != b.Pos.File {
			return strings.Compare(a.Pos.File, b.Pos.File)
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
	return slices.CompactFunc(errs, func(a, b *Error) bool { return a.Error() == b.Error() })
}

// Join makes one error of many, nil of none.
func Join(errs []*Error) error {
	if len(errs) == 0 {
		return nil
	}
	list := make([]error, len(errs))
	for i, e := range errs {
		list[i] = e
	}
	return errors.Join(list...)
}

// unknown is the error of a word that is none of those that may come.
func unknown(got string, nodes []*Node) error {
	best, distance := "", 3
	for _, n := range nodes {
		if d := edits(got, n.Word); d < distance {
			best, distance = n.Word, d
		}
	}
	if best != "" && distance < len(got) {
		return fmt.Errorf("unknown word %q, did you mean %q?", got, best)
	}
	words := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if n.Instead == "" {
			words = append(words, n.Word)
		}
	}
	slices.Sort(words)
	return fmt.Errorf("unknown word %q, want %s", got, strings.Join(slices.Compact(words), ", "))
}

// edits is how many letters have to be put in, taken out or changed to make one
// word of the other; 3 stands for more.
func edits(a, b string) int {
	if len(a) > 64 || len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], 3)
}
