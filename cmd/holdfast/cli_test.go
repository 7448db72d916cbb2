package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/appliance/helper"
	"holdfast/bgp/api"
)

// version1 is what a talker answers when it is asked which it is.
const version1 = "exabgp 4.2.21 (holdfast 1)\n"

// talker is a socket where commands are parsed and nothing comes of them; said
// is how many there were.
func talker(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "api.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	h := helper.New(helper.Options{Version: "holdfast 1", Apply: func(_ *api.Batch, done func()) { done() }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- h.Accept(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	return path
}

func TestCLI(t *testing.T) {
	path := talker(t)
	file := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(file, []byte("# one\n\nversion\nannounce nonsense\nversion"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := "announce nonsense"
	for _, c := range []struct {
		args     string
		code     int
		out, err string
	}{
		{"cli version --socket " + path, 0, version1, ""},
		{"cli --no-color --pipe --socket --pipename " + path + " version", 0, version1, ""},
		{"run version --pipename " + path, 0, version1, ""},
		{"run " + bad + " --pipename " + path, 1, "", "holdfast: column 10: want "},
		{"cli --socket " + path + " " + bad, 1, "", "holdfast: column 10: want "},
		{"cli --socket " + path + " --batch " + file, 1, version1 + version1, file + ":4: column 10: want "},
		{"cli --socket " + path + " --batch /nowhere/x", 1, "", "holdfast: open /nowhere/x: "},
		{"cli --socket " + path + " --batch /nowhere/x version", 2, "", "holdfast cli: want a command or --batch"},
		{"cli --socket /nowhere/x version", 1, "", "holdfast: no daemon answers on /nowhere/x: "},
		{"cli --pipename absent version", 1, "", "holdfast: no daemon answers on /run/holdfast/absent.sock: "},
		{"cli --socket " + path + " silence-ack", 1, "", "holdfast: silence-ack: this connection needs its answers"},
		{"run /nowhere/x.conf", 1, "", "holdfast: "},
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(c.args), &out, &errs)
		if code != c.code || out.String() != c.out || !strings.HasPrefix(errs.String(), c.err) || c.err == "" && errs.Len() > 0 {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, &out, &errs)
		}
	}
}

func TestCLIReadsStandardInput(t *testing.T) {
	path := talker(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func(was *os.File) { stdin = was }(stdin)
	stdin = in
	go func() {
		io.WriteString(out, strings.Repeat("# more\n", 100000)+"version\n")
		out.Close()
	}()
	var got, errs bytes.Buffer
	if code := run([]string{"cli", "--socket", path}, &got, &errs); code != 0 || got.String() != version1 || errs.Len() > 0 {
		t.Errorf("exit code %d, %q, %q", code, &got, &errs)
	}
}

// keys is a terminal on which these are typed.
type keys struct {
	io.Reader
	screen bytes.Buffer
}

func (k *keys) Write(b []byte) (int, error) { return k.screen.Write(b) }

func TestPrompt(t *testing.T) {
	path := talker(t)
	for _, c := range []struct{ typed, out, err, screen string }{
		{"version\rexit\r", version1, "", "holdfast> "},
		{"ann\troute 10.0.0.0/24 next-h\t10.0.0.1\r\x04", "", "", "announce route 10.0.0.0/24 next-hop 10.0.0.1"},
		{"nonsense\rversion\rquit\r", version1, "column 1: want ", ""},
		{"\x1b[A\x1b[A\r", version1, "", ""}, // two lines up: before "quit"
		{"announce \t\t\x03", "", "", "attributes  "},
	} {
		var out, errs bytes.Buffer
		s := &speech{path: path, out: &out, err: &errs}
		if err := s.dial(); err != nil {
			t.Fatal(err)
		}
		k := &keys{Reader: strings.NewReader(c.typed)}
		plain := 0
		err := s.prompt(k, func() (int, int) { return 200, 50 }, func(f func()) { plain++; f() })
		s.close()
		if err != nil || out.String() != c.out || !strings.HasPrefix(errs.String(), c.err) || c.err == "" && errs.Len() > 0 || !strings.Contains(k.screen.String(), c.screen) {
			t.Errorf("%q: %v, %q, %q, screen %q", c.typed, err, &out, &errs, &k.screen)
		}
	}
}

func TestPromptDialsAgain(t *testing.T) {
	s := &speech{path: talker(t), out: io.Discard}
	if err := s.one("bye"); err != nil {
		t.Log(err) // a daemon of which nobody says bye
	}
	s.close()
	if err := s.one("version"); err != nil {
		t.Error(err)
	}
	s.close()
}

func TestExtend(t *testing.T) {
	for _, c := range []struct {
		line  string
		words []string
		want  string
	}{
		{"announce ro", []string{"route"}, "announce route "},
		{"ann", []string{"announce"}, "announce "},
		{"announce attr", []string{"attribute", "attributes"}, "announce attribute"},
		{"x", nil, "x"},
	} {
		if got, _ := extend(c.line, c.words); got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a/history")
	h := openHistory(path)
	for i := range historyMax + 100 {
		h.Add(strings.Repeat("x", i%7+1))
		h.Add(strings.Repeat("x", i%7+1))
	}
	if h.Len() != historyMax+100 {
		t.Errorf("%d lines: the same twice is one", h.Len())
	}
	h = openHistory(path)
	again := openHistory(path)
	if h.Len() != historyMax || again.Len() != historyMax || h.At(0) != again.At(0) || h.At(999) != again.At(999) {
		t.Errorf("%d and %d lines, last %q and %q", h.Len(), again.Len(), h.At(0), again.At(0))
	}
}

func TestNameOfExaBGPsCommandLine(t *testing.T) {
	if got := strings.Join(called([]string{"/usr/sbin/exabgpcli", "show", "neighbor"}), " "); got != "cli show neighbor" {
		t.Error(got)
	}
	if got := strings.Join(called([]string{"holdfast", "status"}), " "); got != "status" {
		t.Error(got)
	}
}
