package checker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/health"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// made is a check at work, whose verdicts so far are those of the script.
func made(name string, kind health.Kind, verdicts string) *running {
	r := &running{check: health.Check{Probe: health.Probe{Kind: kind, Command: name}}}
	r.Timing = health.Timing{Rise: 2, Fall: 2}
	look := script(verdicts)
	for range verdicts {
		v, _ := look(nil, r.check)
		r.Step(v)
	}
	return r
}

func commands(rs []*running) (names []string) {
	for _, r := range rs {
		names = append(names, r.check.Command)
	}
	return names
}

// TestQueueTakesUrgentOnesFirst: where there is room for some only, those come
// first that are about to change, whenever they were due.
func TestQueueTakesUrgentOnesFirst(t *testing.T) {
	q := newQueue(6)
	for i, r := range []*running{
		made("up", health.TCP, "oo"), made("new", health.DNS, ""), made("down", health.TCP, "ff"), made("falling", health.TCP, "oof"),
		made("rising", health.ICMP, "ffo"), made("command", health.Exec, "oo"), made("later", health.TCP, "oo"),
	} {
		q.add(r, noon.Add(time.Duration(i)*time.Second))
	}
	first := q.take(noon.Add(5 * time.Second))
	got := commands(first)
	q.done(first[0])
	got = append(append(got, "|"), commands(q.take(noon.Add(5*time.Second)))...)
	if due, ok := q.next(); !ok || due != noon.Add(6*time.Second) {
		t.Error("next is", due, ok)
	}
	if d := cmp.Diff([]string{"falling", "rising", "up", "command", "|", "new"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestQueueDropsWhatIsGone(t *testing.T) {
	q := newQueue(2)
	a, b, c := made("a", health.TCP, ""), made("b", health.TCP, "o"), made("c", health.TCP, "")
	for _, r := range []*running{a, b, c} {
		q.add(r, noon)
	}
	first := commands(q.take(noon)) // there is room for one
	d := made("d", health.TCP, "")
	q.add(d, noon.Add(time.Second))
	a.gone, d.gone = true, true
	q.drop()
	if _, some := q.next(); some {
		t.Error("something is due")
	}
	q.done(b)
	if d := cmp.Diff([]string{"b", "c"}, append(first, commands(q.take(noon))...)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestQueueAtRandom: no more looks at once than there is room for, each check has
// its turn, and none two.
func TestQueueAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	q, now := newQueue(20), noon
	var looking []*running
	turns := map[string]int{}
	for i := range 100 {
		q.add(made(fmt.Sprint(i), health.Kind(random.IntN(5)), ""), now.Add(spread(i, 100)))
	}
	for range 5000 {
		begin := q.take(now)
		for _, r := range begin {
			if turns[r.check.Command]++; slices.Contains(looking, r) {
				t.Fatal("looked at twice at once:", r.check)
			}
		}
		looking = append(looking, begin...)
		if len(looking) > 10+roomForExecs || q.natives.busy > 10 || q.execs.busy > roomForExecs {
			t.Fatal("too many at once:", len(looking))
		}
		random.Shuffle(len(looking), func(i, j int) { looking[i], looking[j] = looking[j], looking[i] })
		for range min(random.IntN(5), len(looking)) {
			r := looking[0]
			looking = looking[1:]
			q.done(r)
			r.Step(health.Verdict(random.IntN(3)))
			q.add(r, now.Add(time.Duration(random.IntN(1000))*time.Millisecond))
		}
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	for i := range 100 {
		if n := turns[fmt.Sprint(i)]; n < 20 {
			t.Errorf("%d had %d turns", i, n)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		i, n int
		want time.Duration
	}{{0, 1, 0}, {9, 10, 9 * pace}, {9999, 10_000, 9999 * pace}, {50_000, 100_000, wholeSpread / 2}} {
		if got := spread(c.i, c.n); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.i, c.n, got, c.want)
		}
	}
}

// many is n checks that differ.
func many(n int) (checks []health.Check) {
	for i := range n {
		c := health.DefaultCheck
		c.Probe = health.Probe{Kind: health.TCP, Name: fmt.Sprint(i)}
		checks = append(checks, c)
	}
	return checks
}

// TestTenThousandBegin: they do not begin in one instant, and all have their
// verdict soon.
func TestTenThousandBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		begin := time.Now()
		var mu sync.Mutex
		begun, told := map[time.Duration]int{}, map[health.Check]time.Duration{}
		s := NewSet(func(c health.Check, h health.Standing) {
			if h.Told == health.Up {
				told[c] = time.Since(begin)
			}
		})
		s.look = func(context.Context, health.Check) (health.Verdict, string) {
			mu.Lock()
			begun[time.Since(begin)]++
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			return health.Pass, ""
		}
		s.Want(many(n))
		time.Sleep(10 * time.Second)
		s.Close(context.Background())
		most, last := 0, time.Duration(0)
		for _, k := range begun {
			most = max(most, k)
		}
		for _, at := range told {
			last = max(last, at)
		}
		if most > 8 || len(told) != n || last > wholeSpread+2*time.Second+100*time.Millisecond {
			t.Errorf("at most %d at once, %d of %d are up, the last after %s", most, len(told), n, last)
		}
	})
}

// TestSetWaitsForNobody: checks that hang hold up neither those of another sort
// nor, as long as there is room, any other.
func TestSetWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up []string
		s := NewSet(func(c health.Check, h health.Standing) {
			if h.Told == health.Up {
				up = append(up, c.Name)
			}
		})
		s.look = func(ctx context.Context, c health.Check) (health.Verdict, string) {
			if c.Kind == health.Exec {
				<-ctx.Done()
			}
			return health.Pass, ""
		}
		checks := many(2)
		for i := range 100 {
			checks = append([]health.Check{{Timing: health.DefaultCheck.Timing, Timeout: time.Hour, Probe: health.Probe{Command: fmt.Sprint("hangs ", i)}}}, checks...)
		}
		s.Want(checks)
		time.Sleep(3 * time.Second)
		s.mu.Lock()
		busy := s.queue.execs.busy
		s.mu.Unlock()
		s.Close(context.Background())
		if slices.Sort(up); !slices.Equal(up, []string{"0", "1"}) || busy != roomForExecs {
			t.Errorf("up are %q while %d commands hang", up, busy)
		}
	})
}

