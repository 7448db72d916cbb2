package speaker

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/attr"
	"holdfast/bgp/capability"
	"holdfast/bgp/nlri"
	"holdfast/bgp/operational"
	"holdfast/bgp/rib"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// ask does one command of the helper "one", and gives its error as text once it
// is done.
func (r *rig) ask(items ...api.Item) string {
	r.t.Helper()
	b := &api.Batch{From: "one", Items: items}
	r.await(b)
	for _, it := range b.Items {
		if it.Err != nil {
			return it.Err.Error()
		}
	}
	return ""
}

// await waits until a batch is done.
func (r *rig) await(b *api.Batch) {
	r.t.Helper()
	done := make(chan struct{})
	r.do(func() { r.s.Do(b, func() { close(done) }) })
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		r.t.Fatal("the batch is never done")
	}
}

// lines parses lines of the helper "one".
func lines(text ...string) *api.Batch {
	var p api.Parser
	b := &api.Batch{From: "one"}
	for _, l := range text {
		p.Line(b, []byte(l))
	}
	return b
}

const helped = "api { processes [ one ]; } capability { route-refresh; operational; }"

// helpedPeer is a speaker with a neighbor that the helper "one" speaks for, and
// that has a session.
func helpedPeer(t *testing.T, words string) (*rig, *remote) {
	r := newRig(t)
	text, l := r.neighbor(2, helped+words)
	r.do(r.s.Release)
	r.apply("process one { run x; }\n" + text)
	p := r.meet(l, capability.Flag(capability.Operational))
	p.expect("EOR")
	return r, p
}

// TestRoutesAreForOnesThatList: whoever is named, and that a next hop of our own
// is an address that the route can have.
func TestRoutesAreForOnesThatList(t *testing.T) {
	r := newRig(t)
	a, _ := r.neighbor(2, helped)
	b, _ := r.neighbor(3, "")
	r.apply("process one { run x; }\n" + a + b)
	for line, want := range map[string]error{
		"neighbor 127.0.0.3 announce route 10.0.0.1/32 next-hop self": errNotListed,
		"neighbor 127.0.0.3 withdraw route 10.0.0.1/32":               errNotListed,
		"neighbor 127.0.0.9 withdraw route 10.0.0.1/32":               ErrNoPeer,
		"neighbor * announce route 10.0.0.1/32 next-hop self":         nil,
		"neighbor 127.0.0.3 flush adj-rib out":                        nil,
		"announce route 2001:db8::/32 next-hop self":                  errSelfHop,
		"announce route 2001:db8::/32 next-hop 10.0.0.1":              errForeignHop,
	} {
		x := lines(line)
		if r.await(x); x.Items[0].Err != want {
			t.Errorf("%s: %v", line, x.Items[0].Err)
		}
	}
	if st := r.status(); st.Routes != 1 {
		t.Errorf("%+v", st)
	}
}

