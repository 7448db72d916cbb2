package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"holdfast/bgp/api"
)

// converse talks to somebody at a terminal until he goes. While the daemon
// answers, the terminal is as it was: Ctrl-C ends a long answer, and us.
func (s *speech) converse(tty *os.File) error {
	fd := int(tty.Fd())
	if err := s.dial(); err != nil {
		return err
	}
	saved, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	defer term.Restore(fd, saved)
	return s.prompt(struct {
		io.Reader
		io.Writer
	}{tty, s.out}, func() (width, height int) {
		width, height, err := term.GetSize(fd)
		if err != nil {
			return 80, 24
		}
		return width, height
	}, func(f func()) {
		term.Restore(fd, saved)
		f()
		_, _ = term.MakeRaw(fd) // as it could be before
	})
}

// prompt reads commands from a terminal in raw mode and says them, each of them
// inside of plain.
func (s *speech) prompt(tty io.ReadWriter, size func() (int, int), plain func(func())) error {
	t := term.NewTerminal(tty, "holdfast> ")
	h := openHistory(historyPath())
	t.History = h
	neighbors := s.neighbors()
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		done, more := extend(line[:pos], api.Complete(line[:pos], neighbors))
		if len(more) > 1 && done == line[:pos] {
			fmt.Fprintln(t, strings.Join(more, "  "))
		}
		return done + line[pos:], len(done), true
	}
	for {
		_ = t.SetSize(size()) // a terminal of no size has the one that it had
		line, err := t.ReadLine()
		switch word := strings.TrimSpace(line); {
		case errors.Is(err, io.EOF) || word == "exit" || word == "quit":
			return nil
		case err != nil && !errors.Is(err, term.ErrPasteIndicator):
			return err
		case word == "":
			continue
		}
		plain(func() {
			if err := s.one(line); err != nil {
				fmt.Fprintln(s.err, err)
			}
		})
	}
}

// neighbors are the addresses of the daemon's, as far as it tells.
func (s *speech) neighbors() (addresses []string) {
	_ = s.client.Do("peer list", func(line string) { // without them there is less to complete
		var list []struct {
			Address string `json:"peer-address"`
		}
		if json.Unmarshal([]byte(line), &list) == nil {
			for _, n := range list {
				addresses = append(addresses, n.Address)
			}
		}
	})
	return addresses
}

// extend makes a line longer by what all words that may stand in place of its
// last one have in common; with one such word, it is complete.
func extend(line string, words []string) (string, []string) {
	if len(words) == 0 {
		return line, nil
	}
	common := words[0]
	for _, w := range words[1:] {
		n := 0
		for n < min(len(common), len(w)) && common[n] == w[n] {
			n++
		}
		common = common[:n]
	}
	start := strings.LastIndexByte(line, ' ') + 1
	if len(words) == 1 {
		common += " "
	}
	return line[:start] + common, words
}

// historyMax is how many lines are kept.
const historyMax = 1000

// history is what was said before, the last first, and the file that keeps it.
type history struct {
	path  string
	lines []string
}

// historyPath is where the XDG says that such things belong.
func historyPath() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local/state")
	}
	return filepath.Join(dir, "holdfast/history")
}

// openHistory reads what there is: a history that can't be kept is none that
// anybody would stop for.
func openHistory(path string) *history {
	h := &history{path: path}
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		h.lines = append(h.lines, strings.TrimSuffix(line, "\n"))
	}
	slices.Reverse(h.lines)
	if len(h.lines) > historyMax {
		h.lines = h.lines[:historyMax]
		h.rewrite()
	}
	return h
}

// Add keeps a line, if it is another one than the last.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[0] == line {
		return
	}
	h.lines = slices.Insert(h.lines, 0, line)
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	if f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		fmt.Fprintln(f, line)
		f.Close()
	}
}

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At is a line; 0 is the last one.
func (h *history) At(i int) string { return h.lines[i] }

func (h *history) rewrite() {
	var b strings.Builder
	for _, line := range slices.Backward(h.lines) {
		b.WriteString(line + "\n")
	}
	_ = os.WriteFile(h.path, []byte(b.String()), 0o600)
}
