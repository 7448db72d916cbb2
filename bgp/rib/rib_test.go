package rib

import (
	"fmt"
	"net/netip"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

func up(t *Table) *Out {
	o := t.AddPeer()
	o.Up(session(65000))
	drain(o)
	return o
}

// drain takes all that there is and gives it.
func drain(o *Out) (b []byte) {
	for more := true; more; {
		b, more = o.Urgent(b, 1<<16)
	}
	for more := true; more; {
		b, more = o.Bulk(b, 1<<16, false)
	}
	return b
}

func announce(t *Table, to PeerSet, prefix string, med uint32, group string) {
	t.Announce(API, to, route.Route{NLRI: v4(prefix), Attrs: set(med), Group: group})
}

func TestAnnouncedAndTakenBackNeverLeaves(t *testing.T) {
	tb := NewTable()
	fast, slow := up(tb), up(tb)
	all := tb.Peers(fast, slow)
	announce(tb, all, "192.0.2.1/32", 1, "")
	if len(drain(fast)) == 0 {
		t.Fatal("the fast peer was told nothing")
	}
	tb.Withdraw(all, v4("192.0.2.1/32"), attr.Handle{})
	if b := drain(slow); len(b) != 0 {
		t.Errorf("the slow peer was told %x", b)
	}
	if b := drain(fast); len(b) == 0 {
		t.Error("the fast peer keeps the route")
	}
	if tb.graves.head != 0 || len(tb.index) != 0 {
		t.Error("the route is still in memory")
	}
}

func TestUnchangedIsNotToldAgain(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	for i := range 2 {
		announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "")
		if got := len(drain(o)) > 0; got != (i == 0) {
			t.Errorf("announcement %d: told %v", i, got)
		}
	}
}

func TestRestOfAnAudienceHearsNothing(t *testing.T) {
	tb := NewTable()
	a, b := up(tb), up(tb)
	announce(tb, tb.Peers(a, b), "192.0.2.1/32", 1, "")
	drain(a)
	drain(b)
	announce(tb, tb.Peers(a), "192.0.2.1/32", 2, "")
	if len(drain(a)) == 0 || len(drain(b)) != 0 {
		t.Error("want the change told to a alone")
	}
	tb.Withdraw(tb.Peers(b), v4("192.0.2.1/32"), attr.Handle{})
	if len(drain(a)) != 0 || len(drain(b)) == 0 {
		t.Error("want the withdraw told to b alone")
	}
}

func TestWithdrawOvertakesBulk(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	to := tb.Peers(o)
	announce(tb, to, "192.0.2.53/32", 1, "dns")
	drain(o)
	for i := range 100000 {
		announce(tb, to, fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255), 1, "")
	}
	o.Bulk(nil, 4096, false)
	tb.Group("dns", Closed)
	b, more := o.Urgent(nil, 4096)
	m := mirror{fmt.Sprintf("%x", v4("192.0.2.53/32").Body): 1}
	if m.take(t, b); len(m) != 0 || more || len(b) > 40 {
		t.Errorf("the first urgent octets are %x", b)
	}
}

func TestPacking(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	to := tb.Peers(o)
	const n = 70000
	for i := range n {
		announce(tb, to, fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255), uint32(i%2), "")
	}
	m := mirror{}
	updates := m.take(t, drain(o))
	if len(m) != n || n/updates < 700 {
		t.Errorf("%d routes in %d updates", len(m), updates)
	}
}

func TestPeersOfAClassShareFrames(t *testing.T) {
	tb := NewTable()
	a, b, c := up(tb), up(tb), tb.AddPeer()
	c.Up(session(65001)) // iBGP: other bytes
	drain(c)
	to := tb.Peers(a, b, c)
	for i := range 5000 {
		announce(tb, to, fmt.Sprintf("10.0.%d.%d/32", i>>8, i&255), 1, "")
	}
	x, y, z := drain(a), drain(b), drain(c)
	if string(x) != string(y) || string(x) == string(z) {
		t.Error("want equal bytes for the two of one class, and others for the third")
	}
	if len(tb.chunks) == 0 {
		t.Error("nothing was shared")
	}
	announce(tb, to, "10.0.0.0/32", 2, "")
	if len(tb.chunks) != 0 {
		t.Error("a frame with a route that has changed is still shared")
	}
}

