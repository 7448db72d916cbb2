package speaker

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/capability"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
)

// table is what is shown of the routes, in parts.
func (r *rig) table(p *Part) (lines []string) {
	r.t.Helper()
	for more := true; more; {
		r.do(func() { more = r.s.Part(p) })
		for i := range p.Routes {
			v := &p.Routes[i]
			lines = append(lines, fmt.Sprintf("%s %s", v.Peer.Address, v.Route.AppendText(nil)))
		}
	}
	return lines
}

// selector is that of "neighbor …".
func (r *rig) selector(text string) *api.Selector {
	r.t.Helper()
	var p api.Parser
	var b api.Batch
	p.Line(&b, []byte(text+" announce route 10.0.0.0/8 next-hop self"))
	if b.Items[0].Err != nil {
		r.t.Fatal(b.Items[0].Err)
	}
	return b.Items[0].Peers
}

func TestParts(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "api { processes [ one ]; } family { ipv4 unicast; ipv6 unicast; }")
	b, _ := r.neighbor(3, "api { processes [ one ]; } family { ipv4 unicast; }")
	r.do(r.s.Release)
	r.apply("process one { run x; }\n" + a + b)
	r.meet(la).expect("EOR")
	r.say("one", "announce route 10.0.0.1/32 next-hop self med 7", "neighbor 127.0.0.2 announce route 2001:db8::/64 next-hop 2001:db8::1",
		"announce route 10.0.0.2/32 next-hop self watchdog dns withdraw")
	got := r.table(&Part{Question: &api.Question{}})
	want := []string{"127.0.0.2 10.0.0.1/32 next-hop self med 7", "127.0.0.3 10.0.0.1/32 next-hop self med 7", "127.0.0.2 2001:db8::/64 next-hop 2001:db8::1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	got = r.table(&Part{Question: &api.Question{Families: []bgp.Family{bgp.IPv4Unicast}}, Peers: r.selector("neighbor 127.0.0.3")})
	if want := []string{"127.0.0.3 10.0.0.1/32 next-hop self med 7"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	// A table of several parts, which have the same memory.
	var lines []string
	for i := range 3 * partSize {
		lines = append(lines, fmt.Sprintf("neighbor 127.0.0.3 announce route 10.1.%d.%d/32 next-hop self", i>>8, i&255))
	}
	r.say("one", lines...)
	got = r.table(&Part{Question: &api.Question{}, Peers: r.selector("neighbor 127.0.0.3")})
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 3*partSize+1 {
		t.Errorf("%d routes", len(got))
	}
}

// TestPartsOfWhatWasReceived shows what those neighbors said that keep it, one
// after the other; of one whose session ends meanwhile there is no more.
func TestPartsOfWhatWasReceived(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "adj-rib-in;")
	b, lb := r.neighbor(3, "")
	c, lc := r.neighbor(4, "adj-rib-in;")
	r.apply(a + b + c)
	for i, l := range []net.Listener{la, lb, lc} {
		p := r.meet(l)
		body := append([]byte{0, 0, 0, 18, 0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9, 0x40, 3, 4, 10, 0, 0, 9}, 32, 10, 0, 0, byte(i))
		body[3] = byte(len(body) - 4 - 5)
		p.Write(append(append(bytes.Repeat([]byte{0xff}, 16), 0, byte(19+len(body)), byte(wire.TypeUpdate)), body...))
	}
	in := func(sel *api.Selector) []string { return r.table(&Part{Question: &api.Question{In: true}, Peers: sel}) }
	for deadline := time.Now().Add(20 * time.Second); len(in(nil)) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("received %q", in(nil))
		}
	}
	if got, want := in(nil), []string{"127.0.0.2 10.0.0.0/32 next-hop 10.0.0.9 origin igp as-path [ 65001 ]", "127.0.0.4 10.0.0.2/32 next-hop 10.0.0.9 origin igp as-path [ 65001 ]"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := in(r.selector("neighbor 127.0.0.3")); got != nil {
		t.Errorf("got %q", got)
	}
	p := &Part{Question: &api.Question{In: true}}
	r.do(func() { r.s.Part(p) })
	r.apply(b + c)
	if got := r.table(p); len(got) != 1 || !strings.HasPrefix(got[0], "127.0.0.4 ") {
		t.Errorf("got %q", got)
	}
}

