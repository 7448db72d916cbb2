package helper

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLivesFollowAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		h := &helper{process: Process{Name: "a"}, options: &Options{}, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		h.lives(ctx, func(context.Context) error {
			at = append(at, time.Since(begin).Round(100*time.Millisecond))
			if len(at) == 7 {
				cancel()
			}
			return errors.New("exit status 1")
		})
		ms := time.Millisecond
		want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 64 * time.Second, 65600 * ms}
		if d := cmp.Diff(want, at); d != "" {
			t.Errorf("starts (-want +got):\n%s", d)
		}
	})
}

func TestALongLifeIsFollowedAtOnce(t *testing.T) {
	var b backoff
	now := time.Unix(0, 0)
	b.started(now)
	if got := b.wait(now.Add(time.Hour)); got != 0 {
		t.Errorf("wait %v after a life of an hour", got)
	}
}

func TestStopDuringThePauseEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &helper{options: &Options{}, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		n := 0
		h.lives(ctx, func(context.Context) error { n++; return nil })
		if n != 1 {
			t.Errorf("%d lives, want 1", n)
		}
	})
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"run.sh": 0o755, "data": 0o644, "suid": os.ModeSetuid | 0o755} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ run, want, err string }{
		{"./run.sh", dir + "/run.sh", ""},
		{"run.sh", dir + "/run.sh", ""},
		{dir + "/run.sh", dir + "/run.sh", ""},
		{"./data", "", "not executable"},
		{"./suid", "", "setuid"},
		{dir, "", "not a program"},
		{"/nowhere/x", "", "no such file"},
		{"no-such-program", "", "not found in"},
		{"", "", "want a program"},
	} {
		p := Process{Name: "a", Folder: dir, Run: []string{c.run}}
		got, err := p.program()
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: got %q, %v, want %q, %q", c.run, got, err, c.want, c.err)
		}
	}
	p := Process{Name: "a", Folder: dir, Run: []string{"sh"}}
	if err := p.Check(); err != nil {
		t.Errorf("a program on PATH: %v", err)
	}
}

func TestQueueDropsWholeLinesAndSaysSoOnce(t *testing.T) {
	q := newQueue()
	big := []byte(strings.Repeat("done\n", answersMax/5))
	if ok, _ := q.put(big); !ok {
		t.Fatal("no room in an empty queue")
	}
	for i := range 3 {
		ok, first := q.put([]byte("done\ndone\n"))
		if ok || first != (i == 0) {
			t.Errorf("put %d into a full queue: ok %v, first %v", i, ok, first)
		}
	}
	var got taken
	if ok := q.take(&got); len(got.answers) != len(big) || got.lost != 6 || !ok || q.lost() != 6 {
		t.Errorf("took %d octets, %d lost, %v", len(got.answers), got.lost, ok)
	}
}

// big is an event of a size.
type big int

func (b big) AppendTo(buf []byte) []byte { return append(buf, "event\n"...) }
func (b big) Size() int                  { return int(b) }
func (b big) Events() uint64             { return 2 }

func TestEventsAreBoundedByWhatTheyHold(t *testing.T) {
	q := newQueue()
	for range eventsMax / (1 << 20) {
		if ok, _ := q.hear(big(1 << 20)); !ok {
			t.Fatal("no room")
		}
	}
	for i := range 3 {
		if ok, first := q.hear(big(1)); ok || first != (i == 0) {
			t.Errorf("event %d beyond the bound: ok %v, first %v", i, ok, first)
		}
	}
	q.put([]byte("done\n"))
	var got taken
	q.take(&got)
	if string(got.answers) != "done\n" || len(got.events) != 1 || got.lost != 0 {
		t.Errorf("first: answers %q, %d events, %d lost", got.answers, len(got.events), got.lost)
	}
	n := 1
	for ; got.lost == 0; n += len(got.events) {
		if ok := q.take(&got); !ok || len(got.answers) > 0 {
			t.Fatalf("after %d events: %v %q", n, ok, got.answers)
		}
	}
	if n != eventsMax/(1<<20) || got.lost != 6 || !q.empty() || q.size != 0 {
		t.Errorf("%d events, %d lost, %d octets left", n, got.lost, q.size)
	}
	q.hear(big(1 << 20))
	if q.close(); q.events != nil || q.size != 0 {
		t.Error("a helper that is gone holds events")
	}
	if ok, _ := q.hear(big(1)); !ok || q.size != 0 {
		t.Error("a helper that is gone hears")
	}
}

// TestEventsStayInOrder has more events come than go, and fewer.
func TestEventsStayInOrder(t *testing.T) {
	q := newQueue()
	var got taken
	next, told := 0, 0
	for round := range 2000 {
		for range 30 + 20*(round%2) - round/100 {
			q.hear(numbered(next))
			next++
		}
		if q.empty() {
			continue
		}
		q.take(&got)
		for _, e := range got.events {
			if int(e.(numbered)) != told {
				t.Fatalf("got %d, want %d", e, told)
			}
			told++
		}
	}
	if told == 0 || next-told != len(q.events)-q.head {
		t.Errorf("%d came, %d went, %d are left", next, told, len(q.events)-q.head)
	}
}

type numbered int

func (n numbered) AppendTo(b []byte) []byte { return b }
func (n numbered) Size() int                { return 400 }
func (n numbered) Events() uint64           { return 1 }

func TestWhoWaitsForRoomGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		big := []byte(strings.Repeat("x\n", answersMax/2))
		if !q.wait(append(big, big...)) {
			t.Error("an empty queue has room for whatever there is")
		}
		begin := time.Now()
		if q.wait([]byte("y\n")) || time.Since(begin) != patience || q.lost() != 1 {
			t.Errorf("after %v, %d lost", time.Since(begin), q.lost())
		}
		if q.wait([]byte("z\n")) || time.Since(begin) != patience || q.lost() != 2 {
			t.Errorf("a second time: after %v, %d lost", time.Since(begin), q.lost())
		}
		q.take(&taken{})
		q.put(big)
		q.put(big)
		go func() {
			time.Sleep(patience / 2)
			q.take(&taken{})
		}()
		if !q.wait([]byte("y\n")) {
			t.Error("there was room in time")
		}
		q.put(big)
		time.AfterFunc(patience/2, q.close)
		if q.wait(big) {
			t.Error("it was gone")
		}
	})
}

func TestMeter(t *testing.T) {
	var m meter
	now := time.Unix(100, 0)
	passed := 0
	for range 50 {
		if ok, _ := m.pass(now); ok {
			passed++
		}
	}
	ok, hidden := m.pass(now.Add(time.Second))
	if passed != errLines || !ok || hidden != 50-errLines {
		t.Errorf("passed %d, then %v with %d hidden", passed, ok, hidden)
	}
}
