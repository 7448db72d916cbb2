package appliance

import (
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// TestHolderReleasesUnseen: at the end the addresses go, too, if they can't be listed.
func TestHolderReleasesUnseen(t *testing.T) {
	alone(t, func() {
		p := netip.MustParsePrefix("192.0.2.53/32")
		var log strings.Builder
		h := newHolder(slog.New(slog.NewTextHandler(&log, nil)))
		h.want([]settings.Address{{Prefix: p, Link: "lo"}})
		h.have(link.Snapshot{})
		h.sync()
		s, err := link.List()
		if err != nil || len(s.Addrs) != 1 {
			t.Errorf("%v: on the box are %v", err, s.Addrs)
		}
		h.have(s)
		h.list = func() (link.Snapshot, error) { return link.Snapshot{}, errors.New("list links: no buffer space") }
		h.release()
		if s, err := link.List(); err != nil || len(s.Addrs) != 0 {
			t.Errorf("%v: on the box are still %v", err, s.Addrs)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "no buffer space") {
			t.Errorf("the log says %q", &log)
		}
	})
}

// alone runs f in a network namespace of its own.
func alone(t *testing.T, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the namespace ends with the thread
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error("this test needs root:", err)
			return
		}
		f()
	}()
	<-done
}

// TestHolderWaits: what a life before has left stays until this one has said what
// it wants, although what is there is known before.
func TestHolderWaits(t *testing.T) {
	alone(t, func() {
		left, kept := netip.MustParsePrefix("192.0.2.53/32"), netip.MustParsePrefix("192.0.2.54/32")
		if err := link.Apply([]link.Change{{Add: true, Want: link.Want{Prefix: left, Link: "lo"}}, {Add: true, Want: link.Want{Prefix: kept, Link: "lo"}}}); err != nil {
			t.Error(err)
			return
		}
		h := newHolder(slog.New(slog.DiscardHandler))
		has := func(want ...netip.Prefix) {
			t.Helper()
			s, err := link.List()
			if err != nil || len(s.Addrs) != len(want) {
				t.Errorf("%v: on the box are %v, want %v", err, s.Addrs, want)
			}
			h.have(s)
			h.sync()
		}
		has(left, kept)
		has(left, kept)
		h.want([]settings.Address{{Prefix: kept, Link: "lo"}})
		h.sync()
		has(kept)
		h.release()
		has()
	})
}

// TestHolderLooksAgain: what it has done last may not be in the view yet.
func TestHolderLooksAgain(t *testing.T) {
	alone(t, func() {
		one, other := netip.MustParsePrefix("192.0.2.53/32"), netip.MustParsePrefix("192.0.2.54/32")
		h := newHolder(slog.New(slog.DiscardHandler))
		h.have(link.Snapshot{Addrs: []link.Addr{{Prefix: one, Link: "lo", Ours: true}}})
		for _, p := range []netip.Prefix{one, other, one} {
			h.want([]settings.Address{{Prefix: p, Link: "lo"}})
			h.sync()
			if s, err := link.List(); err != nil || len(s.Addrs) != 1 || s.Addrs[0].Prefix != p {
				t.Errorf("%v: on the box are %v, want %s", err, s.Addrs, p)
			}
		}
	})
}

// TestHolderGrows: what is new is waited for, for a while; what was wanted before is
// not, whether it is there or not.
func TestHolderGrows(t *testing.T) {
	old, fresh := netip.MustParsePrefix("192.0.2.53/32"), netip.MustParsePrefix("192.0.2.54/32")
	address := func(p netip.Prefix) settings.Address { return settings.Address{Prefix: p, Link: "lo"} }
	for name, c := range map[string]struct {
		grow  []settings.Address
		comes bool // into the view, 100 ms later, when it was made
		waits time.Duration
	}{
		"known":       {grow: []settings.Address{address(old)}},
		"comes":       {grow: []settings.Address{address(old), address(fresh)}, comes: true, waits: 100 * time.Millisecond},
		"never comes": {grow: []settings.Address{address(fresh)}, waits: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHolder(slog.New(slog.DiscardHandler))
				h.want([]settings.Address{address(old)})
				if c.comes {
					view := link.Snapshot{Addrs: []link.Addr{{Prefix: fresh, Link: "lo"}}}
					h.have(view) // from before it was taken away
					time.AfterFunc(100*time.Millisecond, func() {
						h.mu.Lock()
						h.made = h.asked
						h.mu.Unlock()
						h.have(view)
					})
				}
				start := time.Now()
				h.grow(c.grow, time.Second)
				if waited := time.Since(start); waited != c.waits {
					t.Errorf("it has waited %s, want %s", waited, c.waits)
				}
				h.mu.Lock()
				defer h.mu.Unlock()
				if !slices.Contains(h.wanted, link.Want{Prefix: old, Link: "lo"}) || !slices.Contains(h.wanted, link.Want{Prefix: c.grow[0].Prefix, Link: "lo"}) {
					t.Errorf("wanted are %v", h.wanted)
				}
			})
		})
	}
}
