package grammar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Cursor walks the words of one statement.
type Cursor struct {
	words  []Token
	at     int
	end    Pos // of what ends the statement
	body   []Token
	failed bool
	secret bool // what is behind the first word is not repeated
	walker *walker
}

// quote is a word as errors repeat it.
func (c *Cursor) quote(i int) string {
	if c.secret && i > 0 {
		return "what is secret"
	}
	return strconv.Quote(c.words[i].Text)
}

// Word is the word that the statement began with.
func (c *Cursor) Word() string { return c.words[0].Text }

// More says whether words are left.
func (c *Cursor) More() bool { return c.at < len(c.words) }

// Peek is the next word, "" at the end.
func (c *Cursor) Peek() string {
	if !c.More() {
		return ""
	}
	return c.words[c.at].Text
}

// Next takes the next word, "" at the end.
func (c *Cursor) Next() string {
	s := c.Peek()
	if c.More() {
		c.at++
	}
	return s
}

// Pos is the place of the word that was taken last; where none was left, of
// what ends the statement.
func (c *Cursor) Pos() Pos {
	switch {
	case c.at == 1 && len(c.words) == 1:
		return c.end
	case c.at == 0:
		return c.words[0].Pos
	}
	return c.words[c.at-1].Pos
}

// Failed says, where a section closes, whether something was wrong in it: what
// seems to be missing may be what was not understood.
func (c *Cursor) Failed() bool { return c.failed }

// Start is the place of the statement.
func (c *Cursor) Start() Pos { return c.words[0].Pos }

// Warn adds a warning at the word that was taken last.
func (c *Cursor) Warn(format string, args ...any) {
	c.walker.Warnings = append(c.walker.Warnings, &Error{Pos: c.Pos(), Word: c.Word(), Err: fmt.Errorf(format, args...)})
}

// Wish is the error of a word that is not what it should be.
func Wish(want, got string) error {
	if got == "" {
		return fmt.Errorf("want %s, got nothing", want)
	}
	return fmt.Errorf("want %s, got %q", want, got)
}

// One takes one word.
func (c *Cursor) One(want string) (string, error) {
	if !c.More() {
		return "", Wish(want, "")
	}
	return c.Next(), nil
}

// Int takes a number within bounds.
func (c *Cursor) Int(lo, hi int64) (int64, error) {
	want := fmt.Sprintf("%d-%d", lo, hi)
	s, err := c.One(want)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lo || n > hi {
		return 0, Wish(want, s)
	}
	return n, nil
}

var booleans = map[string]bool{"true": true, "enable": true, "enabled": true, "yes": true, "on": true, "1": true,
	"false": false, "disable": false, "disabled": false, "no": false, "off": false, "0": false}

// Bool takes a truth value; none means true.
func (c *Cursor) Bool() (bool, error) {
	if !c.More() {
		return true, nil
	}
	s := c.Next()
	v, ok := booleans[strings.ToLower(s)]
	if !ok {
		return false, Wish("enable or disable", s)
	}
	return v, nil
}

// Duration takes "10s", "500ms" or a number of seconds.
func (c *Cursor) Duration(lo, hi time.Duration) (time.Duration, error) {
	want := fmt.Sprintf("a time from %s to %s", lo, hi)
	s, err := c.One(want)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(s)
	if n, e := strconv.ParseFloat(s, 64); e == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
		if math.IsNaN(n) || math.Abs(n) > 1e9 {
			err = e
			d = -1
		}
	}
	if err != nil || d < lo || d > hi {
		return 0, Wish(want, s)
	}
	return d, nil
}

// List takes one word, or several in brackets.
func (c *Cursor) List(want string, item func(string) error) error {
	if c.Peek() != "[" {
		s, err := c.One(want)
		if err != nil {
			return err
		}
		return item(s)
	}
	for c.Next(); ; {
		s, err := c.One(want + " or ]")
		if err != nil {
			return err
		}
		switch s {
		case "]":
			return nil
		case ",":
			continue
		}
		if err := item(s); err != nil {
			return err
		}
	}
}

// Replay walks the body of another section as if it stood here, with the words
// of n: "inherit". The errors in it keep their own places.
// A section that replays itself ends as one that is nested too deep.
func (c *Cursor) Replay(body Body, n *Node) {
	w := &walker{tokens: body.tokens, end: body.end, replays: c.walker.replays + 1}
	if w.replays > maxReplays {
		c.walker.fail(c.Pos(), c.Word(), fmt.Errorf("sections that use each other more than %d deep", maxReplays))
		return
	}
	w.section(n, Token{}, 1)
	c.walker.Errors = append(c.walker.Errors, w.Errors...)
	c.walker.Warnings = append(c.walker.Warnings, w.Warnings...)
}

// Body is what stands in a section's braces.
type Body struct {
	tokens []Token
	end    Pos
}

// Body is the section that begins behind this head.
func (c *Cursor) Body() Body { return Body{c.body, c.end} }

// Statements gives the values of the body's own statements that begin with a
// word, those of deeper sections left out.
func (b Body) Statements(word string, f func(c *Cursor)) {
	depth, first := 0, true
	for i, t := range b.tokens {
		if first && depth == 0 && t.Text == word && !t.Quoted {
			end := i
			for end < len(b.tokens) && !b.tokens[end].is(";") {
				end++
			}
			f(&Cursor{words: b.tokens[i:end], at: 1, end: t.Pos, walker: &walker{}})
		}
		switch {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		}
		first = t.is(";") || t.is("{") || t.is("}")
	}
}

// Back steps back before the word that was taken last.
func (c *Cursor) Back() *Cursor {
	c.at = max(c.at-1, 0)
	return c
}
