package link

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// inside runs f on a thread of its own in a new network namespace with a link
// eth0 (a veth whose other end, eth9, is up) and returns when it is through.
// Sockets that are opened on that thread belong to the namespace.
func inside(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := netns.New()
		if err != nil {
			t.Error("this test needs root:", err)
			return
		}
		defer ns.Close()
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth9"}
		if err := netlink.LinkAdd(veth); err != nil {
			t.Error(err)
			return
		}
		for _, name := range []string{"lo", "eth0", "eth9"} {
			l, err := netlink.LinkByName(name)
			if err == nil {
				err = netlink.LinkSetUp(l)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		f()
	}()
	<-done
}

// ip runs ip(8) in the namespace of this thread.
func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Errorf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// watching is a monitor at work, and what it gave last.
type watching struct {
	*Monitor
	mu   sync.Mutex
	last Snapshot
	n    int
}

// watch starts a monitor in the namespace of this thread: its sockets are
// opened before it leaves the thread.
func watch(t *testing.T, buffer int) *watching {
	w := &watching{Monitor: New(nil)}
	if buffer != 0 {
		w.buffer = buffer
	}
	ctx, cancel := context.WithCancel(context.Background())
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := netns.Set(here); err != nil {
			t.Error(err)
			return
		}
		w.Run(ctx, func(s Snapshot) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.last = s
			w.n++
		})
	}()
	t.Cleanup(func() { cancel(); <-done; here.Close() })
	return w
}

func (w *watching) until(t *testing.T, what string, ok func(Snapshot) bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		s := w.last
		w.mu.Unlock()
		if ok(s) {
			return
		}
	}
	t.Errorf("timeout: %s; stats %+v", what, w.Stats())
}

func has(prefix string) func(Snapshot) bool {
	return func(s Snapshot) bool {
		return slices.ContainsFunc(s.Addrs, func(a Addr) bool { return a.Prefix.String() == prefix })
	}
}

func not(f func(Snapshot) bool) func(Snapshot) bool { return func(s Snapshot) bool { return !f(s) } }

func running(name string) func(Snapshot) bool {
	return func(s Snapshot) bool {
		return slices.ContainsFunc(s.Links, func(l Link) bool { return l.Name == name && l.Up && l.Running })
	}
}

func TestChangesAreSeen(t *testing.T) {
	inside(t, func() {
		w := watch(t, 0)
		w.until(t, "links", func(s Snapshot) bool { return running("eth0")(s) && running("lo")(s) })
		ip(t, "address", "add", "192.0.2.53/32", "dev", "lo", "label", "lo:dns")
		w.until(t, "address", has("192.0.2.53/32"))
		ip(t, "address", "add", "2001:db8::53/128", "dev", "lo")
		w.until(t, "IPv6 address", has("2001:db8::53/128"))
		ip(t, "address", "del", "192.0.2.53/32", "dev", "lo")
		w.until(t, "no address", not(has("192.0.2.53/32")))
		ip(t, "link", "set", "eth9", "down")
		w.until(t, "no carrier", not(running("eth0")))
		ip(t, "link", "set", "eth9", "up")
		w.until(t, "carrier", running("eth0"))
		ip(t, "link", "del", "eth0")
		w.until(t, "no link", func(s Snapshot) bool { return len(s.Links) == 1 })
	})
}

func TestIdleViewStaysFresh(t *testing.T) {
	inside(t, func() {
		w := watch(t, 0)
		w.until(t, "first listing", running("eth0"))
		before := w.Fresh()
		w.SetIdle(10 * time.Millisecond)
		w.until(t, "another listing", func(Snapshot) bool { return w.Fresh() > before+1 })
	})
}

