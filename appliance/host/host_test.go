package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is the host's process too, as the unit starts it.
func TestMain(m *testing.M) {
	if os.Getenv("BE_HOST") != "" {
		if err := Serve(os.Stdin, 20*time.Second); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// manager is a service manager with a socket that has Accept=yes: it starts a host
// for each connection, which is the host's standard input.
func manager(t *testing.T) (path string, hosts chan *exec.Cmd) {
	t.Helper()
	path, hosts = filepath.Join(t.TempDir(), "s"), make(chan *exec.Cmd, 100)
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			f, _ := c.File()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "BE_HOST=1", "FROM=host")
			cmd.Stdin, cmd.Stderr = f, os.Stderr
			if err := cmd.Start(); err != nil {
				t.Error(err)
			}
			f.Close()
			c.Close()
			hosts <- cmd
		}
	}()
	return path, hosts
}

// outside starts programs in hosts of a manager.
func outside(t *testing.T) (*Outside, chan *exec.Cmd) {
	t.Helper()
	path, hosts := manager(t)
	o := &Outside{Path: path, Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(o.Close)
	return o, hosts
}

// within fails a test that would wait for ever.
func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain: %s", what)
	}
	return v
}

// run runs a shell's command, and gives what it said and how it ended.
func run(t *testing.T, start Start, command string) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := start(Program{Path: "/bin/sh", Args: []string{"-c", command}, Env: []string{"WHO=me"}, Out: w})
	w.Close()
	if err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() { done <- p.Wait() }() // which ends who else has the pipe
	b, _ := io.ReadAll(r)
	return string(b), within(t, "its end", done)
}

// TestRun: here and outside are alike, but for the environment.
func TestRun(t *testing.T) {
	o, _ := outside(t)
	for name, start := range map[string]Start{"here": Here, "outside": o.Start} {
		for _, c := range []struct{ command, said, err string }{
			{"echo $WHO", "me\n", ""},
			{"exit 3", "", "exit status 3"},
			{"kill -9 $$", "", "signal: killed"},
			{"cat", "", ""}, // there is nothing to read
			{"sleep 1000 & exit 0", "", ""},
		} {
			said, err := run(t, start, c.command)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if said != c.said || got != c.err {
				t.Errorf("%s: %s: said %q, %q", name, c.command, said, got)
			}
		}
		if _, err := start(Program{Path: "/nonexistent"}); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if said, _ := run(t, o.Start, "echo $FROM"); said != "host\n" {
		t.Errorf("it ran somewhere else: %q", said)
	}
}

// TestEveryStartHasItsHost, and all commands of a shell have one together.
func TestEveryStartHasItsHost(t *testing.T) {
	o, hosts := outside(t)
	for range 3 {
		if _, err := run(t, o.Start, "true"); err != nil {
			t.Fatal(err)
		}
		if err := within(t, "a host of its own", hosts).Wait(); err != nil { // it ends with its program
			t.Error(err)
		}
	}
	for range 3 {
		if err := o.Shell(t.Context(), "test $FROM = host", nil); err != nil {
			t.Fatal(err)
		}
	}
	h := within(t, "the host of all", hosts)
	if len(hosts) != 0 {
		t.Error("more than one host for all")
	}
	h.Process.Kill() // and when it has gone, there is another one
	h.Wait()
	gone := func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.shared.ended() }
	for !gone() {
		time.Sleep(time.Millisecond)
	}
	if err := o.Shell(t.Context(), "true", nil); err != nil {
		t.Error(err)
	}
}

// TestShellEnds: when its time is over, all of its group ends.
func TestShellEnds(t *testing.T) {
	o, _ := outside(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Shell(ctx, "sleep 1000 >"+pipe+" & wait", nil) }()
	r, err := os.Open(pipe) // opens when the inner program has
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if err := within(t, "the end", done); err == nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(r); err != nil || len(b) != 0 { // ends when the inner program has
		t.Error(b, err)
	}
}