func TestConfigTakesAwayOnlyItsOwn(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	to := tb.Peers(o)
	tb.Announce(Config, to, route.Route{NLRI: v4("192.0.2.1/32"), Attrs: set(1)})
	announce(tb, to, "192.0.2.1/32", 2, "")
	if tb.Remove(Config, to, v4("192.0.2.1/32")) || tb.Len() != 1 {
		t.Error("the helper's route went with the configuration's")
	}
}

func TestEORAfterTheTable(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "")
	s := session(65000)
	s.HoldEOR = true
	o.Up(s)
	if b := drain(o); len(b) == 0 || len(b) == 23 || o.Caught() {
		t.Fatalf("first %x", b)
	}
	o.ReleaseEOR()
	if b := drain(o); len(b) != 23 || !o.Caught() {
		t.Errorf("then %x", b)
	}
}

func TestRefreshReplaysWithMarkers(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	s := session(65000)
	s.Negotiated.EnhancedRefresh = true
	o.Up(s)
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "")
	drain(o)
	o.Refresh(bgp.IPv4Unicast)
	b := drain(o)
	if len(b) < 23+46 || b[18] != 5 || b[21] != 1 || b[23+18] != 2 || b[len(b)-23+18] != 5 || b[len(b)-2] != 2 {
		t.Errorf("replay is %x", b)
	}
}

func TestLongBodiesAreKept(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	body := make([]byte, 200)
	body[0] = 32
	n := nlri.Raw{Family: bgp.IPv4Unicast, Body: body}
	for range 3 {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: n, Attrs: set(1)})
		if b := drain(o); len(b) < 200 {
			t.Fatalf("%d octets", len(b))
		}
		tb.Withdraw(tb.Peers(o), n, attr.Handle{})
		drain(o)
	}
	tb.Announce(API, tb.Peers(o), route.Route{NLRI: n, Attrs: set(1)})
	if n := testing.AllocsPerRun(10, func() { tb.entries.body(tb.entries.at(1)) }); n != 0 {
		t.Errorf("%v allocations to look at a body", n)
	}
	if len(tb.entries.big) != 1 {
		t.Errorf("%d places for one body", len(tb.entries.big))
	}
}

func TestDroppedPeerLeavesNothing(t *testing.T) {
	tb := NewTable()
	a, b := up(tb), up(tb)
	announce(tb, tb.Peers(a), "192.0.2.1/32", 1, "")
	announce(tb, tb.Peers(a, b), "192.0.2.2/32", 1, "")
	drain(a)
	drain(b)
	tb.DropPeer(a)
	newcomer := func() {
		c := tb.AddPeer()
		c.Up(session(65000))
		if got := drain(c); len(got) != 23 {
			t.Errorf("a new peer was told %x", got)
		}
	}
	newcomer()
	if !tb.Sweep(1) || tb.Sweep(1) || tb.Len() != 1 {
		t.Errorf("%d routes are wanted", tb.Len())
	}
	newcomer() // which gets the number
	if len(tb.peers) != 3 || tb.peers[a.number] == a {
		t.Error("the number is not given to another")
	}
	if len(drain(b)) != 0 {
		t.Error("the other peer heard of it")
	}
}

// TestDroppedWhileSweeping: a peer that is dropped while routes still name others
// has a sweep of its own.
func TestDroppedWhileSweeping(t *testing.T) {
	tb := NewTable()
	a, b, c := up(tb), up(tb), up(tb)
	announce(tb, tb.Peers(a, b), "192.0.2.1/32", 1, "")
	announce(tb, tb.Peers(a, b, c), "192.0.2.2/32", 1, "")
	tb.DropPeer(a)
	tb.Sweep(1)
	tb.DropPeer(b)
	if announce(tb, tb.Peers(c), "192.0.2.2/32", 1, ""); tb.version != 2 {
		t.Error("the same route for the one that is left was new")
	}
	for n := 0; tb.Sweep(1); n++ {
		if n > 4 {
			t.Fatal("it does not end")
		}
	}
	if tb.Len() != 1 || tb.Sweep(1) || tb.peers[0] != nil || tb.peers[1] != nil {
		t.Errorf("%d routes are wanted, of peers %v", tb.Len(), tb.peers)
	}
}

