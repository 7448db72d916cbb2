package helper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/bgp/api"
)

// parley is a socket whose commands are applied by apply.
func parley(t *testing.T, o Options) (h *Helpers, dial func() net.Conn) {
	t.Helper()
	o.Version, o.UUID = "holdfast 0", "one life"
	if o.Apply == nil {
		o.Apply = func(_ *api.Batch, done func()) { done() }
	}
	h = New(o)
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- h.Accept(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h, func() net.Conn {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// says writes text and gives the next lines.
func says(t *testing.T, c net.Conn, r *bufio.Reader, text string, lines int) string {
	t.Helper()
	if c != nil {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	for range lines {
		s, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, b.String())
		}
		b.WriteString(s)
	}
	return b.String()
}

func TestClientsAreAnsweredEachByItself(t *testing.T) {
	_, dial := parley(t, Options{})
	a, b := dial(), dial()
	ra, rb := bufio.NewReader(a), bufio.NewReader(b)
	if got := says(t, b, rb, "version\n# x\n", 3); got != "exabgp 4.2.21 (holdfast 0)\ndone\ndone\n" {
		t.Errorf("second client: %q", got)
	}
	if got, want := says(t, b, rb, "session ping\n", 2), `{ "pong": "one life", "active": true }`+"\ndone\n"; got != want {
		t.Errorf("ping: got %q, want %q", got, want)
	}
	if got := says(t, a, ra, "# half a line and ", 0) + says(t, a, ra, "the rest\n", 1); got != "done\n" {
		t.Errorf("first client: %q", got)
	}
}

func TestEveryAnswerReachesAClientThatEndsItsLines(t *testing.T) {
	_, dial := parley(t, Options{})
	c := dial()
	go func() {
		io.WriteString(c, strings.Repeat("# x\n", 500000))
		c.(*net.UnixConn).CloseWrite()
	}()
	all, err := io.ReadAll(c)
	if n := strings.Count(string(all), "done\n"); n != 500000 || err != nil {
		t.Errorf("%d answers, %v", n, err)
	}
}

func TestAClientThatNeverReadsIsReadNoMore(t *testing.T) {
	_, dial := parley(t, Options{})
	c, other := dial(), dial()
	go io.WriteString(c, strings.Repeat("# x\n", 10000000)) // blocks until the test ends
	for range 100 {
		if got := says(t, other, bufio.NewReader(other), "# x\n", 1); got != "done\n" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestBoundedNumberOfClients(t *testing.T) {
	_, dial := parley(t, Options{})
	for range maxClients {
		c := dial()
		says(t, c, bufio.NewReader(c), "# x\n", 1)
	}
	got, err := io.ReadAll(dial())
	if want := fmt.Sprintf("error: there are %d clients already\nerror\n", maxClients); string(got) != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// scripted is a session over strings: each line is an item of that Kind, and
// those that are Alone refuse a batch which has others.
func scripted(t *testing.T, apply func(*api.Batch, func()), kinds string) (answers string) {
	t.Helper()
	in, out := net.Pipe()
	words := map[string]api.Kind{"on": api.SyncOn, "off": api.SyncOff, "query": api.Query, "bye": api.Bye, "say": api.Announce, "clear": api.ClearOut}
	o := Options{Log: slog.New(slog.DiscardHandler), Apply: apply}
	q := newQueue()
	s := session{options: &o, log: o.Log, in: strings.NewReader(kinds), queue: q, say: q.wait, applied: func(*api.Batch) {}, leaves: true, ack: true}
	s.parse = func(b *api.Batch, line []byte) bool {
		k := words[string(line)]
		if k == api.Query && b.Commands > 0 {
			return false
		}
		b.Items = append(b.Items, api.Item{Kind: k, Command: b.Commands})
		b.Commands++
		b.Alone = k == api.Query
		return true
	}
	go func() {
		q.pump(in, func(uint64) {})
		in.Close()
	}()
	go func() {
		s.run()
		q.finish()
	}()
	all, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	return string(all)
}

func TestAlone(t *testing.T) {
	var got []string
	running := 0
	answers := scripted(t, func(b *api.Batch, done func()) {
		running++
		got = append(got, fmt.Sprint(b.Commands, b.Alone, running))
		if b.Alone {
			b.Say([]byte("data\n"))
		}
		running--
		done()
	}, "say\nsay\nquery\nquery\nsay\n")
	if want := []string{"2 false 1", "1 true 1", "1 true 1", "1 false 1"}; !slices.Equal(got, want) {
		t.Errorf("batches %q, want %q", got, want)
	}
	if want := "done\ndone\ndata\ndone\ndata\ndone\ndone\n"; answers != want {
		t.Errorf("answers %q, want %q", answers, want)
	}
}

// TestClearIsNotOvertaken: what is said behind "clear adj-rib out" waits until that is
// done, in the batches that follow as well.
func TestClearIsNotOvertaken(t *testing.T) {
	says := func(n int) string { return strings.Repeat("say\n", n) }
	for _, c := range []struct {
		name, kinds string
		want        []string // of each batch: how many commands, and how many batches were not done
	}{
		{"no clear", says(1200), []string{"512 1", "512 2", "176 3"}},
		{"first", "clear\n" + says(1199), []string{"512 1", "512 1", "176 2"}},
		{"last", says(1023) + "clear\n" + says(176), []string{"512 1", "512 1", "176 1"}},
		{"in between", says(600) + "clear\n" + says(599), []string{"512 1", "512 1", "176 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				var running atomic.Int32
				answers := scripted(t, func(b *api.Batch, done func()) {
					got = append(got, fmt.Sprint(b.Commands, " ", running.Add(1)))
					time.AfterFunc(time.Second, func() { running.Add(-1); done() })
				}, c.kinds)
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("batches (-want +got):\n%s", d)
				}
				if n := strings.Count(answers, "done\n"); n != 1200 {
					t.Errorf("%d answers", n)
				}
			})
		})
	}
}

func TestAnswersKeepTheOrderOfCommandsThatWait(t *testing.T) {
	var got []bool
	var late func()
	answers := scripted(t, func(b *api.Batch, done func()) {
		got = append(got, b.Sync)
		b.Items[0].Err = fmt.Errorf("%d", len(got))
		if b.Sync && late == nil {
			late = done // until a batch that does not wait is done
			return
		}
		done()
		if len(got) == 3 {
			late()
		}
	}, "on\nsay\noff\nsay\n")
	if want := []bool{false, true, false}; !slices.Equal(got, want) {
		t.Errorf("sync %v, want %v", got, want)
	}
	if want := "error: 1\nerror\nerror: 2\nerror\ndone\nerror: 3\nerror\n"; answers != want {
		t.Errorf("answers %q, want %q", answers, want)
	}
}

func TestByeIsTheLastCommand(t *testing.T) {
	n := 0
	answers := scripted(t, func(b *api.Batch, done func()) { n += b.Commands; done() }, "say\nbye\nsay\n")
	if n != 2 || answers != "done\ndone\n" {
		t.Errorf("%d commands, answers %q", n, answers)
	}
}

// TestNamedPipes: as exabgpcli uses them, one client after another, of which one
// goes without its answer.
func TestNamedPipes(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "run/exabgp")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if findPipes(root, "exabgp") != nil {
		t.Fatal("there are none")
	}
	for _, end := range []string{".in", ".out"} {
		if err := unix.Mkfifo(filepath.Join(dir, "exabgp"+end), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := findPipes(root, "exabgp")
	if p == nil {
		t.Fatal("not found")
	}
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Attend(ctx, *p) }()
	r.until("pipes", r.logged("named pipes"))
	rush(t, p.in, "# nobody waits for this\nbye\n")
	r.until("commands", func() bool { return r.commands == 2 })
	for i := range 3 {
		out, err := os.OpenFile(p.out, os.O_RDWR|unix.O_NONBLOCK, 0) // for writing too: no writer is no end
		if err != nil {
			t.Fatal(err)
		}
		rush(t, p.in, "version\n")
		in := bufio.NewReader(out)
		got := says(t, nil, in, "", 1)
		for n := 0; i == 0 && n < 2 && got == "done\n"; n++ { // a slow daemon answers the one before now
			got = says(t, nil, in, "", 1)
		}
		if got += says(t, nil, in, "", 1); got != "exabgp 4.2.21 (holdfast 0)\ndone\n" {
			t.Errorf("got %q", got)
		}
		out.Close()
	}
	if _, err := p.open(); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("a second daemon: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func rush(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// TestClientsThatComeAndGoLeaveNothing: some of them without their answers, and in
// the middle of a line.
func TestClientsThatComeAndGoLeaveNothing(t *testing.T) {
	_, dial := parley(t, Options{})
	once := func(n int) {
		c := dial()
		if n%3 == 0 {
			says(t, c, bufio.NewReader(c), "# x\n", 1)
		} else {
			io.WriteString(c, "help\nhelp\nhal"[:n%13])
		}
		c.Close()
	}
	ours := func() (n int) {
		all := make([]byte, 1<<20)
		return strings.Count(string(all[:runtime.Stack(all, true)]), "helper.(*")
	}
	once(0)
	files := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	open := files()
	for n := range 1000 {
		once(n)
	}
	for files() > open || ours() > 2 { // Accept's, and its parley's
		runtime.Gosched()
	}
}

// TestNamedPipesThatNobodyEmptiesEndAtOnce: who opened the pipe of answers and does
// not read it does not keep the daemon.
func TestNamedPipesThatNobodyEmptiesEndAtOnce(t *testing.T) {
	base := filepath.Join(t.TempDir(), "exabgp")
	p := Pipes{base + ".in", base + ".out"}
	for _, path := range []string{p.in, p.out} {
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Attend(ctx, p) }()
	r.until("pipes", r.logged("named pipes"))
	out, err := os.OpenFile(p.out, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	rush(t, p.in, strings.Repeat("help\n", 100))
	r.until("a full pipe", func() bool {
		n, err := unix.IoctlGetInt(int(out.Fd()), unix.TIOCINQ)
		return err == nil && n > 60000
	})
	cancel()
	select {
	case <-ended:
	case <-time.After(patience / 3):
		t.Error("the daemon waits for who does not read")
	}
}
