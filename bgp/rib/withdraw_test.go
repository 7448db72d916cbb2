package rib

import (
	"encoding/hex"
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