// TestFlood makes 100,000 changes of addresses, with a socket that holds a few
// messages: overruns are certain, and the end has to be right all the same.
func TestFlood(t *testing.T) {
	inside(t, func() {
		w := watch(t, 4096)
		w.until(t, "first listing", running("eth0"))
		var b strings.Builder
		for i := range 50000 {
			p := fmt.Sprintf("10.%d.%d.1/32", 1+i%40/10, i%10)
			fmt.Fprintf(&b, "address add %s dev eth0\naddress del %s dev eth0\n", p, p)
		}
		b.WriteString("address add 192.0.2.99/32 dev eth0\n")
		c := exec.Command("ip", "-batch", "-")
		c.Stdin, c.Stderr = strings.NewReader(b.String()), os.Stderr
		start := time.Now()
		if err := c.Run(); err != nil {
			t.Error(err)
		}
		took := time.Since(start)
		w.until(t, "the last address alone", func(s Snapshot) bool {
			v4 := 0
			for _, a := range s.Addrs {
				if a.Prefix.Addr().Is4() && a.Link == "eth0" {
					v4++
				}
			}
			return v4 == 1 && has("192.0.2.99/32")(s)
		})
		s := w.Stats()
		t.Logf("%s, %+v", took, s)
		if s.Overruns == 0 {
			t.Error("no overrun: the test shows nothing")
		}
		if most := uint64(took/lastGap) + 50; s.Listings > 2*most {
			t.Errorf("%d listings in %s", s.Listings, took)
		}
	})
}

