package speaker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/capability"
)

// table is what is shown of the routes, in parts.
func (r *rig) table(p *Part) (lines []string) {
	r.t.Helper()
	for pos := uint32(0); ; {
		r.do(func() { pos = r.s.Part(p, pos) })
		for i := range p.Routes {
			v := &p.Routes[i]
			lines = append(lines, fmt.Sprintf("%s %s", v.Peer.Address, v.Route.AppendText(nil)))
		}
		if pos == 0 {
			return lines
		}
	}
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