// A peer keeps no route that is now wanted in a way in which it can't be told.
func TestWhatCanNotBeSaidAnyMoreIsTakenBack(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	m := mirror{}
	want := func(set attr.Handle, routes int) {
		t.Helper()
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: v4("192.0.2.1/32"), Attrs: set})
		if m.take(t, drain(o)); len(m) != routes {
			t.Errorf("the peer has %v", m)
		}
	}
	var unsayable attr.Builder
	unsayable.Put(attr.NextHop, attr.Transitive, netip.MustParseAddr("2001:db8::1").AsSlice())
	want(unsayable.Handle(), 0)
	want(set(1), 1)
	want(unsayable.Handle(), 0)
	want(set(2), 1)
	unsayable.Put(attr.NextHop, attr.Transitive, []byte{10, 0, 0, 1})
	unsayable.Put(attr.Community, attr.Optional|attr.Transitive, make([]byte, 5000))
	want(unsayable.Handle(), 0)
	want(set(2), 1)
}

// TestCursorComesBack: a peer that has taken a part of a bucket which then moves
// goes on where it was, without a search, and behind what has left meanwhile.
func TestCursorComesBack(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	one := Session{Negotiated: session(65000).Negotiated, Single: true}
	o.Up(one)
	to, m := tb.Peers(o), mirror{}
	for i := range 6 {
		announce(tb, to, fmt.Sprintf("192.0.2.%d/32", i), 1, "")
	}
	announce(tb, to, "192.0.2.100/32", 2, "")
	b, _ := o.Bulk(nil, 1, false)
	m.take(t, b)
	stood := o.main.pos
	announce(tb, to, "192.0.2.6/32", 1, "")
	if first := tb.buckets[1].live.head; o.main.left[1] != stood || stood != tb.entries.at(first).next {
		t.Fatalf("it stood at %d and remembers %v", stood, o.main.left)
	}
	announce(tb, to, "192.0.2.1/32", 2, "") // where it stood
	if next := tb.entries.at(tb.buckets[1].live.head).next; o.main.left[1] != next {
		t.Errorf("%d is next, and it remembers %v", next, o.main.left)
	}
	if m.take(t, drain(o)); len(m) != 8 || m["20c0000201"] != 2 || len(o.main.left) != 0 {
		t.Errorf("told %v, remembers %v", m, o.main.left)
	}
}

func TestOffWithdrawsEverything(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "")
	announce(tb, tb.Peers(o), "192.0.2.2/32", 2, "dns")
	m := mirror{}
	m.take(t, drain(o))
	tb.Off()
	announce(tb, tb.Peers(o), "192.0.2.3/32", 1, "")
	if m.take(t, drain(o)); len(m) != 0 || !o.Caught() {
		t.Errorf("still told: %v", m)
	}
}

func TestGroupsNobodySpokeOf(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	tb.Groups(map[string]Stand{"dns": {Gate: Open}}, Stand{Gate: Closed})
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "dns")
	announce(tb, tb.Peers(o), "192.0.2.2/32", 1, "web")
	m := mirror{}
	if m.take(t, drain(o)); len(m) != 1 {
		t.Errorf("told %v", m)
	}
	tb.Groups(map[string]Stand{"dns": {Gate: Closed}}, Stand{Gate: Open})
	if m.take(t, drain(o)); len(m) != 1 {
		t.Errorf("told %v", m)
	}
	v := tb.Lookup(v4("192.0.2.1/32"), false)
	if len(v) != 1 || v[0].On || v[0].Peers[0].State != NotTold {
		t.Errorf("%+v", v)
	}
}

// TestClearAndGate: a gate that opens while a table is cleared saves no route,
// and one that somebody says again stays.
func TestClearAndGate(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	to := tb.Peers(o)
	announce(tb, to, "10.0.0.1/32", 1, "")
	announce(tb, to, "10.0.0.2/32", 1, "dns")
	announce(tb, to, "10.0.0.3/32", 1, "dns")
	tb.Group("dns", Closed)
	m := tb.BeginClear()
	pos := tb.Clear(to, m, 0, 1)
	announce(tb, to, "10.0.0.3/32", 2, "dns")
	tb.Group("dns", Open)
	for pos != 0 {
		pos = tb.Clear(to, m, pos, 1)
	}
	sees := mirror{}
	if sees.take(t, drain(o)); len(sees) != 1 || sees["200a000003"] != 2 {
		t.Error(sees)
	}
}

// TestEORByHand: an End-of-RIB that somebody asks for lets no other one go.
func TestEORByHand(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	s := vpnSession()
	s.NoEOR, s.HoldEOR = false, true
	o.Up(s)
	o.SendEOR(bgp.IPv4Unicast)
	if got := bodies(drain(o)); got != "00000000" || o.Caught() {
		t.Error(got)
	}
	o.ReleaseEOR()
	if got := bodies(drain(o)); got != "00000000 00000007900F0003000180" || !o.Caught() {
		t.Error(got)
	}
}
