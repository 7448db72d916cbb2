package rib

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/wire"
)

// teller is the neighbor's side of a session with path identifiers in IPv4.
type teller struct {
	t *testing.T
	n *bgp.Negotiated
	l *Learned
}

func newTeller(t *testing.T, prefixes ...string) *teller {
	x := &teller{t, &bgp.Negotiated{LocalAS: 65000, PeerAS: 65001, ASN4: true, Families: []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast},
		AddPath: map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Receive}}, NewLearned()}
	x.want(false, prefixes...)
	return x
}

func (x *teller) want(live bool, prefixes ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, p := range prefixes {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return x.l.Want(ps, live)
}

// raw is a NLRI: "10.0.0.0/8" or with a path "10.0.0.0/8 3".
func raw(s string) nlri.Raw {
	var path uint32
	var text string
	fmt.Sscan(s, &text, &path)
	p := netip.MustParsePrefix(text)
	n := nlri.Raw{Family: bgp.IPv6Unicast, Body: append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)}
	if p.Addr().Is4() {
		n.Family, n.HasPath, n.PathID = bgp.IPv4Unicast, true, path
	}
	return n
}

// say hears an UPDATE, with attributes that it can carry or that are bad.
func (x *teller) say(bad bool, announce bool, routes ...string) []string {
	x.t.Helper()
	f := raw(routes[0]).Family
	var b []byte
	if announce {
		var set attr.Builder
		set.Put(attr.NextHop, attr.Transitive, netip.MustParseAddr("2001:db8::1").AsSlice())
		if f == bgp.IPv4Unicast {
			set.Put(attr.NextHop, attr.Transitive, []byte{10, 0, 0, 1})
		}
		if bad {
			set.Put(attr.Origin, attr.Transitive, []byte{77})
		}
		e := attr.Export{LocalAS: 65001, EBGP: true, ASN4: true}
		var a wire.AnnounceFrame
		b, a, _ = wire.BeginAnnounce(nil, f, set.Set(), &e)
		b = a.End(x.append(b, f, routes))
	} else {
		var w wire.WithdrawFrame
		b, w = wire.BeginWithdraw(nil, f, attr.Set{}, &attr.Export{})
		b = w.End(x.append(b, f, routes))
	}
	var u wire.Update
	if err := wire.ParseUpdate(b, x.n, &u); err != nil {
		x.t.Fatal(err)
	}
	return texts(x.l.Hear(&u))
}

func (x *teller) append(b []byte, f bgp.Family, routes []string) []byte {
	for _, r := range routes {
		b = raw(r).AppendWire(b, f == bgp.IPv4Unicast)
	}
	return b
}

func texts(ps []netip.Prefix) (out []string) {
	for _, p := range ps {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return out
}

func (x *teller) expect(got []string, want ...string) {
	x.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		x.t.Errorf("changed (-want +got):\n%s", d)
	}
}

func (x *teller) of(prefix string) string { return x.l.Of(netip.MustParsePrefix(prefix)).String() }

func TestLearned(t *testing.T) {
	x := newTeller(t, "0.0.0.0/0", "10.0.0.0/9", "2001:db8::/33")
	if got := x.of("0.0.0.0/0"); got != "absent" {
		t.Errorf("before anything was said it is %s", got)
	}
	x.expect(x.say(false, true, "0.0.0.0/0 1", "192.0.2.0/24 1"), "0.0.0.0/0")
	x.expect(x.say(false, true, "0.0.0.0/0 2"))
	x.expect(x.say(false, false, "0.0.0.0/0 1"))
	x.expect(x.say(false, false, "0.0.0.0/0 2", "0.0.0.0/0 3"), "0.0.0.0/0")
	x.expect(x.say(false, true, "10.127.255.255/9 1", "10.0.0.0/8 1"), "10.0.0.0/9") // bits behind the prefix
	x.expect(x.say(true, true, "10.0.0.0/9 1"), "10.0.0.0/9")                        // counts as withdrawn
	x.expect(x.say(false, true, "2001:db8::/33"), "2001:db8::/33")
	x.expect(x.say(true, true, "2001:db8::/33"), "2001:db8::/33")
	x.expect(x.say(false, true, "2001:db8::/33"), "2001:db8::/33")
	x.l.Reset()
	if got := x.of("2001:db8::/33"); got != "absent" {
		t.Errorf("after the session it is %s", got)
	}
	if got := x.of("10.0.0.0/8"); got != "not known" || len(x.l.at) != 3 {
		t.Errorf("nobody asked, and it is %s; %d are kept", got, len(x.l.at))
	}
}

// TestLearnedInTheMiddle asks for routes while the session is up.
func TestLearnedInTheMiddle(t *testing.T) {
	x := newTeller(t, "0.0.0.0/0")
	x.say(false, true, "0.0.0.0/0 1")
	x.expect(texts(x.want(true, "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/8", "2001:db8::/32")), "10.0.0.0/8", "2001:db8::/32")
	if got := x.of("0.0.0.0/0") + ", " + x.of("10.0.0.0/8"); got != "announced, not known" {
		t.Error(got)
	}
	x.expect(texts(x.l.End(bgp.IPv4Unicast))) // of a refresh that began before
	x.l.Begin(bgp.IPv4Unicast)
	x.expect(texts(x.l.End(bgp.IPv4Unicast)), "0.0.0.0/0", "10.0.0.0/8")
	if got := x.of("0.0.0.0/0") + ", " + x.of("10.0.0.0/8") + ", " + x.of("2001:db8::/32"); got != "absent, absent, not known" {
		t.Error(got)
	}
	x.expect(texts(x.l.Settle()), "2001:db8::/32")
	x.say(false, true, "0.0.0.0/0 1")
	x.l.Begin(bgp.IPv4Unicast)
	x.expect(x.say(false, true, "0.0.0.0/0 1"))
	x.expect(texts(x.l.End(bgp.IPv4Unicast)))
	x.want(true, "10.0.0.0/8")
	if got := x.of("0.0.0.0/0"); got != "not known" {
		t.Errorf("nobody asks any more, and it is %s", got)
	}
	x.l.Know(netip.MustParsePrefix("10.0.0.0/8"), true)
	if got := x.of("10.0.0.0/8"); got != "announced" {
		t.Error(got)
	}
}

// TestLearnedCostsNothing: UPDATEs that nobody asked for leave no memory.
func TestLearnedCostsNothing(t *testing.T) {
	x := newTeller(t, "0.0.0.0/0")
	e := attr.Export{LocalAS: 65001, EBGP: true, ASN4: true, Self: netip.MustParseAddr("10.0.0.1")}
	var set attr.Builder
	set.Put(attr.NextHop, attr.Transitive, nil)
	b, a, _ := wire.BeginAnnounce(nil, bgp.IPv4Unicast, set.Set(), &e)
	for i := range 500 {
		n := host(nil, i)
		b = n.AppendWire(b, true)
	}
	var u wire.Update
	if err := wire.ParseUpdate(a.End(b), x.n, &u); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() { x.l.Hear(&u) }); n > 2 { // the iterators
		t.Errorf("%v allocations for 500 routes", n)
	}
}
