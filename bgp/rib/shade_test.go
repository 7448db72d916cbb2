package rib

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// flowTo is a specification for 10.N.0.0/16.
func flowTo(n byte) nlri.Raw {
	return nlri.Raw{Family: bgp.IPv4Flow, Body: []byte{4, 1, 16, 10, n}}
}

// told is what a peer gets: "+1:5" is route 1 with MED 5, "-1" its withdraw.
func told(t *testing.T, o *Out, b []byte) string {
	t.Helper()
	n := bgp.Negotiated{Families: []bgp.Family{bgp.IPv4Flow}, ASN4: true, LocalAS: 1, PeerAS: 1}
	var out []string
	for len(b) > 0 {
		size := wire.FrameLen(b)
		u := wire.Update{Keep: true}
		if bad := wire.ParseUpdate(b[:size], &n, &u); bad != nil {
			t.Fatal(bad)
		}
		for r := range u.Reach.All() {
			med, _ := u.Handle(true).Value().Get(attr.MED)
			out = append(out, fmt.Sprintf("+%d:%d", r.Body[4], med.Value[3]))
		}
		for r := range u.Unreach.All() {
			out = append(out, fmt.Sprintf("-%d", r.Body[4]))
		}
		b = b[size:]
	}
	return strings.Join(out, " ")
}

func flowTable() (*Table, *Out, func(n byte, med uint32)) {
	t := NewTable()
	o := t.AddPeer()
	return t, o, func(n byte, med uint32) {
		t.Announce(Config, t.Peers(o), route.Route{NLRI: flowTo(n), Attrs: set(med)})
	}
}

func flowSession() Session {
	n := &bgp.Negotiated{LocalAS: 1, PeerAS: 1, Families: []bgp.Family{bgp.IPv4Flow}, ASN4: true}
	return Session{Negotiated: n, Export: attr.ExportFor(n), NoEOR: true}
}

// TestShadeIsToldBefore: two specifications that match the same are told in the
// order of the configuration, whoever comes up whenever.
func TestShadeIsToldBefore(t *testing.T) {
	tb, o, say := flowTable()
	say(1, 1)
	say(2, 2)
	say(1, 3)
	for range 2 {
		o.Up(flowSession())
		if got := told(t, o, drain(o)); got != "+1:1 +2:2 +1:3" {
			t.Error(got)
		}
		o.Down()
	}
	if vs := tb.Lookup(flowTo(1), true); len(vs) != 1 {
		t.Errorf("%d views", len(vs))
	}
}

// TestShadeNeverComesLast: a shade whose bucket would move to the end goes, and
// so does one whose route is taken away; the withdraw is told.
func TestShadeNeverComesLast(t *testing.T) {
	_, o, say := flowTable()
	say(1, 1)
	say(1, 3)
	say(2, 1) // moves the bucket of the shade
	o.Up(flowSession())
	if got := told(t, o, drain(o)); got != "+1:3 +2:1" {
		t.Error(got)
	}
	tb, o, say := flowTable()
	say(1, 1)
	say(1, 3)
	o.Up(flowSession())
	b, _ := o.Bulk(nil, 1, false)
	if got := told(t, o, b); got != "+1:1" {
		t.Fatal(got)
	}
	tb.Withdraw(tb.Peers(o), flowTo(1), attr.Handle{})
	if got := told(t, o, drain(o)); got != "-1" {
		t.Errorf("the peer keeps what it was told: %q", got)
	}
	if len(tb.shadesOf) != 0 || len(tb.shadesIn) != 0 || tb.Len() != 0 {
		t.Error("a shade is left")
	}
}

// BenchmarkShades loads a configuration in which a thousand specifications are
// said twice.
func BenchmarkShades(b *testing.B) {
	for range b.N {
		tb := NewTable()
		o := tb.AddPeer()
		for n := range 2000 {
			tb.Announce(Config, tb.Peers(o), route.Route{NLRI: nlri.Raw{Family: bgp.IPv4Flow, Body: []byte{5, 1, 24, 10, byte(n % 1000 >> 8), byte(n % 1000)}}, Attrs: set(uint32(n))})
		}
	}
}