// TestPassed: a check has passed once it has been up, and that is kept as long as
// it looks at the same.
func TestPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := NewSet(func(c health.Check, h health.Standing) {
			if h.Told != health.Init {
				got = append(got, fmt.Sprint(c.Command, " ", h.Told, " ", h.Passed))
			}
		})
		verdict := health.Fail
		s.look = func(context.Context, health.Check) (health.Verdict, string) { return verdict, "why" }
		c := health.Check{Timing: health.Timing{Rise: 1, Fall: 1, Interval: time.Second}, Probe: health.Probe{Command: "a"}}
		want := func(v health.Verdict) {
			verdict = v
			s.Want([]health.Check{c})
			time.Sleep(1500 * time.Millisecond)
			synctest.Wait()
		}
		want(health.Fail)
		want(health.Pass)
		want(health.Fail)
		c.Interval = 500 * time.Millisecond
		want(health.Fail)
		c.Command = "b"
		want(health.Fail)
		s.Close(context.Background())
		if d := cmp.Diff([]string{"a DOWN false", "a UP true", "a DOWN true", "a DOWN true", "b DOWN false"}, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// TestTwoThatLookAtTheSame: what was known of each is not given to a third.
func TestTwoThatLookAtTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[time.Duration]health.Standing{}
		s := NewSet(func(c health.Check, h health.Standing) { told[c.Interval] = h })
		s.look = script("")
		c := health.Check{Timing: health.Timing{Rise: 1, Fall: 1, Interval: time.Second}, Probe: health.Probe{Command: "a"}}
		other, third := c, c
		other.Interval, third.Interval = 2*time.Second, 3*time.Second
		s.Want([]health.Check{c, other})
		time.Sleep(time.Second / 2)
		synctest.Wait()
		s.look = func(ctx context.Context, _ health.Check) (health.Verdict, string) {
			<-ctx.Done()
			return health.Pass, ""
		}
		s.Want([]health.Check{third})
		if _, known := told[third.Interval]; known || len(told) != 2 {
			t.Error(told)
		}
		s.Close(context.Background())
	})
}

// TestRunner: who is given runs commands in place of our shell, within the
// check's time.
func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := NewSet(func(c health.Check, h health.Standing) {
			got = append(got, fmt.Sprint(c.Command, ": ", h.Told, " ", h.Text))
		})
		s.Runner = func(ctx context.Context, command string, env []string) error {
			switch command {
			case "hangs":
				<-ctx.Done()
				return ctx.Err()
			case "fails":
				return errors.New("exit status 9")
			}
			return nil
		}
		for _, command := range []string{"well", "fails", "hangs"} {
			s.Want([]health.Check{{Timing: health.Timing{Rise: 1, Fall: 1, Interval: time.Minute}, Timeout: 2 * time.Second, Probe: health.Probe{Command: command}}})
			time.Sleep(3 * time.Second)
		}
		s.Close(context.Background())
		if d := cmp.Diff([]string{"well: UP ", "fails: DOWN failed 1 of 1: exit status 9", "hangs: DOWN failed 1 of 1: did not end within 2s"}, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}