// TestShellOfAStuckHost: a host that does nothing is waited for as long as the
// command may take.
func TestShellOfAStuckHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := &Outside{Path: path, Log: slog.New(slog.DiscardHandler)}
	defer o.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := l.AcceptUnix()
		if err == nil {
			_, _ = c.Read(make([]byte, longest)) // and that was all
			cancel()
			<-t.Context().Done()
			c.Close()
		}
	}()
	if err := o.Shell(ctx, "true", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestHangUp: with the daemon its programs end, asked first.
func TestHangUp(t *testing.T) {
	path, hosts := manager(t)
	h, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	r, w, _ := os.Pipe()
	defer r.Close()
	if _, err := h.Start(Program{Path: "/bin/sh", Args: []string{"-c", "trap 'echo bye; exit' TERM; echo on; while :; do sleep 0.01; done"}, Out: w}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	b := make([]byte, 3)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if rest, err := io.ReadAll(r); string(rest) != "bye\n" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if err := within(t, "the host", hosts).Wait(); err != nil {
		t.Error(err)
	}
}

// TestHostDies: its programs are over, and say why.
func TestHostDies(t *testing.T) {
	o, hosts := outside(t)
	p, err := o.Start(Program{Path: "/bin/sleep", Args: []string{"1000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(p.PID(), syscall.SIGKILL) // as the unit's end would
	within(t, "the host", hosts).Process.Kill()
	done := make(chan error)
	go func() { done <- p.Wait() }()
	if err := within(t, "the end", done); !errors.Is(err, errHung) {
		t.Error(err)
	}
}

// TestNobodyListens: then programs run here, and the log says so once.
func TestNobodyListens(t *testing.T) {
	var log strings.Builder
	o := &Outside{Path: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		if err := o.Shell(t.Context(), "test -z $FROM", nil); err != nil {
			t.Error(err)
		}
		if said, err := run(t, o.Start, "echo $WHO"); said != "me\n" || err != nil {
			t.Errorf("%q, %v", said, err)
		}
	}
	if strings.Count(log.String(), "own walls") != 1 {
		t.Error(log.String())
	}
}

// TestPrivateProgram: what only we may run, runs here.
func TestPrivateProgram(t *testing.T) {
	o, hosts := outside(t)
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := o.Start(Program{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err == nil || err.Error() != "exit status 3" || p.Unit() != "" || len(hosts) != 0 {
		t.Error(err, p.Unit(), len(hosts))
	}
}

func TestTooLong(t *testing.T) {
	o, _ := outside(t)
	if _, err := o.Start(Program{Path: "/bin/true", Env: []string{strings.Repeat("x", 1<<20)}}); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
}

func TestUnitOf(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/system-holdfast\\x2dhelper.slice/holdfast-helper@3-812-0.service\n": "holdfast-helper@3-812-0.service",
		"0::/system.slice/holdfast-helper@1.service/sub\n":                                    "holdfast-helper@1.service",
		"0::/\n":                             "",
		"12:cpu:/x.service\n0::/a.scope\n":   "a.scope",
		"":                                   "",
		"0::/user.slice/user-0.slice/c1/c2 ": "",
	} {
		if got := unitOf(text); got != want {
			t.Errorf("%q is in %q, want %q", text, got, want)
		}
	}
}

// FuzzReplies: a host may be whoever has taken it over, and can end its own
// programs at most.
func FuzzReplies(f *testing.F) {
	for _, s := range []string{`{"id":1,"pid":7,"unit":"u"}`, `{"id":1,"status":0}`, `{"id":1,"error":"x"}`, `{"id":2,"pid":1}`, `{"id":1,"pid":-1}`, `{`, `null`, `{"id":1,"status":4294967295}`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		r := &remote{started: make(chan struct{}), gone: make(chan struct{})}
		h := &Host{programs: map[uint32]*remote{1: r}}
		r.host, r.id = h, 1
		for _, s := range []string{a, b, a, b} {
			h.take([]byte(s))
		}
		select {
		case <-r.gone:
			if p, err := r.quick(); (p == nil) == (err == nil) {
				t.Error("neither started nor not")
			}
			if len(h.programs) != 0 {
				t.Error("it is gone and there")
			}
			if r.err != nil && r.err.Error() == "" {
				t.Error("no reason")
			}
		default:
			if h.programs[1] != r {
				t.Error("lost")
			}
		}
	})
}
