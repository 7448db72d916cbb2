// Package grammar is tokens with positions, the tree of keywords, and a cursor
// that walks one against the other.
package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a text: line and column count from 1, columns in
// characters.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Token is a word, or one of ; { } [ ] ( ) and the comma.
type Token struct {
	Text   string
	Pos    Pos
	Quoted bool // was in quotes: a word, whatever it looks like
}

// is says whether a token is a piece of punctuation.
func (t Token) is(p string) bool { return !t.Quoted && t.Text == p }

// Limits of a text, so that a hostile one costs no more than its length.
const (
	maxToken = 64 << 10
	maxDepth = 32
	// A section that uses two others, which do the same, doubles at each step.
	maxReplays = 4
)

const (
	space       = " \t\r\n\f\v"
	punctuation = ";{}[](),"
)

// lexer cuts a text into tokens.
type lexer struct {
	text   string
	pos    Pos
	tokens []Token
	errs   []*Error
}

// Lex cuts a text into tokens. A comment goes from # to the end of its line.
func Lex(file, text string) ([]Token, []*Error) {
	l := &lexer{text: text, pos: Pos{File: file, Line: 1, Col: 1}, tokens: make([]Token, 0, atMost(text))}
	for l.text != "" {
		l.next()
	}
	bracketed(l.tokens)
	return l.tokens, l.errs
}

// bracketed makes words of the braces within square brackets: they are no
// section's, but what is inside a confederation of an AS path. A bracket that a
// statement leaves open holds none.
func bracketed(tokens []Token) {
	depth, from := 0, 0
	for i, t := range tokens {
		switch {
		case t.is(";"):
			depth = 0
		case t.is("["):
			if depth++; depth == 1 {
				from = i
			}
		case t.is("]") && depth > 0:
			if depth--; depth > 0 {
				continue
			}
			for j := range tokens[from:i] {
				b := &tokens[from+j]
				b.Quoted = b.Quoted || b.Text == "{" || b.Text == "}"
			}
		}
	}
}

// atMost is about how many tokens a text has: as many as words begin, and
// punctuation. A big configuration need not be copied again and again.
func atMost(text string) (n int) {
	apart := true
	for i := range len(text) {
		switch c := text[i]; {
		case c <= ' ':
			apart = true
			continue
		case strings.IndexByte(punctuation, c) >= 0:
			n++
			apart = true
			continue
		case apart:
			n++
		}
		apart = false
	}
	return n
}

func (l *lexer) next() {
	switch c := l.text[0]; {
	case strings.IndexByte(space, c) >= 0:
		l.skip(1)
	case c == '#':
		n := strings.IndexByte(l.text, '\n')
		if n < 0 {
			n = len(l.text)
		}
		l.skip(n)
	case c == '\\' && strings.HasPrefix(strings.TrimLeft(l.text[1:], " \t\r"), "\n"):
		l.skip(1) // continues a line, which ExaBGP main wants and we do not
	case c == '"' || c == '\'':
		l.quoted(c)
	case strings.IndexByte(punctuation, c) >= 0:
		l.emit(l.text[:1], false)
		l.skip(1)
	default:
		n := strings.IndexAny(l.text, space+punctuation+"\"#")
		if n < 0 {
			n = len(l.text)
		}
		l.emit(l.text[:n], false)
		l.skip(n)
	}
}

// escapes are the characters that a backslash changes; any other it leaves.
var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r'}

// Escape is what a character means behind a backslash.
func Escape(c byte) byte {
	if e, ok := escapes[c]; ok {
		return e
	}
	return c
}

// Quote gives the text of a word: itself, or a string in quotes where it would
// not be one word.
func Quote(word string) string {
	if word != "" && !strings.ContainsAny(word, space+punctuation+`"'\#`) {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(word) + `"`
}

// quoted takes a string, up to a quote like its first: one of the other kind is
// a part of it. A backslash takes the next character as it is, if that is no
// escape. A quote is closed on its line, as ExaBGP has it: one that is forgotten
// does not take the rest of the file with it.
func (l *lexer) quoted(quote byte) {
	var b strings.Builder
	for i := 1; i < len(l.text) && l.text[i] != '\n'; i++ {
		switch c := l.text[i]; {
		case c == quote:
			l.emit(b.String(), true)
			l.skip(i + 1)
			return
		case c == '\\' && i+1 < len(l.text) && l.text[i+1] != '\n':
			i++
			b.WriteByte(Escape(l.text[i]))
		default:
			b.WriteByte(c)
		}
	}
	l.errs = append(l.errs, &Error{Pos: l.pos, Err: fmt.Errorf("the quote is never closed")})
	n := strings.IndexAny(l.text, ";{}\n") // where it may have been meant to end
	if n < 0 {
		n = len(l.text)
	}
	if word := strings.TrimRight(l.text[1:n], space); word != "" {
		l.emit(word, true)
	}
	l.skip(n)
}

func (l *lexer) emit(text string, quoted bool) {
	if len(text) > maxToken {
		l.errs = append(l.errs, &Error{Pos: l.pos, Err: fmt.Errorf("a word of %d characters, at most %d", len(text), maxToken)})
		text = text[:maxToken]
	}
	l.tokens = append(l.tokens, Token{Text: text, Pos: l.pos, Quoted: quoted})
}

// skip moves past n octets.
func (l *lexer) skip(n int) {
	gone := l.text[:n]
	l.text = l.text[n:]
	if lines := strings.Count(gone, "\n"); lines > 0 {
		l.pos.Line += lines
		l.pos.Col = 1
		gone = gone[strings.LastIndexByte(gone, '\n')+1:]
	}
	l.pos.Col += utf8.RuneCountInString(gone)
}
