package api

import (
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// punctuation is what is a word of its own, wherever it stands.
const punctuation = ";{}[](),"

// words is the words of a line, and how far it was read.
type words struct {
	line string
	list []word
	next int
}

type word struct {
	text string
	at   int // octets from the start of the line
}

// texts are words without their places.
func texts(list []word) (out []string) {
	for _, w := range list {
		out = append(out, w.text)
	}
	return out
}

// split cuts a line into words: at blanks, at punctuation, and none of these
// within quotes, where a backslash takes the next character as it is. The letters
// \n are a blank outside of them: ExaBGP's examples have flow specifications so.
func split(line string) (words, error) {
	w := words{line: line}
	if i := strings.IndexFunc(line, isControl); i >= 0 {
		return w, &Error{Column: i + 1, Err: fmt.Errorf("want text, got octet 0x%02x", line[i])}
	}
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			i++
		case strings.HasPrefix(line[i:], `\n`):
			i += 2
		case strings.IndexByte(punctuation, c) >= 0:
			w.list = append(w.list, word{line[i : i+1], i})
			i++
		case c == '"' || c == '\'':
			text, n := quoted(line[i:])
			if n == 0 {
				return w, &Error{Column: i + 1, Err: fmt.Errorf("want a closing quote")}
			}
			w.list = append(w.list, word{text, i})
			i += n
		default:
			n := 1 + strings.IndexAny(line[i+1:], " \t\"\\"+punctuation)
			if n == 0 {
				n = len(line) - i
			}
			w.list = append(w.list, word{line[i : i+n], i})
			i += n
		}
	}
	return w, nil
}

// quoted reads the string that s begins with, in n octets; 0: it is not closed.
func quoted(s string) (text string, n int) {
	end := strings.IndexByte(s[1:], s[0]) + 1
	if end > 0 && strings.IndexByte(s[:end], '\\') < 0 {
		return s[1:end], end + 1
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return b.String(), i + 1
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(grammar.Escape(s[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Peek is the word that comes next, "" at the end.
func (w *words) Peek() string {
	if w.next == len(w.list) {
		return ""
	}
	return w.list[w.next].text
}

// Next takes the word that comes next.
func (w *words) Next() string {
	s := w.Peek()
	w.next = min(w.next+1, len(w.list))
	return s
}

// ahead is the word behind the one that comes next, "" at the end.
func (w *words) ahead() string {
	if w.next+1 >= len(w.list) {
		return ""
	}
	return w.list[w.next+1].text
}

// at is where the next word is, in octets from the start of the line.
func (w *words) at() int {
	if w.next == len(w.list) {
		return len(w.line)
	}
	return w.list[w.next].at
}

// fail places an error at the word that was taken last, or at the end if there
// should be more.
func (w *words) fail(err error) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	if w.next > 0 {
		return &Error{Column: w.list[w.next-1].at + 1, Err: err}
	}
	return &Error{Column: 1, Err: err}
}

// wish is the error of a next word that is none of those wanted.
func (w *words) wish(want string) error {
	got := "nothing"
	if s := w.Peek(); s != "" {
		got = fmt.Sprintf("%q", s)
	}
	return &Error{Column: w.at() + 1, Err: fmt.Errorf("want %s, got %s", want, got)}
}

// Error says where in a command something is wrong.
type Error struct {
	Column int // counted from 1, in octets
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %v", e.Column, e.Err) }

func (e *Error) Unwrap() error { return e.Err }
