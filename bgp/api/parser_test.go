package api

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var kinds = map[Kind]string{
	Nothing: "nothing", AckOn: "ack", AckOff: "no-ack", AckSilent: "silence", SyncOn: "sync", SyncOff: "no-sync", Reset: "reset", Bye: "bye",
	Announce: "announce", Withdraw: "withdraw", GroupOn: "on", GroupOff: "off", EOR: "eor", Refresh: "refresh",
	Operational: "operational", Flush: "flush", ClearOut: "clear out", ClearIn: "clear in", Teardown: "teardown", CreatePeer: "create",
	DeletePeer: "delete", RemoveIndex: "remove", Shutdown: "shutdown", Reload: "reload", Restart: "restart", Crash: "crash", Query: "query",
}

// show is a batch in words.
func show(b *Batch) string {
	var out []string
	for i := range b.Items {
		it := &b.Items[i]
		s := fmt.Sprintf("%d %s", it.Command, kinds[it.Kind])
		switch {
		case it.Err != nil:
			s = fmt.Sprintf("%d %v", it.Command, it.Err)
		case it.Route.NLRI.Body != nil:
			s += " " + string(it.Route.AppendText(nil))
		case it.Route.Group != "":
			s += " " + it.Route.Group
		case it.Family != 0:
			s += " " + it.Family.String()
		case it.More != nil:
			s += showMore(it.Kind, it.More)
		}
		out = append(out, s+showPeers(it.Peers))
	}
	for _, r := range b.Replies {
		out = append(out, fmt.Sprintf("%d says %s", r.Command, r.Text))
	}
	return strings.Join(out, "\n")
}

var whats = map[What]string{DaemonStatus: "status", ListPeers: "peers", ShowPeers: "peer", ShowRIB: "rib", ListRoutes: "routes", QueueStatus: "queues"}

func showMore(k Kind, m *More) string {
	switch k {
	case Teardown:
		return fmt.Sprint(" ", m.Subcode)
	case Operational:
		return " " + string(m.Operational.AppendText(nil))
	case CreatePeer:
		return " " + m.Neighbor
	case RemoveIndex:
		return " " + m.Index
	}
	q, s := m.Query, ""
	if k == Query {
		s = " " + whats[q.What] + []string{"", " summary", " extensive", " configuration"}[q.Detail]
	}
	if q.What == ShowRIB && k == Query {
		s += map[bool]string{true: " in", false: " out"}[q.In]
	}
	for _, f := range q.Families {
		s += ", " + f.String()
	}
	if q.Address.IsValid() {
		s += " " + q.Address.String()
	}
	if q.Text {
		s += " in text"
	}
	return s
}

func showPeers(s *Selector) (out string) {
	if s == nil {
		return ""
	}
	var terms []string
	for _, t := range s.terms {
		w := "*"
		if !t.any {
			w = t.address.String()
		}
		if t.local.IsValid() {
			w += " local " + t.local.String()
		}
		if t.hasLocalAS || t.hasPeerAS {
			w += fmt.Sprintf(" as %d/%d", t.localAS, t.peerAS)
		}
		if t.routerID != 0 {
			w += " id " + t.routerID.String()
		}
		if t.families != "" {
			w += " families " + t.families
		}
		terms = append(terms, w)
	}
	return " to " + strings.Join(terms, ", ")
}

