package systemd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/systemd/systemdtest"
)

// watching is a watcher, and what it tells.
type watching struct {
	*testing.T
	w    *Watcher
	told chan string
}

func watch(t *testing.T, b *systemdtest.Bus, names ...string) *watching {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	w := &watching{T: t, told: make(chan string, 100)}
	w.w = NewWatcher(Dial, func(us map[string]Unit, err error) {
		if err != nil {
			w.told <- "lost: " + err.Error()
			return
		}
		var all []string
		for _, name := range slices.Sorted(maps.Keys(us)) {
			all = append(all, fmt.Sprint(name, " ", us[name].On(), " ", us[name]))
		}
		w.told <- strings.Join(all, "; ")
	})
	w.w.beat = time.Millisecond
	w.w.Want(names)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watching) hears(want string) {
	w.Helper()
	select {
	case got := <-w.told:
		if !strings.HasPrefix(got, want) {
			w.Errorf("got %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		w.Fatalf("nothing, want %q", want)
	}
}

// comes is hears of something that others may come before.
func (w *watching) comes(want string) {
	w.Helper()
	for {
		select {
		case got := <-w.told:
			if strings.HasPrefix(got, want) {
				return
			}
		case <-time.After(30 * time.Second):
			w.Fatalf("%q does not come", want)
		}
	}
}

func TestWatch(t *testing.T) {
	b := systemdtest.NewBus(t)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"a.service": systemdtest.Active, "other.service": systemdtest.Active})
	w := watch(t, b, "a.service", "b@x.service")
	w.hears("a.service true is active; b@x.service false is not loaded: there is no such unit")
	m.Set("a.service", systemdtest.Failed)
	w.hears("a.service false is failed (exit-code); b@x.service false")
	m.Set("other.service", systemdtest.Failed) // nobody's business
	m.Set("b@x.service", systemdtest.Unit{Active: "activating", Sub: "start"})
	w.hears("a.service false is failed (exit-code); b@x.service false is activating (start)")
	m.Set("b@x.service", systemdtest.Unit{Active: "reloading", Sub: "reload"})
	w.hears("a.service false is failed (exit-code); b@x.service true is reloading")
	m.Remove("b@x.service")
	w.hears("a.service false is failed (exit-code); b@x.service false is not loaded: there is no such unit")
	w.w.Want([]string{"other.service", "c.mount"})
	w.hears("c.mount false is not loaded: there is no such unit; other.service false is failed (exit-code)")
	m.Set("c.mount", systemdtest.Unit{Load: "masked", Active: "inactive", Sub: "dead"})
	w.hears("c.mount false is not loaded (masked); other.service")
}

// TestWatchDoesNotPoll: what has changed is read, and nothing when nothing has.
func TestWatchDoesNotPoll(t *testing.T) {
	b := systemdtest.NewBus(t)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"a.service": systemdtest.Active, "b.service": systemdtest.Active})
	w := watch(t, b, "a.service", "b.service")
	w.hears("a.service true")
	before := m.Reads()
	for range 100 {
		m.Set("other.service", systemdtest.Active)
	}
	m.Set("a.service", systemdtest.Failed)
	w.hears("a.service false")
	if n := m.Reads() - before; n > 4 { // ActiveState, SubState, LoadState, Result
		t.Errorf("%d properties were read", n)
	}
}

// TestWatchOverTheBusesEnd: a bus that is started anew has forgotten who wanted
// to hear of what.
func TestWatchOverTheBusesEnd(t *testing.T) {
	b := systemdtest.NewBus(t)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"a.service": systemdtest.Active})
	w := watch(t, b, "a.service")
	w.hears("a.service true")
	b.Stop()
	w.hears("lost: ")
	m.Set("a.service", systemdtest.Failed)
	b.Start()
	m.Connect()
	for got := ""; got != "a.service false is failed (exit-code)"; {
		select {
		case got = <-w.told:
		case <-time.After(30 * time.Second):
			t.Fatal("it does not come back")
		}
		if !strings.HasPrefix(got, "lost: ") && !strings.HasPrefix(got, "a.service false") {
			t.Errorf("told %q", got)
		}
	}
	m.Set("a.service", systemdtest.Active)
	w.comes("a.service true") // the manager's coming may be heard of late, and loses it once more
}

// TestWatchOverTheManagersEnd: the bus stays, and nobody would tell anything.
func TestWatchOverTheManagersEnd(t *testing.T) {
	b := systemdtest.NewBus(t)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"a.service": systemdtest.Active})
	w := watch(t, b, "a.service")
	w.hears("a.service true")
	m.Leave()
	w.hears("lost: ")
	m.Set("a.service", systemdtest.Failed)
	m.Connect()
	w.comes("a.service false is failed")
}

// TestHeartbeat: of a bus that says nothing any more, nothing is known.
func TestHeartbeat(t *testing.T) {
	b := systemdtest.NewBus(t)
	systemdtest.NewManager(b, map[string]systemdtest.Unit{"a.service": systemdtest.Active})
	before := patience
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = before })
	w := watch(t, b, "a.service")
	w.comes("a.service true") // on a slow machine, after some that were too slow
	b.Freeze()
	w.comes("lost: ")
}

// TestWatchNeedsNoBusForNothing: a box that watches no unit does not mind that
// there is no bus.
func TestWatchNeedsNoBusForNothing(t *testing.T) {
	b := systemdtest.NewBus(t)
	b.Stop()
	w := watch(t, b)
	w.w.Want([]string{"a.service"})
	w.hears("lost: system bus: ")
	w.w.Want(nil)
}