func TestNeighbors(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "description first; capability { route-refresh; add-path send; } family { ipv4 unicast; ipv4 flow; } static { route 10.0.0.1/32 next-hop self; }")
	b, lb := r.neighbor(3, "")
	lb.Close() // nobody is there
	r.do(r.s.Release)
	r.apply(a + b)
	r.meet(la, capability.ForFamily(bgp.IPv6Unicast), capability.ForPaths([]capability.Path{{Family: bgp.IPv4Unicast, Direction: bgp.Receive}}))
	r.event("127.0.0.2 true")
	var vs []api.PeerView
	r.do(func() { vs, _ = r.s.Neighbors(nil) })
	if len(vs) != 2 || vs[0].Description != "first" || vs[0].State != "ESTABLISHED" || vs[1].PeerID != 0 {
		t.Fatalf("%+v", vs)
	}
	q := api.Question{What: api.ShowPeers, Text: true, Detail: api.Extensive}
	page, _, _ := strings.Cut(string(q.AppendPeers(nil, vs)), "Neighbor 127.0.0.3")
	for _, line := range []string{"AS 65000 65001", "ID 1.1.1.1 2.2.2.2", "hold-time 30 30", "asn4: enabled enabled", "route-refresh: enabled enabled",
		"operational: disabled disabled", "add-path: enabled enabled", "graceful-restart: disabled disabled", "ipv4 unicast: enabled enabled enabled",
		"ipv4 flow: enabled disabled disabled", "ipv6 unicast: disabled enabled disabled", "open: 1 1", "keepalive: 1 1", "notification: 0 0"} {
		if !slices.ContainsFunc(strings.Split(page, "\n"), func(l string) bool { return strings.Join(strings.Fields(l), " ") == line }) {
			t.Errorf("want %q in\n%s", line, page)
		}
	}
	r.do(func() { vs, _ = r.s.Neighbors(r.selector("neighbor 127.0.0.3")) })
	if len(vs) != 1 || vs[0].Address.String() != "127.0.0.3" || vs[0].Offers[0].Peer != api.Unknown {
		t.Errorf("%+v", vs)
	}
}

// TestRestart ends sessions and keeps routes; a neighbor that helps us over a
// restart hears nothing that would have it forget us.
func TestRestart(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "api { processes [ one ]; }")
	b, lb := r.neighbor(3, "capability { graceful-restart 60; }")
	r.do(r.s.Release)
	r.apply("process one { run x; }\n" + a + b)
	helps := capability.ForRestart(capability.Restart{Time: 60e9, Families: []capability.RestartFamily{{Family: bgp.IPv4Unicast}}})
	p, q := r.meet(la), r.meet(lb, helps)
	p.expect("EOR")
	q.expect("EOR")
	r.say("one", "announce route 10.0.0.1/32 next-hop self")
	p.expect("+10.0.0.1")
	r.do(r.s.Restart)
	p.expect("NOTIFICATION cease/administrative reset", "EOF")
	q.expect("EOF")
	r.meet(la).expect("+10.0.0.1", "EOR")
	r.meet(lb, helps).expect("EOR")
}

// TestRestartBehindAWithdraw: who keeps our routes over a restart, and has not heard
// yet that one of them has gone, is not left without a word.
func TestRestartBehindAWithdraw(t *testing.T) {
	r := newRig(t)
	b, lb := r.neighbor(3, "capability { graceful-restart 60; } static { route 10.0.0.1/32 next-hop self watchdog dns; }")
	r.do(r.s.Release)
	r.apply(b)
	q := r.meet(lb, capability.ForRestart(capability.Restart{Time: 60e9, Families: []capability.RestartFamily{{Family: bgp.IPv4Unicast}}}))
	q.expect("+10.0.0.1", "EOR")
	r.do(func() {
		for c := r.s.order[0].live.conn; c.Unsent() == 0; { // the neighbor does not read
			c.Push(wire.AppendKeepalive(nil))
		}
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Time{})
		r.s.Restart()
	})
	var said []string
	for last := ""; last != "EOF" && !strings.Contains(last, "reset by peer"); said = append(said, last) {
		last = q.next()
	}
	if !slices.ContainsFunc(said, func(s string) bool { return s == "-10.0.0.1" || strings.HasPrefix(s, "NOTIFICATION") }) {
		t.Errorf("after %d messages: %q", len(said), said[max(0, len(said)-3):])
	}
}