// lineCases are lines, and the items that they give.
var lineCases = []struct{ line, want string }{
	{"announce route 10.0.0.0/24 next-hop 10.0.0.1", "0 announce 10.0.0.0/24 next-hop 10.0.0.1"},
	{"announce route 1.2.3.4 next-hop 5.6.7.8", "0 announce 1.2.3.4/32 next-hop 5.6.7.8"},
	{"announce   route 1.0.0.0/24  next-hop self med 200 community [2:1]", "0 announce 1.0.0.0/24 next-hop self med 200 community [ 2:1 ]"},
	{"announce route 10.0.0.0/23 next-hop 10.0.0.1 split /24", "0 announce 10.0.0.0/24 next-hop 10.0.0.1\n0 announce 10.0.1.0/24 next-hop 10.0.0.1"},
	{"announce route 10.0.2.0/23 next-hop 10.0.0.1 split /24", "0 announce 10.0.2.0/24 next-hop 10.0.0.1\n0 announce 10.0.3.0/24 next-hop 10.0.0.1"},
	{"announce route 10.0.0.0/24 next-hop 10.0.0.1 path-information 1.2.3.4 watchdog dns withdraw name x",
		"0 announce 10.0.0.0/24 path-information 1.2.3.4 next-hop 10.0.0.1 watchdog dns withdraw"},
	{"announce ipv6 unicast fc00:1::/64 next-hop 2001::11 local-preference 200", "0 announce fc00:1::/64 next-hop 2001::11 local-preference 200"},
	{"announce ipv4 unicast 10.0.0.0/8 next-hop 1.1.1.1", "0 announce 10.0.0.0/8 next-hop 1.1.1.1"},
	{"withdraw route 10.0.0.0/24", "0 withdraw 10.0.0.0/24"},
	{"withdraw route 10.0.0.0/24 next-hop 10.0.0.1", "0 withdraw 10.0.0.0/24 next-hop 10.0.0.1"},
	{"announce attributes med 1 next-hop 1.1.1.1 nlri 1.0.0.1/32 1.0.0.2", "0 announce 1.0.0.1/32 next-hop 1.1.1.1 med 1\n0 announce 1.0.0.2/32 next-hop 1.1.1.1 med 1"},
	{"withdraw attributes next-hop 1.1.1.1 nlri 1.0.0.1/32", "0 withdraw 1.0.0.1/32 next-hop 1.1.1.1"},
	{"announce flow route name { match { source 10.0.0.1/24; } then { discard; } }", "0 announce source-ipv4 10.0.0.0/24 extended-community [ rate-limit:0 ]"},
	{"announce watchdog dns", "0 on dns"},
	{"neighbor 10.0.0.1 withdraw watchdog dns", "0 off dns to 10.0.0.1"},
	{"announce eor", "0 eor ipv4 unicast"},
	{"announce eor ipv6 unicast", "0 eor ipv6 unicast"},
	{"neighbor 10.0.0.1, neighbor 10.0.0.2 local-as 1 announce route 1.1.1.1 next-hop 1.1.1.2", "0 announce 1.1.1.1/32 next-hop 1.1.1.2 to 10.0.0.1, 10.0.0.2 as 1/0"},
	{"peer * announce route 1.1.1.1 next-hop 1.1.1.2", "0 announce 1.1.1.1/32 next-hop 1.1.1.2 to *"},
	{"peer [10.0.0.1 peer-as 2, 10.0.0.2] withdraw route 1.1.1.1", "0 withdraw 1.1.1.1/32 to 10.0.0.1 as 0/2, 10.0.0.2"},
	{"# a comment", ""},
	{"   ", ""},
	{"version", "0 says exabgp 4.2.21 (holdfast 1)"},
	{"version json", `0 says { "version": "6.0.0", "application": "exabgp", "by": "holdfast 1" }`},
	{"session ack silence", "0 silence"},
	{"enable-ack", "0 ack"}, {"disable-ack", "0 no-ack"}, {"shutdown", "0 shutdown in text"}, {"reload", "0 reload in text"},

	{"bogus", `0 column 1: want announce, api, bye, clear, crash, create, daemon, delete, disable-ack, disable-sync, enable-ack, enable-sync, flush, group, help, peer, ping, queue-status, reload, reset, restart, rib, routes, session, show, shutdown, silence-ack, status, system, teardown, version, withdraw, got "bogus"`},
	{"announce", `0 column 9: want attribute, attributes, bgp-ls, eor, evpn, flow, ipv4, ipv6, l2vpn, operational, route, route-refresh, vpls, vpn, watchdog, got nothing`},
	{"announce route", `0 column 15: want a prefix, got nothing`},
	{"announce route 10.0.0.0/24", `0 column 27: want next-hop`},
	{"announce route 10.0.0.1/24 next-hop 1.1.1.1", `0 column 16: 10.0.0.1/24 has bits set beyond its length, want 10.0.0.0/24`},
	{"announce route 10.0.0.0/33 next-hop 1.1.1.1", `0 column 16: want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "10.0.0.0/33"`},
	{"announce route 10.0.0.0/24 next-hop 10.0.0.300", `0 column 37: next-hop: want an address or self, got "10.0.0.300"`},
	{"announce route 10.0.0.0/24 next-hop 10.0.0.1 med x", `0 column 50: med: want a number 0-4294967295, got "x"`},
	{"announce route 10.0.0.0/24 next-hop 10.0.0.1 med", `0 column 46: med: want 0-4294967295, got nothing`},
	{"announce route 10.0.0.0/24 next-hop 2001::1", "0 announce 10.0.0.0/24 next-hop 2001::1"},
	{"announce route 2001::/16 next-hop 1.1.1.1", "0 announce 2001::/16 next-hop 1.1.1.1"},
	{"announce ipv6 unicast 1.1.1.1 next-hop 1.1.1.1", `0 column 23: want a prefix of ipv6 unicast, got "1.1.1.1"`},
	{"announce route 10.0.0.0/24 next-hop 1.1.1.1 split /33", `0 column 51: split: want a length from /24 to /32 for 10.0.0.0/24, got /33`},
	{"announce route 10.0.0.0/8 next-hop 1.1.1.1 split /32", `0 column 50: split: want at most 65536 routes, so at most /24 for 10.0.0.0/8, got /32`},
	{"announce route 10.0.0.0/24 next-hop 1.1.1.1 community [ 1:1", `0 column 57: community: want N:N|no-export|no-advertise|blackhole|0xHEX or ], got nothing`},
	{"withdraw attributes next-hop 1.1.1.1", `0 column 37: want nlri, got nothing`},
	{"announce attributes next-hop 1.1.1.1 nlri", `0 column 42: want a prefix, got nothing`},
	{"announce attributes next-hop 1.1.1.1 nlri 1.0.0.0/8 x", `0 column 53: want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "x"`},
	{"announce watchdog", `0 column 18: want a name, got nothing`},
	{"announce flow route { match { source 10.0.0.0/24; } then {", `0 column 59: want }, got nothing`},
	{"announce flow route { match { source 10.0.0.0/24; } } } then { discard; }", `0 column 55: want { before }`},
	{"announce watchdog a b", `0 column 21: want the end of the command, got "b"`},
	{"announce eor ipv4 x", `0 column 19: want a family like ipv4 unicast, got "ipv4 x"`},
	{"neighbor x announce route 1.1.1.1", `0 column 10: want an address or *, got "x"`},
	{"neighbor 1.1.1.1 local-as x announce eor", `0 column 27: local-as: want an AS number 0-4294967295 or N.N, got "x"`},
	{"neighbor 1.1.1.1 shutdown", `0 column 18: want announce, clear, flush, group, rib, routes, show, teardown, withdraw, got "shutdown"`},
	{"announce watchdog \"a", `0 column 19: want a closing quote`},
	{"announce\x00", `0 column 9: want text, got octet 0x00`},
}

