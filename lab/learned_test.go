package lab_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"holdfast/bgp/config"
	owner "holdfast/bgp/speaker"
	"holdfast/lab"
)

// TestLearned has GoBGP announce routes and take them back: the speaker tells of
// those that were asked for, also of one that was there before.
func TestLearned(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24", "2001:db8::1/64")
	upstream.Address("eth0", "10.0.0.2/24", "2001:db8::2/64")
	peer := lab.GoBGP(upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: peerAS, RemoteAS: boxAS, Passive: true})
	peer.Start()
	l.Until(soon, "gobgp listens", func() bool { return upstream.Listens(179) })
	ask := peer.(lab.Console).Ask
	told := make(chan string, 100)
	d := &degrading{Lab: l}
	d.speak(box, owner.Options{Learned: func(from netip.Addr, prefix netip.Prefix, there bool) {
		told <- fmt.Sprint(from, " ", prefix, " ", there)
	}})
	expect := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		select {
		case got := <-told:
			if got != want {
				t.Fatalf("told %s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("not told in %s: %s", soon, want)
		}
	}
	c, err := config.Parse("learned.conf", []byte(`neighbor 10.0.0.2 { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002;
		hold-time 9; family { ipv4 unicast; ipv6 unicast; } capability { route-refresh; } }`), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asked := []owner.Asked{{Neighbor: peer4, Prefix: netip.MustParsePrefix("0.0.0.0/0")}}
	d.do(func() {
		err = d.s.Apply(c)
		d.s.Release()
		d.s.Watch(asked)
	})
	if err != nil {
		t.Fatal(err)
	}
	expect("10.0.0.2 0.0.0.0/0 false")
	ask("global", "rib", "add", "198.51.100.0/24", "nexthop", "10.0.0.2")
	ask("global", "rib", "add", "2001:db8:9::/48", "nexthop", "2001:db8::2", "-a", "ipv6")
	ask("global", "rib", "add", "0.0.0.0/0", "nexthop", "10.0.0.2")
	expect("10.0.0.2 0.0.0.0/0 true")
	asked = append(asked, owner.Asked{Neighbor: peer4, Prefix: netip.MustParsePrefix("2001:db8:9::/48")})
	d.do(func() { d.s.Watch(asked) }) // GoBGP is asked to say it again
	expect("10.0.0.2 2001:db8:9::/48 true")
	ask("global", "rib", "del", "0.0.0.0/0")
	expect("10.0.0.2 0.0.0.0/0 false")
	peer.Stop()
	expect("10.0.0.2 2001:db8:9::/48 false")
}
