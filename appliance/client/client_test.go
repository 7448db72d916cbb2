package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// daemon answers each command with what is behind it after a slash, or "done".
func daemon(t *testing.T) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for lines := bufio.NewScanner(c); lines.Scan(); {
			_, answer, ok := strings.Cut(lines.Text(), "/")
			switch {
			case answer == "leave":
				return
			case !ok:
				answer = "done"
			}
			fmt.Fprintln(c, strings.ReplaceAll(answer, "/", "\n"))
		}
	}()
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); l.Close() })
	return c
}

func TestDo(t *testing.T) {
	c := daemon(t)
	for command, want := range map[string]string{
		"# all is well":             "",
		"  ":                        "",
		"show /a/b/done":            "a b ",
		"x /error: no/error":        "no",
		"x /a/error: no/error":      "a no",
		"x /error":                  "the daemon does not say why",
		"show /error: in data/done": "error: in data ",
		"show /error: x/y/error":    "error: x y the daemon does not say why",
		"disable-ack":               "disable-ack: this connection needs its answers",
		"a\nb":                      "want one line",
	} {
		got := ""
		if err := c.Do(command, func(line string) { got += line + " " }); err != nil {
			got += err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", command, got, want)
		}
	}
	var refused Refused
	if err := c.Do("x /leave", nil); err == nil || errors.As(err, &refused) {
		t.Errorf("the daemon has gone: %v", err)
	}
}

func TestDialSaysWhere(t *testing.T) {
	if _, err := Dial("/nowhere/x"); err == nil || !strings.Contains(err.Error(), "no daemon answers on /nowhere/x") {
		t.Error(err)
	}
}

func TestBatch(t *testing.T) {
	c := daemon(t)
	var got []string
	n := 0
	lines := "# one\n\nx /d/error: no/error\n" + strings.Repeat("# more\n", 100000) + "last"
	err := c.Batch(strings.NewReader(lines), func(line string) { got = append(got, line) }, func(number int, command string, err error) {
		if n++; err != nil || command == "last" {
			got = append(got, fmt.Sprint(number, " ", command, ": ", err))
		}
	})
	want := "d|3 x /d/error: no/error: no|100004 last: <nil>"
	if s := strings.Join(got, "|"); err != nil || n != 100003 || s != want {
		t.Errorf("%d answers, %v, %q, want %q", n, err, s, want)
	}
}

func TestBatchSaysALineBeforeTheNextIsThere(t *testing.T) {
	c := daemon(t)
	in, out := io.Pipe()
	go io.WriteString(out, "# one\n# tw")
	err := c.Batch(in, nil, func(number int, _ string, _ error) {
		if number == 1 {
			go func() {
				io.WriteString(out, "o\n")
				out.Close()
			}()
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBatchEndsWithTheDaemonAndWithACommandThatEndsAnswers(t *testing.T) {
	for _, lines := range []string{"# x\nx /leave\n" + strings.Repeat("# more\n", 100000), "# x\nsession ack  disable\n"} {
		if err := daemon(t).Batch(strings.NewReader(lines), nil, func(int, string, error) {}); err == nil {
			t.Errorf("%.30q: no error", lines)
		}
	}
}