func TestLines(t *testing.T) {
	p := Parser{Version: "holdfast 1"}
	for _, c := range lineCases {
		for _, again := range []string{"", " again"} { // the second time by the short way
			var b Batch
			p.Line(&b, []byte(c.line))
			if d := cmp.Diff(c.want, show(&b)); d != "" {
				t.Errorf("%s%s (-want +got):\n%s", c.line, again, d)
			}
		}
	}
}

func TestRoutesThatEndInAnIPv4Address(t *testing.T) {
	var p Parser
	var b Batch
	p.Line(&b, []byte("announce route ::ffff:1.2.3.4/128 next-hop ::1"))
	if want := "0 announce ::ffff:1.2.3.4/128 next-hop ::1"; show(&b) != want {
		t.Errorf("got %s, want %s", show(&b), want)
	}
}

func TestAnErrorLeavesNothingOfItsCommand(t *testing.T) {
	var p Parser
	var b Batch
	p.Line(&b, []byte("announce attributes next-hop 1.1.1.1 nlri 1.0.0.0/8"))
	p.Line(&b, []byte("announce attributes next-hop 1.1.1.1 nlri 2.0.0.0/8 3.0.0.0/8 x"))
	p.Line(&b, []byte("withdraw route 1.0.0.0/8"))
	want := `0 announce 1.0.0.0/8 next-hop 1.1.1.1
1 column 63: want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "x"
2 withdraw 1.0.0.0/8`
	if d := cmp.Diff(want, show(&b)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestEqualPeersAreOneSelector(t *testing.T) {
	var p Parser
	var b Batch
	for _, l := range lines(3, "neighbor 10.0.0.1 announce route 10.%d.%d.%d/32 next-hop self") {
		p.Line(&b, l)
	}
	if s := b.Items[0].Peers; s == nil || b.Items[1].Peers != s || b.Items[2].Peers != s {
		t.Error("three selectors for one text")
	}
}

func TestSelector(t *testing.T) {
	peer := Peer{
		Address: netip.MustParseAddr("10.0.0.1"), Local: netip.MustParseAddr("10.0.0.2"), LocalAS: 1, PeerAS: 2, RouterID: 0x01020304,
	}
	testSelectors(t, peer, map[string]bool{
		"neighbor *": true, "neighbor 10.0.0.1": true, "neighbor 10.0.0.2": false,
		"neighbor 10.0.0.1 local-ip 10.0.0.2 local-as 1 peer-as 2 router-id 1.2.3.4 family-allowed in-open": true,
		"neighbor 10.0.0.1 local-as 2":                   false,
		"neighbor 10.0.0.1 peer-as 0":                    false,
		"neighbor 10.0.0.1 local-ip 10.0.0.3":            false,
		"neighbor 10.0.0.1 router-id 1.2.3.5":            false,
		"neighbor 10.0.0.1 family-allowed ipv4-unicast":  false,
		"neighbor 10.0.0.9, neighbor 10.0.0.1 peer-as 2": true,
		"neighbor 10.0.0.9, 10.0.0.1":                    true,
		"peer 10.0.0.1":                                  true,
		"peer [10.0.0.9, 10.0.0.1 peer-as 2]":            true,
		"peer [10.0.0.9, 10.0.0.1 peer-as 3]":            false,
	})
}

func testSelectors(t *testing.T, peer Peer, wants map[string]bool) {
	t.Helper()
	for text, want := range wants {
		w, err := split(text)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := selector(&w); err != nil || s.Match(peer) != want {
			t.Errorf("%s: got %v, %v", text, !want, err)
		}
	}
}

// TestQuotes: what stands in quotes is one word, as in a configuration.
func TestQuotes(t *testing.T) {
	for line, want := range map[string]string{
		`a "b c" d`:     "a|b c|d",
		`a 'b "c" d'`:   `a|b "c" d`,
		`a "b \"c\\" d`: `a|b "c\|d`,
		`a "b\tc"`:      "a|b\tc",
		`it's "" x`:     "it's||x",
		`a "b`:          "column 3: want a closing quote",
		`a "b\"`:        "column 3: want a closing quote",
	} {
		w, err := split(line)
		var got []string
		for _, x := range w.list {
			got = append(got, x.text)
		}
		text := strings.Join(got, "|")
		if err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%s: want %s, got %s", line, want, text)
		}
	}
}

func TestSelectorOfMultiSession(t *testing.T) {
	testSelectors(t, Peer{Address: netip.MustParseAddr("10.0.0.1"), Families: "ipv4-unicast/ipv6-unicast"}, map[string]bool{
		"neighbor 10.0.0.1": true,
		"neighbor 10.0.0.1 family-allowed ipv4-unicast/ipv6-unicast": true,
		"neighbor 10.0.0.1 family-allowed ipv4-unicast":              false,
		"neighbor 10.0.0.1 family-allowed in-open":                   false,
	})
}

func TestAnswers(t *testing.T) {
	p := Parser{Version: "holdfast 1"}
	var b Batch
	for _, l := range []string{"version", "bogus\x01", "# x", "disable-ack", "# x", "version", "enable-ack", "silence-ack", "# x"} {
		p.Line(&b, []byte(l))
	}
	got, ack := b.AppendAnswers(nil, true)
	want := "exabgp 4.2.21 (holdfast 1)\ndone\nerror: column 6: want text, got octet 0x01\nerror\ndone\ndone\nexabgp 4.2.21 (holdfast 1)\ndone\n"
	if d := cmp.Diff(want, string(got)); d != "" || ack {
		t.Errorf("acknowledgements %v, -want +got:\n%s", ack, d)
	}
}

func TestTheShortWayAllocatesNothing(t *testing.T) {
	var p Parser
	var b Batch
	for _, format := range []string{
		"announce route 10.%d.%d.%d/32 next-hop 10.99.0.1",
		"withdraw route 10.%d.%d.%d/32 next-hop 10.99.0.1",
		"announce route 2001:%x:%x:%x::/64 next-hop 2001::1 med 5",
		"neighbor 10.0.0.1 announce route 10.%d.%d.%d/32 next-hop 10.99.0.1",
		"announce attributes next-hop 10.99.0.1 nlri 10.%d.%d.%d/32 10.0.0.0/8 10.1.0.0/16",
	} {
		ls := lines(300, format)
		parseAll(&p, &b, ls)
		if n := testing.AllocsPerRun(10, func() { parseAll(&p, &b, ls) }); n != 0 {
			t.Errorf("%s: %v allocations for %d lines", format, n, len(ls))
		}
		for i := range b.Items {
			if b.Items[i].Err != nil {
				t.Fatal(b.Items[i].Err)
			}
		}
	}
}

func TestCachesAreBounded(t *testing.T) {
	var p Parser
	var b Batch
	for i := range 3 * cacheEntries {
		b.Reset()
		p.Line(&b, fmt.Appendf(nil, "neighbor 10.0.%d.%d announce route 10.0.0.0/8 next-hop 10.99.0.1 med %d", i>>8, i&255, i))
	}
	if n, m := len(p.route[0][0].all), len(p.peers.all); n > cacheEntries || m > cacheEntries {
		t.Errorf("%d tails and %d selectors are kept, want at most %d", n, m, cacheEntries)
	}
	b.Reset()
	p.Line(&b, []byte("announce route 10.0.0.0/8 next-hop 10.99.0.1 name "+strings.Repeat("x", 2*cacheText)))
	if p.route[0][0].get([]byte(" next-hop 10.99.0.1 name "+strings.Repeat("x", 2*cacheText))) != nil {
		t.Error("a long text is kept")
	}
}

// FuzzLine: a parser that has learned says what one that knows nothing says,
// for any line after any other, and nothing panics.
func FuzzLine(f *testing.F) {
	f.Add("announce route 10.0.0.0/24 next-hop 10.0.0.1", "announce route 10.0.1.0/24 next-hop 10.0.0.1")
	f.Add("announce attributes next-hop 1.1.1.1 watchdog nlri nlri 10.0.0.0/8", "announce attributes next-hop 1.1.1.1 watchdog nlri 10.0.0.0/8")
	f.Add("neighbor 1.1.1.1, neighbor * withdraw route ::/0", "neighbor 1.1.1.1, neighbor * withdraw route 2001::/16")
	f.Add("announce route 10.0.0.0/23 next-hop 1.1.1.1 split /24", "announce route 10.0.0.0/24 next-hop 1.1.1.1 split /24")
	f.Add(`announce watchdog "a b"`, "peer [1.1.1.1, ::1] announce eor ipv4 unicast")
	f.Add("neighbor 1.1.1.1 announce route 10.0.0.0/24 next-hop 1.1.1.1 sync", "neighbor 1.1.1.1 announce route 10.0.0.0/24 next-hop 1.1.1.1")
	f.Add("peer * group attributes med 5 next-hop 1.1.1.1 ; announce route 10.0.0.0/24", "group start")
	f.Add("peer create 1.1.1.1 local-as 1 peer-as 1 local-address 1.1.1.2 api x", "peer delete [1.1.1.1, *]")
	f.Add("show adj-rib out extensive flow ::/0 json", "peer [1.1.1.1] show summary")
	f.Add("announce operational asm afi ipv4 safi unicast advisory \"x\"", "teardown 1.1.1.1 4")
	f.Add("peer * routes ipv4 flow add destination 10.0.0.0/24 discard", "peer * routes remove index 00")
	f.Add("api version 6", "ping 1 2 text")
	for i := range commands {
		f.Add(commands[i].usage(4), commands[i].usage(6))
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var learned Parser
		for range 2 { // the second time from what was learned
			for _, line := range []string{first, second} {
				var fresh Parser
				var a, b Batch
				learned.Line(&a, []byte(line))
				fresh.Line(&b, []byte(line))
				learned.group, learned.API = nil, 0 // a group keeps what follows, and a version refuses it
				if d := cmp.Diff(show(&b), show(&a)); d != "" {
					t.Fatalf("%q after %q and %q: -grammar +short way:\n%s", line, first, second, d)
				}
			}
		}
	})
}
