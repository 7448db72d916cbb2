package rib

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// vpnRoute is 10.0.N.0/24 of an IPv4 VPN.
func vpnRoute(n byte) nlri.Raw {
	return nlri.Raw{Family: bgp.IPv4VPN, Body: []byte{112, 0, 0, 0x11, 0, 0, 0, 1, 0, 0, 0, 1, 10, 0, n}}
}

func vpnSession() Session {
	n := &bgp.Negotiated{LocalAS: 1, PeerAS: 1, Families: []bgp.Family{bgp.IPv4Unicast, bgp.IPv4VPN}, ASN4: true,
		LocalAddr: netip.MustParseAddr("10.0.0.1")}
	return Session{Negotiated: n, Export: attr.ExportFor(n), NoEOR: true}
}

// bodies is the frames without marker and length, in hexadecimal.
func bodies(b []byte) string {
	var out []string
	for len(b) > 0 {
		n := int(b[16])<<8 | int(b[17])
		out = append(out, strings.ToUpper(hex.EncodeToString(b[19:n])))
		b = b[n:]
	}
	return strings.Join(out, " ")
}

const (
	defaults = "4001010040020040050400000064"
	med7     = "400101004002004003040A000001" + "800404" + "00000007" + "40050400000064"
	unreach1 = "800F120001807000001100000001000000010A0001"
)

// unspecified is the attributes of "next-hop 0.0.0.0", which is none.
func unspecified() attr.Handle {
	var b attr.Builder
	b.Put(attr.NextHop, attr.Transitive, []byte{0, 0, 0, 0})
	return b.Handle()
}

