package grammar

import (
	"errors"
	"fmt"
)

// Node is a keyword: a statement, a section, or both.
type Node struct {
	Word string
	// Is says of other words that they are meant too: "N", of numbers.
	Is   func(word string) bool
	Help string
	Args string // what follows the word, for people: "ADDRESS|self"
	// Do takes a statement: the cursor stands behind the word. Nil means that
	// the word only begins a section.
	Do func(c *Cursor) error
	// Kids are the words of the section; a nil slice means that the word has no
	// section. Open takes what stands between the word and the brace; Close is
	// called at the closing brace. Either may be nil. A section may be among its
	// own words.
	Kids  []*Node
	Open  func(c *Cursor) error
	Close func(c *Cursor) error
	// Secret says that what follows the word is never repeated, whatever is wrong
	// with it: errors are logged, and told to helpers.
	Secret bool
	// Instead names today's word where this one is an old one: it works, and
	// says so.
	Instead string
	// Otherwise takes the words of a section that are none of its kids, such as
	// the families of "family"; the cursor stands before the word.
	Otherwise func(c *Cursor) error
}

// Result is what a walk has to say.
type Result struct {
	Errors   []*Error
	Warnings []*Error
}

// Walk reads a text against the words of the tree. It goes on behind an error,
// so that all of them are found.
func Walk(file, text string, root *Node) Result {
	tokens, errs := Lex(file, text)
	w := &walker{tokens: tokens, end: endOf(file, text)}
	w.Errors = errs
	w.section(root, Token{}, 0)
	return Result{Sort(w.Errors), Sort(w.Warnings)}
}

func endOf(file, text string) Pos {
	l := lexer{text: text, pos: Pos{File: file, Line: 1, Col: 1}}
	l.skip(len(text))
	return l.pos
}

// walker goes through the tokens once.
type walker struct {
	Result
	tokens []Token
	at     int
	end    Pos // of the text

	replays int // how deep we are in sections that use others
}

// section reads statements up to its closing brace; opened is its opening one,
// the zero Token for the whole text. It leaves the walker behind the brace and
// gives its place.
func (w *walker) section(n *Node, opened Token, depth int) Pos {
	for w.at < len(w.tokens) {
		t := w.tokens[w.at]
		switch {
		case t.is("}") && opened.Text != "":
			w.at++
			return t.Pos
		case t.is("}"):
			w.fail(t.Pos, "", errors.New("a closing brace without an opening one"))
			w.at++
		case t.is(";"):
			w.at++ // an empty statement
		default:
			w.statement(n, depth)
		}
	}
	switch {
	case opened.Text == "":
	case depth == 1 && w.tokens[len(w.tokens)-1].is("}"):
		// ExaBGP lets files pass that lack their last brace, and ships one.
		w.Warnings = append(w.Warnings, &Error{Pos: opened.Pos, Err: errors.New("the brace is never closed: want } at the end of the file")})
	default:
		w.fail(opened.Pos, "", errors.New("the brace is never closed"))
	}
	return w.end
}

func (w *walker) fail(p Pos, word string, err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			w.fail(p, word, e)
		}
		return
	}
	var own *Error
	if errors.As(err, &own) { // it knows its place better
		w.Errors = append(w.Errors, own)
		return
	}
	w.Errors = append(w.Errors, &Error{Pos: p, Word: word, Err: err})
}

// statement reads one statement, or one section with its head.
func (w *walker) statement(n *Node, depth int) {
	first := w.at
	for w.at < len(w.tokens) && !w.ends(w.tokens[w.at]) {
		w.at++
	}
	words := w.tokens[first:w.at]
	c := &Cursor{words: words, end: w.end, walker: w}
	stop := Token{Pos: w.end}
	if w.at < len(w.tokens) {
		stop = w.tokens[w.at]
		c.end = stop.Pos
	}
	if len(words) == 0 { // "{" on its own
		w.fail(stop.Pos, "", errors.New("a section without a name"))
		w.skipSection()
		return
	}
	kid := n.Find(words[0].Text)
	if kid == nil && n.Otherwise != nil && !stop.is("{") {
		w.run(c, words[0].Text, n.Otherwise)
		w.terminate(stop, c)
		return
	}
	if kid == nil {
		w.fail(words[0].Pos, "", unknown(words[0].Text, n.Kids))
		w.pass(stop)
		return
	}
	if kid.Instead != "" {
		w.Warnings = append(w.Warnings, &Error{Pos: words[0].Pos, Word: kid.Word, Instead: kid.Instead, Err: fmt.Errorf("is an old word for %q", kid.Instead)})
	}
	c.at, c.secret = 1, kid.Secret
	if stop.is("{") && !kid.isSection() {
		if line := newLine(words); line > 0 { // a semicolon was forgotten before it
			w.fail(words[line-1].Pos, kid.Word, fmt.Errorf("want ; behind %s", c.quote(line-1)))
			w.at = first + line
			return
		}
	}
	if stop.is("{") {
		w.open(kid, c, stop, depth)
		return
	}
	w.simple(kid, c, stop)
}

