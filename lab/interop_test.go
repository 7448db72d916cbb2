package lab_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/lab"
)

// The numbers of all sessions in these tests.
const (
	boxAS  = 65001
	peerAS = 65002
	soon   = 60 * time.Second // for what takes 20 s with the slowest of the peers
)

// row is one session of the matrix.
type row struct {
	peer    string // key of lab.Peers
	six     bool   // over IPv6
	md5     bool
	passive bool // the box waits for the peer
	inside  bool // iBGP
}

func (r row) String() string {
	words := []string{r.peer, "ipv4", "plain", "active", "ebgp"}
	for i, set := range []bool{r.six, r.md5, r.passive, r.inside} {
		if set {
			words[i+1] = []string{"ipv6", "md5", "passive", "ibgp"}[i]
		}
	}
	return strings.Join(words, "-")
}

func (r row) peerAS() uint32 {
	if r.inside {
		return boxAS
	}
	return peerAS
}

func (r row) session() lab.Session {
	s := lab.Session{Local: peer4, Remote: box4, LocalAS: r.peerAS(), RemoteAS: boxAS, Passive: !r.passive}
	if r.six {
		s.Local, s.Remote = peer6, box6
	}
	if r.md5 {
		s.Password = "correct-horse"
	}
	return s
}

// The two ends of the wire.
var (
	box4, peer4 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	box6, peer6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

// The routes of all sessions: one of each family with all attributes that an
// operator gives to a unicast route, and one of each with none.
var (
	full4  = netip.MustParsePrefix("192.0.2.53/32")
	full6  = netip.MustParsePrefix("2001:db8:53::53/128")
	plain4 = netip.MustParsePrefix("198.51.100.0/24")
	plain6 = netip.MustParsePrefix("2001:db8:100::/48")
)

const attributes = `origin egp med 77 as-path [ 65010 65011 ] community [ 65001:1 65001:2 ] ` +
	`large-community [ 65001:1:2 65001:3:4 ] extended-community [ target:65001:7 origin:65001:8 ] ` +
	`atomic-aggregate aggregator ( 65001:192.0.2.9 )`

// config is the box's side of a session.
func (r row) config() string {
	s := r.session()
	var b strings.Builder
	fmt.Fprintf(&b, `neighbor %s {
	router-id 192.0.2.1;
	local-address %s;
	local-as %d;
	peer-as %d;
	hold-time 9;
	family { ipv4 unicast; ipv6 unicast; }
	api { processes [ lab ]; }
`, s.Local, s.Remote, boxAS, s.LocalAS)
	if r.md5 {
		fmt.Fprintf(&b, "\tmd5-password %q;\n", s.Password)
	}
	if r.passive {
		b.WriteString("\tpassive true;\n\tlisten 179;\n")
	}
	b.WriteString("\tstatic {\n")
	for prefix, hop := range map[netip.Prefix]netip.Addr{full4: box4, full6: box6} {
		fmt.Fprintf(&b, "\t\troute %s next-hop %s local-preference 200 %s;\n", prefix, hop, attributes)
	}
	for prefix, hop := range map[netip.Prefix]netip.Addr{plain4: box4, plain6: box6} {
		fmt.Fprintf(&b, "\t\troute %s next-hop %s;\n", prefix, hop)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// wants is what the peer's table must show.
func (r row) wants() map[netip.Prefix]lab.Route {
	full := lab.Route{
		Origin: "egp", ASPath: "65010 65011", MED: "77", Atomic: true, Aggregator: "65001:192.0.2.9",
		Communities: []string{"65001:1", "65001:2"}, Large: []string{"65001:1:2", "65001:3:4"},
		Extended: []string{"origin:65001:8", "target:65001:7"},
	}
	plain := lab.Route{Origin: "igp"}
	if r.inside {
		full.LocalPref, plain.LocalPref = "200", "100"
	} else {
		plain.ASPath = fmt.Sprint(boxAS)
	}
	all := map[netip.Prefix]lab.Route{}
	for _, p := range []netip.Prefix{full4, full6, plain4, plain6} {
		route, hop := plain, box4
		if p == full4 || p == full6 {
			route = full
		}
		if p.Addr().Is6() {
			hop = box6
		}
		route.NextHop = hop
		all[p] = route
	}
	return all
}

// The peers show a LOCAL_PREF of their own where none was sent.
func (r row) seen(route lab.Route) lab.Route {
	if !r.inside {
		route.LocalPref = ""
	}
	return route
}

// run brings the session up, compares the peer's table, and withdraws.
func (r row) run(t *testing.T, engine lab.Engine) {
	t.Parallel()
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", box4.String()+"/24", box6.String()+"/64")
	upstream.Address("eth0", peer4.String()+"/24", peer6.String()+"/64")
	daemon := box.Box(engine, r.config())
	peer := lab.Peers[r.peer](upstream, r.session())
	if r.passive {
		daemon.Start()
		l.Until(soon, "the box listens", func() bool { return box.Listens(179) })
		peer.Start()
	} else {
		peer.Start()
		l.Until(soon, r.peer+" listens", func() bool { return upstream.Listens(179) })
		daemon.Start()
	}
	l.Until(soon, r.peer+" says established", peer.Established)
	r.announced(l, peer)
	r.withdrawn(l, daemon, peer)
}

func (r row) announced(l *lab.Lab, peer lab.Peer) {
	l.Helper()
	for prefix, want := range r.wants() {
		var got lab.Route
		if !lab.Poll(soon, func() bool {
			route, ok := peer.Route(prefix)
			got = r.seen(route)
			return ok && cmp.Equal(want, got, compareAddr)
		}) {
			l.Fatalf("%s in %s's table: - want, + got\n%s", prefix, r.peer, cmp.Diff(want, got, compareAddr))
		}
	}
}

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// withdrawn withdraws one route after the other by command, and looks that
// the others stay.
func (r row) withdrawn(l *lab.Lab, box *lab.Box, peer lab.Peer) {
	l.Helper()
	wants := r.wants()
	for _, prefix := range slices.SortedFunc(maps.Keys(wants), netip.Prefix.Compare) {
		box.Command("withdraw route %s next-hop %s", prefix, wants[prefix].NextHop)
		l.Until(soon, r.peer+" lost "+prefix.String(), func() bool {
			_, ok := peer.Route(prefix)
			return !ok
		})
		delete(wants, prefix)
		for other := range wants {
			if _, ok := peer.Route(other); !ok {
				l.Fatalf("%s went with %s", other, prefix)
			}
		}
	}
	if !peer.Established() {
		l.Fatalf("the session with %s went down", r.peer)
	}
}

// matrix is every kind of session with every kind of peer.
func matrix() (rows []row) {
	for _, kind := range slices.Sorted(maps.Keys(lab.Peers)) {
		for bits := range 8 {
			rows = append(rows, row{peer: kind, six: bits&1 != 0, md5: bits&2 != 0, passive: bits&4 != 0})
		}
		rows = append(rows, row{peer: kind, inside: true})
	}
	return rows
}

// TestInterop is the matrix with our daemon.
func TestInterop(t *testing.T) {
	for _, r := range matrix() {
		t.Run(r.String(), func(t *testing.T) { r.run(t, lab.Holdfast) })
	}
}

// TestReference has Debian's ExaBGP as the box: when a row fails here, too, it
// is the lab that is wrong.
func TestReference(t *testing.T) {
	for _, r := range []row{
		{peer: "bird", md5: true}, {peer: "frr", six: true, passive: true}, {peer: "gobgp", inside: true},
		{peer: "exabgp", six: true, md5: true},
	} {
		t.Run(r.String(), func(t *testing.T) { r.run(t, lab.Reference) })
	}
}