func TestAddressesOfOurs(t *testing.T) {
	inside(t, func() {
		if err := Apply([]Change{{Add: true, Want: Want{netip.MustParsePrefix("192.0.2.1/32"), "lo", ""}, Foreign: true}}); err != nil {
			t.Error(err)
		}
		want := []Want{
			{netip.MustParsePrefix("192.0.2.1/32"), "lo", "lo:dns"},
			{netip.MustParsePrefix("192.0.2.53/32"), "lo", "lo:dns"},
			{netip.MustParsePrefix("2001:db8::53/128"), "lo", ""},
		}
		apply := func(want []Want) (steps []string) {
			s, err := List()
			if err != nil {
				t.Error(err)
			}
			cs := Plan(s, want)
			for _, c := range cs {
				steps = append(steps, c.String())
			}
			if err := Apply(cs); err != nil {
				t.Error(err)
			}
			return steps
		}
		for i, step := range [][]string{
			{"ip address add 192.0.2.53/32 dev lo label lo:dns", "ip address add 2001:db8::53/128 dev lo"},
			nil, // a later life finds them
		} {
			if d := cmp.Diff(step, apply(want)); d != "" {
				t.Errorf("step %d, -want +got:\n%s", i, d)
			}
		}
		s, _ := List()
		for _, a := range s.Addrs {
			if ours := a.Prefix.Addr() != netip.MustParseAddr("192.0.2.1") && !a.Prefix.Addr().IsLoopback() && !a.Prefix.Addr().IsLinkLocalUnicast(); a.Ours != ours {
				t.Errorf("%s: ours is %v", a.Prefix, a.Ours)
			}
			if a.Prefix.String() == "192.0.2.53/32" && a.Label != "lo:dns" {
				t.Errorf("label %q", a.Label)
			}
		}
		got := apply(nil)
		if d := cmp.Diff([]string{"ip address del 192.0.2.53/32 dev lo", "ip address del 2001:db8::53/128 dev lo"}, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		if s, _ := List(); !has("192.0.2.1/32")(s) {
			t.Error("somebody else's address is gone")
		}
		if err := Apply([]Change{{Add: true, Want: Want{netip.MustParsePrefix("192.0.2.7/32"), "nosuch0", ""}}}); err == nil || !strings.Contains(err.Error(), "there is no link nosuch0") {
			t.Error(err)
		}
	})
}

// TestNeverMissed: on the way from what was wanted to what is, an address that is
// in both, wherever and however, is on the box at every step.
func TestNeverMissed(t *testing.T) {
	a4, a6 := netip.MustParsePrefix("192.0.2.53/32"), netip.MustParsePrefix("2001:db8::53/128")
	first, second := netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")
	for _, c := range []struct {
		name      string
		old, want []Want
		steps     []string
		through   []netip.Prefix // what must not be missed
	}{
		{"to another link", []Want{{a4, "lo", "lo:dns"}, {a6, "lo", ""}}, []Want{{a4, "eth0", ""}, {a6, "eth0", ""}}, []string{
			"ip address add 192.0.2.53/32 dev eth0", "ip address add 2001:db8::53/128 dev eth0",
			"ip address del 192.0.2.53/32 dev lo", "ip address del 2001:db8::53/128 dev lo"}, []netip.Prefix{a4, a6}},
		{"and back", []Want{{a4, "eth0", ""}, {a6, "eth0", ""}}, []Want{{a4, "lo", ""}, {a6, "lo", ""}}, []string{
			"ip address add 192.0.2.53/32 dev lo", "ip address add 2001:db8::53/128 dev lo",
			"ip address del 192.0.2.53/32 dev eth0", "ip address del 2001:db8::53/128 dev eth0"}, []netip.Prefix{a4, a6}},
		{"to one of both links", []Want{{a4, "lo", ""}, {a4, "eth0", ""}}, []Want{{a4, "eth0", ""}}, []string{"ip address del 192.0.2.53/32 dev lo"}, []netip.Prefix{a4}},
		{"another label", []Want{{a4, "lo", "lo:old"}}, []Want{{a4, "lo", "lo:new"}}, nil, []netip.Prefix{a4}},
		{"no label", []Want{{a4, "lo", "lo:old"}}, []Want{{a4, "lo", ""}}, nil, []netip.Prefix{a4}},
		{"another length", []Want{{first, "eth0", ""}}, []Want{{netip.PrefixFrom(first.Addr(), 25), "eth0", ""}}, []string{
			"ip address add 198.51.100.1/25 dev eth0", "ip address del 198.51.100.1/24 dev eth0"}, nil},
		// With the first IPv4 address of a network the kernel takes the others.
		{"another of its network", []Want{{first, "eth0", ""}}, []Want{{second, "eth0", ""}}, []string{
			"ip address del 198.51.100.1/24 dev eth0", "ip address add 198.51.100.2/24 dev eth0"}, nil},
		{"the first of its network goes", []Want{{first, "eth0", ""}, {second, "eth0", ""}}, []Want{{second, "eth0", ""}}, []string{
			"ip address del 198.51.100.1/24 dev eth0", "ip address add 198.51.100.2/24 dev eth0"}, nil},
		// A link has an IPv6 address once, whatever its length.
		{"another length of IPv6", []Want{{a6, "lo", ""}}, []Want{{netip.PrefixFrom(a6.Addr(), 64), "lo", ""}}, []string{
			"ip address del 2001:db8::53/128 dev lo", "ip address add 2001:db8::53/64 dev lo"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inside(t, func() {
				var steps []string
				step(t, c.old, func(Change, Snapshot) {})
				end := step(t, c.want, func(done Change, s Snapshot) {
					steps = append(steps, done.String())
					for _, p := range c.through {
						if !has(p.String())(s) {
							t.Errorf("%s is missed after %s", p, done)
						}
					}
				})
				if d := cmp.Diff(c.steps, steps); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
				var ours []netip.Prefix
				for _, a := range end.Addrs {
					if a.Ours {
						ours = append(ours, a.Prefix)
					}
				}
				var want []netip.Prefix
				for _, w := range c.want {
					want = append(want, w.Prefix)
				}
				if d := cmp.Diff(want, ours, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
					t.Errorf("on the box, -want +got:\n%s", d)
				}
			})
		})
	}
}

// step makes a plan's changes one by one, and gives what is there at the end.
func step(t *testing.T, want []Want, after func(Change, Snapshot)) Snapshot {
	s, err := List()
	for _, c := range Plan(s, want) {
		if err == nil {
			err = Apply([]Change{c})
		}
		if err == nil {
			s, err = List()
		}
		after(c, s)
	}
	if err != nil {
		t.Error(err)
	}
	return s
}
