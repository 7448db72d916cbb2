package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/lab/golden"
)

// shownPeers are a neighbor with a session, and one that has never had one.
func shownPeers() []PeerView {
	up := PeerView{Peer: Peer{Address: netip.MustParseAddr("127.0.0.2"), Local: netip.MustParseAddr("127.0.0.1"), LocalAS: 65000, PeerAS: 65000, RouterID: 0x0a000001},
		Description: `the "first" one`, State: "ESTABLISHED", Age: 3*time.Second + 700*time.Millisecond,
		Hold: [2]time.Duration{30 * time.Second, 90 * time.Second}, PeerID: 0x0a000002,
		Offers: []Offer{{"asn4", On, On}, {"route-refresh", On, Off}},
		Families: []FamilyView{{Offer{bgp.IPv4Unicast.String(), On, On}, bgp.Send}, {Offer{bgp.IPv4Flow.String(), On, Off}, 0},
			{Offer{bgp.IPv6Unicast.String(), Off, On}, 0}},
		Messages: []Count{{"open", 1, 1}, {"notification", 0, 0}, {"keepalive", 1, 2}, {"update", 10, 1}, {"refresh", 0, 0}}}
	down := PeerView{Peer: Peer{Address: netip.MustParseAddr("2001:db8::3"), PeerAS: 4200000000, RouterID: 0x0a000001, Families: "ipv4-unicast"},
		State: "IDLE", Age: 49*time.Hour + 61*time.Second, LastError: "connection refused", Hold: [2]time.Duration{180 * time.Second},
		Offers:   []Offer{{"asn4", On, Unknown}, {"route-refresh", Off, Unknown}},
		Families: []FamilyView{{Offer{bgp.IPv6Unicast.String(), On, Unknown}, 0}},
		Messages: []Count{{"open", 0, 0}, {"notification", 0, 0}, {"keepalive", 0, 0}, {"update", 0, 0}, {"refresh", 0, 0}}}
	return []PeerView{up, down}
}

func TestShowPeers(t *testing.T) {
	g := answersIn(t, "peers")
	for _, text := range []bool{true, false} {
		for name, q := range map[string]Question{"list": {What: ListPeers}, "plain": {What: ShowPeers}, "summary": {What: ShowPeers, Detail: Summary},
			"extensive": {What: ShowPeers, Detail: Extensive}} {
			q.Text = text
			g.is(form(text)+" "+name, q.AppendPeers(nil, shownPeers()))
		}
	}
	g.done()
}

func form(text bool) string {
	if text {
		return "text"
	}
	return "json"
}

func TestShowDaemon(t *testing.T) {
	g := answersIn(t, "daemon")
	v := DaemonView{"1.0", "5f0c", 42, time.Unix(1700000000, 250e6), 25*time.Hour + time.Second, shownPeers()}
	v.Peers = append(v.Peers, v.Peers[1])
	v.Peers[2].LocalAS = 65009
	for _, text := range []bool{true, false} {
		q := Question{Text: text}
		g.is(form(text)+" status", q.AppendDaemon(nil, &v))
		g.is(form(text)+" queues", q.AppendQueues(nil, []string{"a", "b"}, []Queue{{}, {3, 120}}))
		g.is(form(text)+" progress", q.AppendProgress(nil, "reload in progress"))
	}
	g.done()
}

// TestShowRoutes shows the routes that a golden's commands announce.
func TestShowRoutes(t *testing.T) {
	g := answersIn(t, "routes")
	views := announced(t, string(g.archive.Comment))
	unicast, flow := []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast}, []bgp.Family{bgp.IPv4Flow, bgp.IPv6Flow}
	for name, q := range map[string]Question{"plain": {What: ShowRIB}, "extensive": {What: ShowRIB, Detail: Extensive},
		"flow": {What: ShowRIB, Families: flow}, "of an address": {What: ShowRIB, Address: netip.MustParsePrefix("10.3.0.9/32")},
		"of a prefix": {What: ShowRIB, Families: unicast, Address: netip.MustParsePrefix("10.1.0.0/24")},
		"of nothing":  {What: ShowRIB, Address: netip.MustParsePrefix("10.1.0.0/25")}, "list": {What: ListRoutes, Families: unicast}} {
		for _, text := range []bool{true, false} {
			q.Text = text
			var out []byte
			l := Lines{Question: &q, Say: func(b []byte) bool { out = append(out, b...); return true }}
			for i := range views {
				l.Add(&views[i])
			}
			l.End()
			g.is(form(text)+" "+name, out)
		}
	}
	g.done()
}