// TestRefreshBeforeEndOfRIB: the marks of an enhanced refresh come after End-of-RIB
// (RFC 7313 section 4); the routes come all the same.
func TestRefreshBeforeEndOfRIB(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "capability { graceful-restart 60; route-refresh; } static { route 10.0.0.1/32 next-hop self; }")
	r.apply(a)
	p := r.meet(la, capability.ForRestart(capability.Restart{Time: 60e9, Families: []capability.RestartFamily{{Family: bgp.IPv4Unicast}}}), capability.Flag(capability.EnhancedRefresh))
	p.expect("+10.0.0.1")
	ask := wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast})
	p.Write(ask)
	p.expect("+10.0.0.1")
	r.do(r.s.Release)
	p.expect("EOR")
	p.Write(ask)
	p.expect("ROUTE-REFRESH", "+10.0.0.1", "ROUTE-REFRESH")
}

// TestRangeComesAgain: a neighbor of a range is another peer with each session, and
// the routes that it has kept meanwhile are as good as any neighbor's.
func TestRangeComesAgain(t *testing.T) {
	r := newRig(t)
	r.s.options.Forwarding, r.s.options.Restarting = func(bgp.Family) bool { return false }, true // after a boot
	r.do(r.s.Release)
	r.apply("neighbor 127.0.1.0/24 { local-address 127.0.0.1; router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; listen 17937; capability { graceful-restart 60; } static { route 10.0.0.1/32 next-hop self; } }")
	var said []string
	for range 2 {
		p := r.dial("127.0.1.7", "127.0.0.1:17937")
		p.open(capability.ForRestart(capability.Restart{Time: 60e9, Families: []capability.RestartFamily{{Family: bgp.IPv4Unicast}}}))
		p.expect("+10.0.0.1", "EOR")
		r.do(func() {
			for _, c := range r.s.order[0].session.Sent.Capabilities {
				if c.Code == capability.GracefulRestart {
					x := c.Restart()
					said = append(said, fmt.Sprint(x.Restarting, x.Families[0].Forwarding))
				}
			}
		})
		p.Close()
		r.event("127.0.1.7 true")
		r.event("127.0.1.7 false")
	}
	if d := cmp.Diff([]string{"true false", "false true"}, said); d != "" {
		t.Errorf("restarting and forwarding, -want +got:\n%s", d)
	}
}

// TestLastCease: who would keep our routes after a NOTIFICATION is told that we do not
// come back (RFC 8538 section 3).
func TestLastCease(t *testing.T) {
	for _, c := range []struct {
		notify  bool
		restart bool
		want    []string
	}{
		{false, false, []string{"NOTIFICATION cease/peer deconfigured", "EOF"}},
		{true, false, []string{"NOTIFICATION cease/hard reset", "EOF"}},
		{true, true, []string{"EOF"}},
	} {
		t.Run(fmt.Sprint(c.notify, c.restart), func(t *testing.T) {
			r := newRig(t)
			a, la := r.neighbor(2, "capability { graceful-restart 60; }")
			r.do(r.s.Release)
			r.apply(a)
			p := r.meet(la, capability.ForRestart(capability.Restart{Time: 60e9, Notify: c.notify, Families: []capability.RestartFamily{{Family: bgp.IPv4Unicast}}}))
			p.expect("EOR")
			if c.restart {
				r.do(r.s.Restart)
			} else {
				other, _ := r.neighbor(3, "")
				r.apply(other)
			}
			p.expect(c.want...)
		})
	}
}
