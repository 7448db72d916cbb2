package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// printer writes for people: tables and colour on a terminal, lines of words
// separated by tabs elsewhere.
type printer struct {
	out      io.Writer
	terminal bool
	colour   bool
}

func newPrinter(out io.Writer) *printer {
	p := &printer{out: out}
	if f, ok := out.(*os.File); ok {
		_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		p.terminal = err == nil
	}
	_, plain := os.LookupEnv("NO_COLOR") // https://no-color.org
	p.colour = p.terminal && !plain && os.Getenv("TERM") != "dumb"
	return p
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *printer) paint(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) bold(s string) string { return p.paint("1", s) }

// good is yes in green or no in red.
func (p *printer) good(ok bool, yes, no string) string {
	if ok {
		return p.paint("32", yes)
	}
	return p.paint("31", no)
}

// table prints rows, of which the first one is the head.
func (p *printer) table(rows [][]string) { (&table{printer: p}).add(rows) }

// table aligns columns on a terminal; for a pipe a tab is easier to cut. Rows may
// come in parts: columns get wider then, and never narrower.
type table struct {
	*printer
	wide  []int
	begun bool
}

func (t *table) add(rows [][]string) {
	if !t.terminal {
		for _, r := range rows {
			t.line("%s", strings.Join(r, "\t"))
		}
		return
	}
	for _, r := range rows {
		for i, s := range r {
			if i == len(t.wide) {
				t.wide = append(t.wide, 0)
			}
			t.wide[i] = max(t.wide[i], width(s))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, s := range r {
			if !t.begun {
				s = t.bold(s)
			}
			b.WriteString(s + strings.Repeat(" ", t.wide[i]-width(s)+2))
		}
		t.begun = true
		t.line("%s", strings.TrimRight(b.String(), " "))
	}
}

// width is how many columns a string takes, colour codes left out.
func width(s string) int {
	for {
		from, rest, ok := strings.Cut(s, "\x1b[")
		if !ok {
			return utf8.RuneCountInString(s)
		}
		_, rest, _ = strings.Cut(rest, "m")
		s = from + rest
	}
}