func announced(t *testing.T, lines string) (vs []RouteView) {
	t.Helper()
	var p Parser
	var b Batch
	for l := range strings.Lines(lines) {
		p.Line(&b, []byte(l))
	}
	who := Peer{Address: netip.MustParseAddr("127.0.0.2"), Local: netip.MustParseAddr("127.0.0.1"), LocalAS: 65000, PeerAS: 65000, RouterID: 0x0a000001}
	for _, it := range b.Items {
		if it.Err != nil {
			t.Fatal(it.Err)
		}
		vs = append(vs, RouteView{&who, it.Route})
	}
	return vs
}

// TestLinesOfALargeTable has every route in one of several lines of JSON, and no
// line grow.
func TestLinesOfALargeTable(t *testing.T) {
	seen := map[string]bool{}
	lines := 0
	l := Lines{Question: &Question{What: ShowRIB, Detail: Extensive}, Say: func(b []byte) bool {
		lines++
		if len(b) > lineSize+1<<10 || bytes.IndexByte(b, '\n') != len(b)-1 {
			t.Errorf("a line of %d octets", len(b))
		}
		var list []struct {
			NLRI struct{ NLRI string }
		}
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			seen[r.NLRI.NLRI] = true
		}
		return true
	}}
	v := announced(t, "announce route 10.0.0.0/32 next-hop self med 7")[0]
	for i := range 5000 {
		v.Route.NLRI = nlri.Raw{Family: bgp.IPv4Unicast, Body: []byte{32, 10, 0, byte(i >> 8), byte(i)}}
		if !l.Add(&v) {
			t.Fatal("gone")
		}
	}
	l.End()
	if len(seen) != 5000 || lines < 2 {
		t.Errorf("%d routes in %d lines", len(seen), lines)
	}
}

// TestNobodyListens ends the answer.
func TestNobodyListens(t *testing.T) {
	said := 0
	l := Lines{Question: &Question{What: ShowRIB, Text: true}, Say: func([]byte) bool { said++; return false }}
	v := announced(t, "announce route 10.0.0.0/32 next-hop self")[0]
	n := 0
	for l.Add(&v) {
		n++
	}
	l.End()
	if said != 1 || n < 100 {
		t.Errorf("said %d times, after %d routes", said, n)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0:00:00", 59*time.Minute + 59*time.Second: "0:59:59", 24 * time.Hour: "1 day, 0:00:00",
		49*time.Hour + 61*time.Second: "2 days, 1:01:01"} {
		if got := span(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

// answers is a file of them: text, and JSON that has to be valid.
type answers struct {
	t       *testing.T
	path    string
	archive *txtar.Archive
	got     map[string]string
}

func answersIn(t *testing.T, name string) *answers {
	t.Helper()
	path := filepath.Join("testdata", "show", name+".txtar")
	return &answers{t, path, golden.Read(t, path), map[string]string{}}
}

func (g *answers) is(name string, out []byte) {
	g.t.Helper()
	if strings.HasPrefix(name, "json") && !json.Valid(out) {
		g.t.Errorf("%s is no JSON: %s", name, out)
	}
	// Blanks at the ends of lines are seen.
	g.got[name] = strings.ReplaceAll(string(out), " \n", " $\n")
}

func (g *answers) done() {
	g.t.Helper()
	got := txtar.Archive{Comment: g.archive.Comment}
	for _, kind := range []string{"text", "json"} {
		for _, name := range slices.Sorted(maps.Keys(g.got)) {
			if strings.HasPrefix(name, kind) {
				got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(g.got[name])})
			}
		}
	}
	golden.Is(g.t, g.path, string(txtar.Format(g.archive)), string(txtar.Format(&got)))
}
