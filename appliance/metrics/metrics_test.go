package metrics

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"holdfast/lab/golden"
)

func example() *Snapshot {
	at := time.Unix(1_795_521_600, 0)
	return &Snapshot{At: time.Now(), Version: "1.0", Started: at, Routes: 3, Drains: 1, Turns: 1000, Panics: 0, Wakeups: 5, Listings: 4, Overruns: 1, LogDropped: 2,
		Neighbors: []Neighbor{{Name: "192.0.2.1", Up: true, CaughtUp: true, Changed: at, Sessions: 2, UpdatesOut: 7, UpdatesIn: 3, Announced: 6, Withdrawn: 1, Received: 9}, {Name: "fe80::1%eth0"}},
		Gates:     []Gate{{Name: "dns", Open: true, Rung: 2, Suspect: true, Changed: at, Routes: 2}, {Name: "web", Drained: true, Changed: at}},
		Checks:    []Check{{"dns", "dns 1", true}, {"dns", "exec 2", false}},
		Helpers:   []Helper{{Name: "one", Running: true, Starts: 3, Commands: 100, Errors: 1, Lost: 4}},
		Watchdog:  Watchdog{Configured: true, Armed: true, Timeout: 10 * time.Second, LastFed: at},
		Turn:      Histogram{Count: 3, Sum: 70 * time.Microsecond, Below: map[float64]uint64{0.000016384: 1, 0.000032768: 3}},
		Withdraw:  Histogram{Count: 1, Sum: 1200 * time.Microsecond, Below: map[float64]uint64{0.001048576: 0, 0.002097152: 1}}}
}

// TestExposition is what Prometheus reads.
func TestExposition(t *testing.T) {
	const file = "testdata/metrics.txt"
	got := regexp.MustCompile(`(?m)^(holdfast_snapshot_age_seconds) \S+$`).ReplaceAllString(gathered(t, example), "$1 0")
	got = regexp.MustCompile(`goversion="[^"]*"`).ReplaceAllString(got, `goversion="go"`)
	want, err := os.ReadFile(file)
	if err != nil && !*golden.Update {
		t.Fatal(err)
	}
	golden.Is(t, file, string(want), got)
}

// TestConventions has Prometheus' own linter look at the names and texts.
func TestConventions(t *testing.T) {
	problems, err := testutil.CollectAndLint(New(example))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p.Metric, p.Text)
	}
}

// TestNamesOfOctets: a gate may be named in octets that are no UTF-8, and two of
// these are not one.
func TestNamesOfOctets(t *testing.T) {
	s := &Snapshot{Gates: []Gate{{Name: "d\xff"}, {Name: "d\xfe"}}}
	text := gathered(t, func() *Snapshot { return s })
	for _, want := range []string{`holdfast_gate_open{gate="d\\xff"} 0`, `holdfast_gate_open{gate="d\\xfe"} 0`, "holdfast_withdraw_ack_seconds_count 0"} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("want %s in:\n%s", want, text)
		}
	}
}

// gathered is what Prometheus reads.
func gathered(t *testing.T, look func() *Snapshot) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(New(look))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestNothingIsKnownYet(t *testing.T) {
	if n := testutil.CollectAndCount(New(func() *Snapshot { return nil })); n != 0 {
		t.Error(n)
	}
}

// TestServer moves from a socket to an address, and to nowhere.
func TestServer(t *testing.T) {
	taken := make(chan net.Listener, 1)
	listen := func(path string) (net.Listener, error) {
		if strings.Contains(path, "none") {
			taken <- nil
			return nil, errors.New("no such folder")
		}
		l, err := net.Listen("unix", path)
		taken <- l
		return l, err
	}
	s := NewServer(slog.New(slog.DiscardHandler), New(example), listen)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	s.Want("/none/metrics.sock") // which does not hold anybody up
	<-taken
	path := filepath.Join(t.TempDir(), "metrics.sock")
	s.Want(path)
	<-taken
	if text := get(t, path, "/metrics"); !strings.Contains(text, "holdfast_gate_open{gate=\"dns\"} 1\n") || !strings.Contains(text, "process_resident_memory_bytes") {
		t.Error(text)
	}
	if text := get(t, path, "/"); !strings.Contains(text, "404") {
		t.Error(text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("somebody still answers")
	}
}

// TestManyConnect: who connects and says nothing takes no more descriptors than
// there are for him.
func TestManyConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.sock")
	s := NewServer(slog.New(slog.DiscardHandler), New(example), func(path string) (net.Listener, error) {
		l, err := net.Listen("unix", path)
		return &counted{Listener: l, most: conns, t: t}, err
	})
	l, err := s.listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.answer(ctx, l) }()
	var silent []net.Conn
	for range 2 * conns {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, c)
	}
	for _, c := range silent {
		c.Close()
	}
	if text := get(t, path, "/metrics"); !strings.Contains(text, "holdfast_routes 3\n") {
		t.Error(text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// counted has at most so many connections open.
type counted struct {
	net.Listener
	open atomic.Int32
	most int32
	t    *testing.T
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if n := l.open.Add(1); n > l.most {
		l.t.Errorf("%d connections are open", n)
	}
	return closing{c, sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

func get(t *testing.T, socket, path string) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	r, err := c.Get("http://box" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