// TestTakenOffTakesBack: a helper that a reload takes out, or takes off a neighbor,
// can still withdraw what it has said there, and nothing that somebody else has said.
func TestTakenOffTakesBack(t *testing.T) {
	const both = "process one { run x; }\nprocess two { run y; }\n"
	speak := func(names string) string { return "api { processes [ " + names + " ]; }" }
	for _, c := range []struct {
		name, first, second string // who speaks for the neighbors after the reload
		line                string
		want                error
		left                []int // routes that each still has
	}{
		{"out", "two", "two", "withdraw route 10.0.0.1/32", nil, []int{2, 2}},
		{"out, one neighbor", "two", "two", "neighbor 127.0.0.3 withdraw route 10.0.0.1/32", nil, []int{3, 2}},
		{"out, by an index", "two", "two", "peer * routes remove index 000101200A000001", nil, []int{2, 2}},
		{"off one", "one two", "two", "withdraw route 10.0.0.1/32", nil, []int{2, 2}},
		{"off one, that is named", "one two", "two", "neighbor 127.0.0.3 withdraw route 10.0.0.1/32", nil, []int{3, 2}},
		{"said again since", "two", "two", "withdraw route 10.0.0.2/32", ErrNoPeer, []int{3, 3}},
		{"said again since, one that is named", "two", "two", "neighbor 127.0.0.3 withdraw route 10.0.0.2/32", errNotListed, []int{3, 3}},
		{"configured", "two", "two", "withdraw route 10.0.0.3/32", ErrNoPeer, []int{3, 3}},
		{"announced", "two", "two", "announce route 10.0.0.4/32 next-hop self", ErrNoPeer, []int{3, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			const static = "static { route 10.0.0.3/32 next-hop self; }"
			a, _ := r.neighbor(2, static)
			b, _ := r.neighbor(3, static)
			with := func(section, names string) string { return strings.Replace(section, static, static+speak(names), 1) }
			r.apply(both + with(a, "one two") + with(b, "one two"))
			r.await(lines("announce route 10.0.0.1/32 next-hop self", "announce route 10.0.0.2/32 next-hop self"))
			again := lines("announce route 10.0.0.2/32 next-hop self")
			again.From = "two"
			r.await(again)
			r.apply(both + with(a, c.first) + with(b, c.second))
			x := lines(c.line)
			if r.await(x); x.Items[0].Err != c.want {
				t.Errorf("%v, want %v", x.Items[0].Err, c.want)
			}
			if d := cmp.Diff(c.left, r.wanted()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestManyHelpers: those that get no number of their own share the socket's.
func TestManyHelpers(t *testing.T) {
	r := newRig(t)
	r.do(func() {
		for i := range 300 {
			want := rib.API
			if i < 254 {
				want += rib.Owner(1 + i)
			}
			if got := r.s.owner(fmt.Sprint(i)); got != want {
				t.Errorf("%d: %d, want %d", i, got, want)
			}
		}
		if got := r.s.owner(""); got != rib.API {
			t.Errorf("the socket: %d", got)
		}
	})
}

// wanted is how many routes each neighbor is to be told.
func (r *rig) wanted() []int {
	ns := make([]int, 2)
	r.do(func() {
		r.s.table.Walk(0, sweepAtOnce, func(v rib.View) {
			for _, told := range v.Peers {
				ns[slices.IndexFunc(r.s.order, func(p *peer) bool { return p.out == told.Peer })]++
			}
		})
	})
	return ns
}

func TestNoSession(t *testing.T) {
	r := newRig(t)
	text, _ := r.neighbor(2, helped)
	r.apply("process one { run x; }\n" + text)
	for _, k := range []api.Kind{api.EOR, api.Refresh, api.Operational} {
		if got := r.ask(api.Item{Kind: k, Family: bgp.IPv4Unicast, More: &api.More{}}); got != errNoSession.Error() {
			t.Errorf("%d: %q", k, got)
		}
	}
	for _, k := range []api.Kind{api.Flush, api.ClearOut, api.ClearIn, api.Teardown} {
		if got := r.ask(api.Item{Kind: k, More: &api.More{Subcode: 4}}); got != "" {
			t.Errorf("%d: %q", k, got)
		}
	}
	b := lines("announce route 10.0.0.1/32 next-hop self")
	b.Sync = true
	r.await(b) // there is nobody to wait for
}

func TestPeerCommands(t *testing.T) {
	r, p := helpedPeer(t, "")
	for _, c := range []struct {
		item      api.Item
		err, told string
	}{
		{api.Item{Kind: api.EOR, Family: bgp.IPv4Unicast}, "", "EOR"},
		{api.Item{Kind: api.EOR, Family: bgp.IPv4Flow}, "no neighbor that the command is for has agreed on ipv4 flow", ""},
		{api.Item{Kind: api.Refresh, Family: bgp.IPv4Unicast}, "", "ROUTE-REFRESH"},
		{api.Item{Kind: api.Refresh, Family: bgp.IPv4Flow}, "no neighbor that the command is for has agreed on route-refresh of ipv4 flow", ""},
		{api.Item{Kind: api.Operational, More: &api.More{Operational: operational.Message{Kind: operational.RPCQ, Family: bgp.IPv4Unicast, Sequence: 3}}},
			"", "OPERATIONAL rpcq afi ipv4 safi unicast sequence 3 router-id 1.1.1.1"},
		{api.Item{Kind: api.Teardown, More: &api.More{}}, "teardown: want a subcode of Cease, 1 to 255", ""},
		{api.Item{Kind: api.Teardown, More: &api.More{Subcode: wire.AdminReset}}, "", `NOTIFICATION cease/administrative reset ("Administrative Reset")`},
	} {
		if got := r.ask(c.item); got != c.err {
			t.Errorf("%+v: %q", c.item, got)
		}
		if c.told != "" {
			p.expect(c.told)
		}
	}
}

// TestTeardownComesBack: the session ends with ExaBGP's words, and is made anew.
func TestTeardownComesBack(t *testing.T) {
	r := newRig(t)
	text, l := r.neighbor(2, helped)
	r.do(r.s.Release)
	r.apply("process one { run x; }\n" + text)
	for _, c := range []struct {
		subcode uint8
		data    string
	}{{wire.AdminShutdown, "\x17Administrative Shutdown"}, {wire.OutOfResource, "Out of Resources"}, {99, ""}} {
		p := r.meet(l)
		p.expect("EOR")
		r.ask(api.Item{Kind: api.Teardown, More: &api.More{Subcode: c.subcode}})
		b := make([]byte, 200)
		n, _ := p.Read(b)
		if got := wire.ParseNotification(b[:n]); got.Subcode != c.subcode || string(got.Data) != c.data {
			t.Errorf("%d: %q", got.Subcode, got.Data)
		}
		p.Close()
	}
}

// TestClear: everything goes that was there when it was said, in whatever part
// of the table, and what comes behind it stays.
func TestClear(t *testing.T) {
	r, p := helpedPeer(t, "")
	r.ask(api.Item{Kind: api.Announce, Route: route.Route{Attrs: hop(t), NLRI: nlri.Raw{Family: bgp.IPv4Unicast, Body: []byte{32, 10, 0, 0, 1}}}})
	p.expect("+10.0.0.1")
	far := many(t)
	again := api.Item{Kind: api.Announce, Route: far.Items[7].Route}
	far.Items = append(far.Items, api.Item{Kind: api.ClearOut}, again)
	r.await(far)
	r.do(func() {
		if n := r.s.table.Len(); n != 1 {
			t.Errorf("%d routes are left", n)
		}
	})
}

// TestWithdrawnByHand: what is said behind "withdraw watchdog" stays in when it is of
// that group, and the answer comes behind the withdraw. The plan that follows says
// the same, and has nothing to add.
func TestWithdrawnByHand(t *testing.T) {
	const off, on = "withdraw watchdog dns", "announce watchdog dns"
	const route = "announce route 10.0.0.2/32 next-hop self watchdog dns"
	for _, c := range []struct {
		name     string
		batches  [][]string
		told     []string
		receipts []string
	}{
		{"a route behind it", [][]string{{off, route}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"a route before it", [][]string{{route, off}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"a route in the next batch", [][]string{{off}, {route}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"said twice", [][]string{{off, route}, {off}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"on again", [][]string{{off, route, on}}, []string{"+10.0.0.2"}, nil},
		{"off again", [][]string{{off, on, route, off}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"on in the next batch", [][]string{{off, route}, {on}}, []string{"-10.0.0.1", "+10.0.0.1 +10.0.0.2"}, []string{"dns"}},
		{"a clear in between", [][]string{{off, "clear adj-rib out", route}}, []string{"-10.0.0.1"}, []string{"dns"}},
		{"a new group", [][]string{{"withdraw watchdog web", "announce route 10.0.0.2/32 next-hop self watchdog web"}}, nil, nil},
		{"a name that is refused", [][]string{{"withdraw watchdog no", "announce route 10.0.0.2/32 next-hop self watchdog no"}}, []string{"+10.0.0.2"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := helpedPeer(t, "")
			r.await(lines("announce route 10.0.0.1/32 next-hop self watchdog dns"))
			p.expect("+10.0.0.1")
			plan := r.plans()
			got := r.receipts()
			for _, b := range c.batches {
				x, done := lines(b...), make(chan uint64, 1)
				x.Sync = true
				r.do(func() { r.s.Do(x, func() { done <- r.s.order[0].out.Counters().Withdrawn }) })
				if n := <-done; n != uint64(len(c.receipts)) {
					t.Errorf("%d are withdrawn when the answer comes", n)
				}
				r.do(plan)
			}
			p.expect(c.told...)
			r.await(lines("announce route 10.0.0.3/32 next-hop self"))
			p.expect("+10.0.0.3")
			r.do(func() { r.s.Stop("bye", 20*time.Second, func() { close(got) }) })
			io.Copy(io.Discard, p)
			p.Close()
			var receipts []string
			for x := range got {
				if !x.All {
					receipts = append(receipts, x.Group)
				}
			}
			if d := cmp.Diff(c.receipts, receipts); d != "" {
				t.Errorf("receipts (-want +got):\n%s", d)
			}
		})
	}
}

// plans has the plan be as helpers say, but for the name "no", which is refused; at has
// the groups be as the plan.
func (r *rig) plans() (at func()) {
	stands := map[string]rib.Stand{}
	var plan map[string]rib.Stand
	r.do(func() {
		r.s.options.Watchdog = func(group string, on bool) error {
			if group == "no" {
				return errors.New("no")
			}
			if stands[group] = (rib.Stand{Gate: rib.Closed}); on {
				stands[group] = rib.Stand{Gate: rib.Forced}
			}
			return nil
		}
		r.s.options.Said = func() { plan = maps.Clone(stands) }
	})
	return func() { r.s.Groups(plan, rib.Stand{}, r.loop.Now()) }
}

// many is routes for two turns of a sweep.
func many(t *testing.T) *api.Batch {
	b, attrs := &api.Batch{From: "one"}, hop(t)
	for i := range 2 * sweepAtOnce {
		b.Items = append(b.Items, api.Item{Kind: api.Announce, Route: route.Route{Attrs: attrs, NLRI: nlri.Raw{Family: bgp.IPv4Unicast,
			Body: []byte{32, 11, byte(i >> 16), byte(i >> 8), byte(i)}}}})
	}
	return b
}

// TestDeleteBySlices: the routes of a neighbor that is gone go in several turns,
// and the table ends without them.
func TestDeleteBySlices(t *testing.T) {
	r, _ := helpedPeer(t, "")
	r.await(many(t))
	if got := r.ask(api.Item{Kind: api.DeletePeer}); got != "" {
		t.Fatal(got)
	}
	for turns, left, goesOn := 0, 1, true; left > 0; turns++ {
		if !goesOn || turns > 5 {
			t.Fatalf("%d routes are left", left)
		}
		r.do(func() { left, goesOn = r.s.table.Len(), r.s.sweeping })
	}
}

// hop is the attributes of a route with a next hop.
func hop(t *testing.T) attr.Handle {
	b := lines("announce route 10.0.0.1/32 next-hop self")
	if b.Items[0].Err != nil {
		t.Fatal(b.Items[0].Err)
	}
	return b.Items[0].Route.Attrs
}

func TestCreateAndDelete(t *testing.T) {
	r, p := helpedPeer(t, "")
	section, l := r.neighbor(4, "api { processes [ one ]; } static { route 10.4.0.1/32 next-hop self; }")
	create := func(text string) string {
		return r.ask(api.Item{Kind: api.CreatePeer, More: &api.More{Neighbor: text}})
	}
	if got := create(section); got != "" {
		t.Fatal(got)
	}
	q := r.meet(l)
	q.expect("+10.4.0.1", "EOR")
	r.await(lines("announce route 10.0.0.1/32 next-hop self"))
	p.expect("+10.0.0.1")
	q.expect("+10.0.0.1")
	for text, want := range map[string]string{
		section: "create: there is a neighbor 127.0.0.4 already",
		strings.Replace(strings.Replace(section, "[ one ]", "[ two ]", 1), ".4 {", ".5 {", 1): `there is no process "two"`,
		"neighbor 127.0.0.9 { local-as 1; }":                                                  "peer-as",
		"process x { run y; }":                                                                "create: want one neighbor, by its address",
	} {
		if got := create(text); !strings.Contains(got, want) || got == "" {
			t.Errorf("%s: %q", text, got)
		}
	}
	all := lines("neighbor 127.0.0.4 announce eor").Items[0].Peers
	if got := r.ask(api.Item{Kind: api.DeletePeer, Peers: all}); got != "" {
		t.Fatal(got)
	}
	q.expect("NOTIFICATION cease/peer deconfigured")
	if got := r.ask(api.Item{Kind: api.DeletePeer, Peers: all}); got != ErrNoPeer.Error() {
		t.Error(got)
	}
	if st := r.status(); len(st.Peers) != 1 {
		t.Errorf("%+v", st.Peers)
	}
}

// TestSync: a batch is done when its neighbors' sockets have all that it said,
// and a neighbor that goes is no longer waited for.
func TestSync(t *testing.T) {
	r, p := helpedPeer(t, "")
	b := lines("announce route 10.0.0.1/32 next-hop self")
	b.Sync = true
	r.await(b)
	r.do(func() {
		for _, x := range r.s.order {
			if x.out.Counters().Announced != 1 || x.live.conn.Unsent() != 0 {
				t.Errorf("done too early: %+v", x.out.Counters())
			}
		}
	})
	p.expect("+10.0.0.1")
	b = lines("withdraw route 10.0.0.1/32")
	b.Sync = true
	r.await(b)
	p.expect("-10.0.0.1")

	p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	// The neighbor reads no more: the batch waits until the session ends.
	done := make(chan struct{})
	b = &api.Batch{From: "one", Sync: true}
	attrs := hop(t)
	for i := range 1 << 18 {
		b.Items = append(b.Items, api.Item{Kind: api.Announce, Route: route.Route{Attrs: attrs, NLRI: nlri.Raw{Family: bgp.IPv4Unicast,
			Body: []byte{32, 12, byte(i >> 16), byte(i >> 8), byte(i)}}}})
	}
	r.do(func() { r.s.Do(b, func() { close(done) }) })
	r.do(func() {})
	select {
	case <-done:
		t.Error("done before the neighbor has read")
	default:
	}
	p.Close()
	<-done
}

func TestRemoveIndex(t *testing.T) {
	r, p := helpedPeer(t, "")
	r.await(lines("announce route 10.0.0.1/32 next-hop self path-information 1.2.3.4", "announce route 10.0.0.2/32 next-hop self"))
	p.expect("+10.0.0.1 +10.0.0.2")
	remove := func(index string) string {
		return r.ask(api.Item{Kind: api.RemoveIndex, More: &api.More{Index: index}})
	}
	path := nlri.Raw{Family: bgp.IPv4Unicast, HasPath: true, PathID: 0x01020304, Body: []byte{32, 10, 0, 0, 1}}
	for _, index := range []string{api.Index(path), "000101200A000002"} {
		if got := remove(index); got != "" {
			t.Errorf("%s: %s", index, got)
		}
	}
	p.expect("-10.0.0.1", "-10.0.0.2")
	if got := remove("000101200A000002"); got != `index: there is no route "000101200A000002"` {
		t.Error(got)
	}
}

// received is what is kept of what the neighbor said.
func (r *rig) received() (out []string) {
	r.do(func() {
		in := r.s.order[0].in
		if in == nil {
			out = []string{"none"}
			return
		}
		for pos, first := uint32(0), true; first || pos != 0; first = false {
			pos = in.Walk(pos, 2, func(x route.Route) { out = append(out, string(x.AppendText(nil))) })
		}
	})
	return out
}

// TestReceived: what the neighbor says is kept where the configuration says so,
// until it is withdrawn, cleared or the session ends.
func TestReceived(t *testing.T) {
	r := newRig(t)
	text, l := r.neighbor(2, helped+" adj-rib-in true;")
	r.do(r.s.Release)
	r.apply("process one { run x; }\n" + text)
	p := r.meet(l)
	p.expect("EOR")
	n := &bgp.Negotiated{LocalAS: 65001, PeerAS: 65000, ASN4: true, Families: []bgp.Family{bgp.IPv4Unicast}}
	tb := rib.NewTable()
	o := tb.AddPeer()
	o.Up(rib.Session{Negotiated: n, Export: attr.ExportFor(n), NoEOR: true})
	say := func(b *api.Batch) {
		for _, it := range b.Items {
			if it.Kind == api.Announce {
				tb.Announce(rib.API, tb.Peers(o), it.Route)
			} else {
				tb.Withdraw(tb.Peers(o), it.Route.NLRI, attr.Handle{})
			}
		}
		frames, _ := o.Urgent(nil, 1<<16)
		frames, _ = o.Bulk(frames, 1<<16, false)
		p.Write(append(frames, wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast})...))
	}
	until := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if strings.Join(r.received(), "; ") == want {
				return
			}
		}
		t.Fatalf("kept %q, want %q", r.received(), want)
	}
	say(lines("announce route 20.0.0.1/32 next-hop 10.9.9.9 med 5", "announce route 20.0.0.2/32 next-hop 10.9.9.9"))
	until("20.0.0.1/32 next-hop 10.9.9.9 origin igp as-path [ 65001 ] med 5; 20.0.0.2/32 next-hop 10.9.9.9 origin igp as-path [ 65001 ]")
	say(lines("withdraw route 20.0.0.1/32"))
	until("20.0.0.2/32 next-hop 10.9.9.9 origin igp as-path [ 65001 ]")
	r.ask(api.Item{Kind: api.ClearIn})
	until("")
	say(lines("announce route 20.0.0.3/32 next-hop 10.9.9.9"))
	until("20.0.0.3/32 next-hop 10.9.9.9 origin igp as-path [ 65001 ]")
	r.apply("process one { run x; }\n" + strings.Replace(text, "adj-rib-in true", "adj-rib-in false", 1))
	until("none")
	r.apply("process one { run x; }\n" + text)
	p.expect("ROUTE-REFRESH")
	say(lines("announce route 20.0.0.4/32 next-hop 10.9.9.9"))
	until("20.0.0.4/32 next-hop 10.9.9.9 origin igp as-path [ 65001 ]")
	p.Close()
	until("")
}
