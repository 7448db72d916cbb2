package watchdog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/watchdog"
	"holdfast/watchdog/watchdogtest"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestKeeperFeedsOnProofOfProgress(t *testing.T) {
	d := &watchdogtest.Device{I: watchdog.Info{Path: "/dev/watchdog0", Timeout: 4 * time.Second}}
	var told []string
	k := watchdog.NewKeeper(d, nil, func(armed bool, why string) { told = append(told, fmt.Sprint(armed, " ", why)) })
	var loop, plan uint64
	k.Witness("the loop", func() uint64 { return loop }, 2*time.Second)
	k.Witness("the plan", func() uint64 { return plan }, 3*time.Second)
	if k.State().Armed {
		t.Error("armed before it was ever fed")
	}
	now := start
	step := func(n int, progress func()) (fed int) {
		before := d.Fed
		for range n {
			progress()
			now = k.Step(now)
		}
		return d.Fed - before
	}
	both := func() { loop++; plan++ }
	if n := step(5, both); n != 5 {
		t.Errorf("fed %d times of 5", n)
	}
	if n := step(6, func() { plan++ }); n != 2 {
		t.Errorf("fed %d times while the loop hangs", n)
	}
	if s := k.State(); s.Armed || cmp.Diff([]string{"the loop"}, s.Stalled) != "" {
		t.Errorf("%+v", s)
	}
	if n := step(2, both); n != 2 {
		t.Errorf("fed %d times after it went on", n)
	}
	d.Err = errors.New("input/output error")
	step(1, both)
	want := []string{"true ", "false the loop makes no progress", "true ", "false input/output error"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRefuse: it does not feed again, whatever goes on.
func TestRefuse(t *testing.T) {
	d := &watchdogtest.Device{I: watchdog.Info{Path: "/dev/watchdog0", Timeout: 4 * time.Second}}
	k := watchdog.NewKeeper(d, nil, func(bool, string) {})
	now := k.Step(start)
	k.Refuse("version 2 is not proven")
	k.Refuse("another reason")
	for range 5 {
		now = k.Step(now)
	}
	if s := k.State(); d.Fed != 1 || s.Armed || s.Why != "version 2 is not proven" || k.Refused() != s.Why || !s.LastFed.Equal(start) {
		t.Errorf("fed %d times, %+v", d.Fed, s)
	}
}

// TestAnotherTimeout: what waits for witnesses waits for half of the new one.
func TestAnotherTimeout(t *testing.T) {
	d := &watchdogtest.Device{I: watchdog.Info{Timeout: time.Minute}}
	k := watchdog.NewKeeper(d, nil, func(bool, string) {})
	k.Witness("the loop", func() uint64 { return 1 }, 0)
	k.Step(start)
	k.Step(start.Add(10 * time.Second))
	if got, err := k.SetTimeout(10 * time.Second); err != nil || got != 10*time.Second || k.Patience() != 5*time.Second || !k.State().Armed {
		t.Error(got, err, k.Patience(), k.State())
	}
	if k.Step(start.Add(11 * time.Second)); k.State().Armed {
		t.Error("fed")
	}
}

func TestOpenWhatIsNotThere(t *testing.T) {
	if _, err := watchdog.Open("/dev/watchdog-none"); err == nil || err.Error() != "open /dev/watchdog-none: no such file or directory" {
		t.Error(err)
	}
}

func TestFindNamesWhatIsThere(t *testing.T) {
	if _, err := watchdog.Find("no such timer"); err == nil {
		t.Error("found")
	}
}

// TestTheLastWordIsTrue: who asks to be told while the keeper steps is not left
// with what was true before.
func TestTheLastWordIsTrue(t *testing.T) {
	yield := func() {
		for range rand.IntN(4) {
			runtime.Gosched()
		}
	}
	d := &watchdogtest.Device{}
	var last atomic.Bool
	k := watchdog.NewKeeper(d, nil, func(armed bool, _ string) {
		yield()
		last.Store(armed)
	})
	k.Witness("the loop", func() uint64 { yield(); return 1 }, 0)
	for i := range 2000 {
		d.Err = nil
		if i%2 != 0 {
			d.Err = errors.New("input/output error")
		}
		var asks sync.WaitGroup
		asks.Go(k.Tell)
		k.Step(start)
		asks.Wait()
		if armed := k.State().Armed; last.Load() != armed {
			t.Fatalf("round %d: told %v, it is %v", i, last.Load(), armed)
		}
	}
}

// TestMeanwhile: what is done in time needs nobody; what is not is fed until then, and
// stays armed.
func TestMeanwhile(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		fed   int
	}{{19 * time.Second, 0}, {30500 * time.Millisecond, 11}} {
		synctest.Test(t, func(t *testing.T) {
			d := &watchdogtest.Device{I: watchdog.Info{Timeout: time.Minute}}
			done := watchdog.Meanwhile(20*time.Second, func() (watchdog.Device, error) { return d, nil })
			time.Sleep(c.takes)
			done()
			if d.Fed != c.fed || d.Closed != (c.fed > 0) || d.Disarmed {
				t.Errorf("after %s: %+v", c.takes, d)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		done := watchdog.Meanwhile(0, func() (watchdog.Device, error) { return nil, errors.New("nothing is armed") })
		synctest.Wait()
		done()
	})
}