func (w *walker) ends(t Token) bool { return t.is(";") || t.is("{") || t.is("}") }

// pass goes behind a statement or a section that is not understood.
func (w *walker) pass(stop Token) {
	if stop.is("{") {
		w.skipSection()
	} else if stop.is(";") {
		w.at++
	}
}

func (w *walker) simple(kid *Node, c *Cursor, stop Token) {
	if kid.Do == nil {
		w.fail(c.words[0].Pos, kid.Word, errors.New("want a section in braces"))
		w.pass(stop)
		return
	}
	w.run(c, kid.Word, kid.Do)
	w.terminate(stop, c)
}

// terminate wants the semicolon.
func (w *walker) terminate(stop Token, c *Cursor) {
	if stop.is(";") {
		w.at++
		return
	}
	last := len(c.words) - 1
	w.fail(c.words[last].Pos, c.words[0].Text, fmt.Errorf("want ; behind %s", c.quote(last)))
}

// run gives a statement's words to whom they are for.
func (w *walker) run(c *Cursor, word string, do func(*Cursor) error) {
	if err := do(c); err != nil {
		w.fail(c.Pos(), word, err)
		return
	}
	if c.More() {
		w.fail(c.words[c.at].Pos, word, fmt.Errorf("unexpected %s", c.quote(c.at)))
	}
}

// open reads a section.
func (w *walker) open(kid *Node, c *Cursor, brace Token, depth int) {
	if !kid.isSection() {
		w.fail(brace.Pos, c.Word(), errors.New("has no section: want ;"))
		w.skipSection()
		return
	}
	if depth >= maxDepth {
		w.fail(brace.Pos, c.Word(), fmt.Errorf("sections more than %d deep", maxDepth))
		w.skipSection()
		return
	}
	w.at++
	before := len(w.Errors)
	c.body = w.tokens[w.at:w.closing()]
	if kid.Open != nil {
		w.run(c, c.Word(), kid.Open)
	} else if c.More() {
		w.fail(c.words[c.at].Pos, c.Word(), fmt.Errorf("unexpected %s", c.quote(c.at)))
	}
	end := w.section(kid, brace, depth+1)
	if kid.Close != nil {
		c.at = len(c.words)
		c.end = end
		c.failed = len(w.Errors) > before
		if err := kid.Close(c); err != nil {
			w.fail(c.words[0].Pos, c.Word(), err)
		}
	}
}

// closing is where the section ends in which the walker stands.
func (w *walker) closing() int {
	depth := 0
	for i := w.at; i < len(w.tokens); i++ {
		switch t := w.tokens[i]; {
		case t.is("{"):
			depth++
		case t.is("}"):
			if depth--; depth < 0 {
				return i
			}
		}
	}
	return len(w.tokens)
}

// skipSection goes behind the section whose opening brace is next.
func (w *walker) skipSection() {
	w.at++
	w.at = min(w.closing()+1, len(w.tokens))
}

func (n *Node) isSection() bool { return n.Kids != nil || n.Otherwise != nil }

// newLine is the first word that stands on a line of its own below the first;
// 0: none.
func newLine(words []Token) int {
	for i, t := range words {
		if t.Pos.Line > words[0].Pos.Line {
			return i
		}
	}
	return 0
}

// Find gives the word of a section, nil if it has none such.
func (n *Node) Find(word string) *Node {
	for _, k := range n.Kids {
		if k.Word == word || k.Is != nil && k.Is(word) {
			return k
		}
	}
	return nil
}
