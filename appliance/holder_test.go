package appliance

import (
	"log/slog"
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// TestHolderWaits: what a life before has left stays until this one has said what
// it wants, although what is there is known before.
func TestHolderWaits(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the namespace ends with the thread
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error("this test needs root:", err)
			return
		}
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
	}()
	<-done
}
