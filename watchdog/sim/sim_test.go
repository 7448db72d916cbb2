package sim

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/watchdog"
)

// TestMain is the command of a simulated machine as well: a life of it.
func TestMain(m *testing.M) {
	if how := os.Getenv("SIM_LIFE"); how != "" {
		os.Exit(life(how, os.Getenv("SIM_SOCKET")))
	}
	os.Exit(m.Run())
}

// life opens the watchdog and, in the first boot, does what it was told; in a
// boot after a reset it stops in order.
func life(how, socket string) int {
	d, err := Dial(socket)
	if err != nil {
		fmt.Println(err)
		return 9
	}
	fmt.Printf("boot reset=%v\n", d.Info().CausedReset)
	if d.Info().CausedReset {
		d.Disarm()
		return 3
	}
	switch how {
	case "crash":
		return 7
	case "hang":
		select {}
	case "feed":
		for range 120 { // for longer than the timeout
			d.Feed()
			time.Sleep(50 * time.Millisecond)
		}
		d.Disarm()
	}
	return 0
}

// output is a buffer that two processes' output may go to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func TestLives(t *testing.T) {
	for _, c := range []struct {
		how, said string
		code      int
		timeout   time.Duration
	}{
		{"feed", "boot reset=false\n", 0, 5 * time.Second}, // a stall is shorter
		{"hang", "boot reset=false\nboot reset=true\n", 3, time.Second},
		{"crash", "boot reset=false\nboot reset=true\n", 3, time.Second},
	} {
		t.Run(c.how, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "dog")
			t.Setenv("SIM_LIFE", c.how)
			t.Setenv("SIM_SOCKET", socket)
			var out output
			code, err := Supervise(t.Context(), Options{Socket: socket, Timeout: c.timeout, Command: []string{os.Args[0]}, Stdout: &out})
			if err != nil || code != c.code || out.b.String() != c.said {
				t.Errorf("code %d, %v, said:\n%s", code, err, out.b.String())
			}
		})
	}
}

func TestTheDog(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := dog{timeout: 2 * time.Second}
	if d.due(now.Add(time.Hour)) {
		t.Error("bites before it was opened")
	}
	if !d.take(now) || d.take(now) {
		t.Error("want one opener")
	}
	d.feed(now.Add(time.Second))
	if d.due(now.Add(2 * time.Second)) {
		t.Error("bites although fed")
	}
	if d.release(false); d.due(now.Add(2*time.Second)) || !d.due(now.Add(3*time.Second)) || !d.reset {
		t.Error("want a bite although closed: there was no magic")
	}
	d = dog{timeout: time.Second, nowayout: true}
	d.take(now)
	if d.release(true); !d.due(now.Add(time.Second)) {
		t.Error("want a bite although magic: nowayout")
	}
}

func TestSecondOpenerIsToldWhoHoldsIt(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "dog")
	s, err := listen(socket, dog{timeout: time.Minute}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	first, err := Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Dial(socket); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("held by process %d", os.Getpid())) {
		t.Error(err)
	}
	if got, err := first.SetTimeout(2500 * time.Millisecond); err != nil || got != 3*time.Second || first.Info().Timeout != got {
		t.Error(got, err)
	}
	if _, err := listen(socket, dog{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two simulators on one socket")
	}
}

func TestStoppedByContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	socket := filepath.Join(t.TempDir(), "dog")
	code, err := Supervise(ctx, Options{Socket: socket, Command: []string{"sleep", "60"}})
	if err != nil || code == 0 {
		t.Error(code, err)
	}
}

var _ watchdog.Device = (*client)(nil)