// TestWithdrawAttributes: a withdraw has the attributes that its command says,
// or those of the route when nobody says any.
func TestWithdrawAttributes(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	o.Up(vpnSession())
	to := tb.Peers(o)
	say := func() {
		tb.Announce(API, to, route.Route{NLRI: vpnRoute(1), Attrs: set(9), Group: "dns"})
		drain(o)
	}
	for _, c := range []struct {
		name, want string
		do         func()
	}{
		{"with attributes", "00000031" + unreach1 + med7, func() { tb.Withdraw(to, vpnRoute(1), set(7)) }},
		{"without", "00000023" + unreach1 + defaults, func() { tb.Withdraw(to, vpnRoute(1), attr.Handle{}) }},
		{"with no next hop", "00000023" + unreach1 + defaults, func() { tb.Withdraw(to, vpnRoute(1), unspecified()) }},
		{"by its group", "00000031" + unreach1 + strings.Replace(med7, "07", "09", 1), func() { tb.Group("dns", Closed) }},
		{"two of a set", "00000023" + unreach1 + defaults + " 00000023" + strings.Replace(unreach1, "0A0001", "0A0002", 1) + defaults,
			func() { tb.Withdraw(to, vpnRoute(1), attr.Handle{}); tb.Withdraw(to, vpnRoute(2), attr.Handle{}) }},
		{"of another set next", "00000031" + unreach1 + med7 + " 00000023" + strings.Replace(unreach1, "0A0001", "0A0002", 1) + defaults,
			func() { tb.Withdraw(to, vpnRoute(1), set(7)); tb.Withdraw(to, vpnRoute(2), attr.Handle{}) }},
	} {
		tb.Group("dns", Open)
		say()
		c.do()
		if got := bodies(drain(o)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

// TestWithdrawUnknown: a withdraw is told whether the peer knows the route or
// not, once, and before what is announced after it.
func TestWithdrawUnknown(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	to, r := tb.Peers(o), route.Route{NLRI: v4("10.0.0.1/32"), Attrs: set(1)}
	tb.Withdraw(to, r.NLRI, attr.Handle{}) // nobody to tell
	o.Up(vpnSession())
	tb.Announce(API, to, route.Route{NLRI: v4("10.0.0.9/32"), Attrs: set(1)})
	drain(o)
	for range 3 {
		if tb.Withdraw(to, r.NLRI, attr.Handle{}) {
			t.Error("found")
		}
	}
	if got := bodies(drain(o)); got != "0005200A0000010000" {
		t.Error(got)
	}
	tb.Announce(API, to, r)
	tb.Withdraw(to, r.NLRI, attr.Handle{})
	tb.Announce(API, to, r)
	if got := bodies(drain(o)); got != "0005200A0000010000 0000001C400101004002004003040A000001800404"+"00000001"+"40050400000064200A000001" {
		t.Error(got)
	}
	if tb.Withdraw(to, r.NLRI, attr.Handle{}); bodies(drain(o)) != "0005200A0000010000" || tb.graves.head != 0 || tb.Len() != 1 {
		t.Error("a withdraw is left")
	}
}

// TestEarlyWithdraw: before a session's first announcement there is nothing to
// take back. ExaBGP sends the attributes of such a withdraw alone.
func TestEarlyWithdraw(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	o.Up(vpnSession())
	to := tb.Peers(o)
	tb.Withdraw(to, v4("10.0.0.1/32"), attr.Handle{})
	tb.Withdraw(to, vpnRoute(1), attr.Handle{})
	tb.Announce(API, to, route.Route{NLRI: vpnRoute(2), Attrs: set(1), Group: "dns"})
	tb.Group("dns", Closed)
	if got := bodies(drain(o)); got != "0000000E"+defaults {
		t.Error(got)
	}
	tb.Withdraw(to, vpnRoute(1), attr.Handle{})
	if got := bodies(drain(o)); got != "00000023"+unreach1+defaults {
		t.Error(got)
	}
}

// TestWithdrawFromSome: the others keep the route and hear nothing.
func TestWithdrawFromSome(t *testing.T) {
	tb := NewTable()
	a, b := tb.AddPeer(), tb.AddPeer()
	a.Up(vpnSession())
	b.Up(vpnSession())
	tb.Announce(API, tb.Peers(a, b), route.Route{NLRI: vpnRoute(1), Attrs: set(1)})
	drain(a)
	drain(b)
	tb.Withdraw(tb.Peers(a), vpnRoute(1), attr.Handle{})
	tb.Withdraw(tb.Peers(a), vpnRoute(1), set(7)) // the first has not left
	if got := bodies(drain(a)); got != "00000031"+unreach1+med7 {
		t.Error(got)
	}
	if got := bodies(drain(b)); got != "" || tb.Len() != 1 {
		t.Error(got)
	}
}

// TestStaleIsWithdrawn: a peer that helps through a restart keeps what the
// session before told it until End-of-RIB, so it hears withdraws of routes that
// this session has not announced; after End-of-RIB it has nothing.
func TestStaleIsWithdrawn(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	s := vpnSession()
	s.NoEOR, s.HoldEOR, s.Stale = false, true, true
	to := tb.Peers(o)
	announce(tb, to, "10.0.0.1/32", 1, "dns")
	o.Up(s)
	tb.Withdraw(to, v4("10.0.0.2/32"), attr.Handle{})
	tb.Group("dns", Closed)
	if got := bodies(drain(o)); got != "000A200A000002200A0000010000" {
		t.Error(got)
	}
	o.ReleaseEOR()
	if drain(o); len(o.stale) != 0 {
		t.Error("it keeps something")
	}
	tb.Group("dns", Open)
	tb.Group("dns", Closed)
	if b := drain(o); len(b) != 0 || tb.graves.head != 0 {
		t.Errorf("%x", b)
	}
}

// TestWithdrawTooLong: the attributes of a withdraw are left out where they do
// not fit.
func TestWithdrawTooLong(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	o.Up(vpnSession())
	to := tb.Peers(o)
	var b attr.Builder
	b.Put(attr.NextHop, attr.Transitive, []byte{10, 0, 0, 1})
	b.Put(attr.Community, attr.Optional|attr.Transitive|attr.Extended, make([]byte, 5000))
	long := b.Handle()
	tb.Withdraw(to, vpnRoute(1), long) // early: nothing but attributes
	if got := bodies(drain(o)); got != "" {
		t.Error(got)
	}
	tb.Announce(API, to, route.Route{NLRI: vpnRoute(1), Attrs: set(1)})
	drain(o)
	tb.Withdraw(to, vpnRoute(1), long)
	if got := bodies(drain(o)); got != "00000023"+unreach1+defaults {
		t.Error(got)
	}
}

// TestOtherPath: a peer without path identifiers keeps a prefix of which another
// path is wanted, and it is told that one.
func TestOtherPath(t *testing.T) {
	tb := NewTable()
	plain, both := tb.AddPeer(), tb.AddPeer()
	plain.Up(vpnSession())
	s := vpnSession()
	s.Negotiated.AddPath = map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Send}
	both.Up(s)
	path := func(id uint32) nlri.Raw {
		n := v4("10.0.0.1/32")
		n.HasPath, n.PathID = true, id
		return n
	}
	all := tb.Peers(plain, both)
	for id := range uint32(3) {
		tb.Announce(API, all, route.Route{NLRI: path(id), Attrs: set(id)})
		drain(plain)
		drain(both)
	}
	sees := mirror{}
	sees.take(t, drain(plain))
	for _, c := range []struct {
		id   uint32
		want string
	}{{1, "map[200a000001:2]"}, {2, "map[200a000001:0]"}, {0, "map[]"}} {
		tb.Withdraw(all, path(c.id), attr.Handle{})
		sees.take(t, drain(plain))
		if got := fmt.Sprint(sees); got != c.want {
			t.Errorf("after path %d: %s, want %s", c.id, got, c.want)
		}
		if got, want := bodies(drain(both)), fmt.Sprintf("0009%08X200A0000010000", c.id); got != want {
			t.Errorf("with path identifiers: %s, want %s", got, want)
		}
	}
	if tb.paths != 0 {
		t.Errorf("%d paths are left", tb.paths)
	}
}

// TestOtherPathOnItsWay: a path that the peer has not been told yet is no reason
// to keep the one that goes.
func TestOtherPathOnItsWay(t *testing.T) {
	tb := NewTable()
	o := tb.AddPeer()
	o.Up(vpnSession())
	to := tb.Peers(o)
	n := v4("10.0.0.1/32")
	tb.Announce(API, to, route.Route{NLRI: n, Attrs: set(1)})
	drain(o)
	n.HasPath, n.PathID = true, 7
	tb.Announce(API, to, route.Route{NLRI: n, Attrs: set(2)})
	tb.Withdraw(to, v4("10.0.0.1/32"), attr.Handle{})
	if b, _ := o.Urgent(nil, 1000); bodies(b) != "0005200A0000010000" {
		t.Error(bodies(b))
	}
	if got := bodies(drain(o)); len(got) < 50 {
		t.Error(got)
	}
}
