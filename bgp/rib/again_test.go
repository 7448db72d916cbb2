package rib

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/route"
)

// med is a group that is told with a MED.
func med(n uint32) Stand { return Stand{Degrade: attr.Degrade{SetMED: true, MED: n}} }

// stands has one group stand so.
func stands(t *Table, name string, s Stand) []Change {
	return t.Groups(map[string]Stand{name: s}, Stand{})
}

// many announces n routes of a group.
func many(t *Table, to PeerSet, n int, group string) {
	for i := range n {
		t.Announce(API, to, route.Route{NLRI: host(nil, i), Attrs: set(1), Group: group})
	}
}

// meds counts what a mirror has, by MED.
func (m mirror) meds() map[uint32]int {
	n := map[uint32]int{}
	for _, med := range m {
		n[med]++
	}
	return n
}

func TestDegradedAndBack(t *testing.T) {
	for _, group := range []string{"dns", ""} {
		tb := NewTable()
		o, m := up(tb), mirror{}
		many(tb, tb.Peers(o), 20000, group)
		first := m.take(t, drain(o))
		for _, c := range []struct {
			s    Stand
			want uint32
		}{{med(500), 500}, {med(600), 600}, {Stand{Degrade: attr.Degrade{Prepend: 3}}, 3001}, {Stand{}, 1}} {
			stands(tb, group, c.s)
			if n := m.take(t, drain(o)); n > first+1 {
				t.Errorf("%d routes in %d updates, and in %d when they are told again", len(m), first, n)
			}
			if d := cmp.Diff(map[uint32]int{c.want: 20000}, m.meds()); d != "" {
				t.Errorf("group %q, %v (-want +got):\n%s", group, c.s.Degrade, d)
			}
		}
		tb.Withdraw(tb.Peers(o), host(nil, 1), attr.Handle{})
		if m.take(t, drain(o)); len(m) != 19999 {
			t.Error("a route that was told again can't be taken back")
		}
	}
}

func TestNothingIsSaidIfNothingDiffers(t *testing.T) {
	tb := NewTable()
	o, inside := up(tb), tb.AddPeer()
	inside.Up(session(65001))
	announce(tb, tb.Peers(o, inside), "192.0.2.1/32", 7, "dns")
	drain(o)
	drain(inside)
	stands(tb, "dns", med(7)) // what it has anyway
	if b := drain(o); len(b) > 0 {
		t.Errorf("told %x", b)
	}
	stands(tb, "dns", Stand{Degrade: attr.Degrade{Prepend: 2}})
	if a, b := drain(o), drain(inside); len(a) == 0 || len(b) != 0 {
		t.Errorf("prepend: told another AS %x, and ours %x", a, b)
	}
	stands(tb, "dns", Stand{Degrade: attr.Degrade{Prepend: 3}})
	stands(tb, "dns", Stand{Degrade: attr.Degrade{Prepend: 2}})
	if a, b := drain(o), drain(inside); len(a) != 0 || len(b) != 0 {
		t.Errorf("changed back: told another AS %x, and ours %x", a, b)
	}
	tb.Groups(map[string]Stand{"dns": {Degrade: attr.Degrade{Prepend: 2}}, "other": med(5)}, Stand{})
	if a := drain(o); len(a) != 0 {
		t.Errorf("another group: told %x", a)
	}
}

func TestDegradedOvertakesBulk(t *testing.T) {
	tb := NewTable()
	o, m := up(tb), mirror{}
	to := tb.Peers(o)
	announce(tb, to, "192.0.2.53/32", 1, "dns")
	m.take(t, drain(o))
	many(tb, to, 100000, "")
	b, _ := o.Bulk(nil, 4096, false)
	m.take(t, b)
	stands(tb, "dns", med(500))
	b, more := o.Bulk(nil, 1, false)
	if m.take(t, b); m.meds()[500] != 1 || !more {
		t.Errorf("the first octets after it are %x", b)
	}
	m.take(t, drain(o))
	if d := cmp.Diff(map[uint32]int{500: 1, 1: 100000}, m.meds()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestDegradedWhileItIsSent changes a group's state in the middle of its first
// announcement and of its second: each route is told once in the end, and those
// that the peer did not know come degraded at once.
func TestDegradedWhileItIsSent(t *testing.T) {
	tb := NewTable()
	o, m := up(tb), mirror{}
	many(tb, tb.Peers(o), 20000, "dns")
	b, _ := o.Bulk(nil, 30000, false)
	m.take(t, b)
	known := len(m)
	stands(tb, "dns", med(500))
	b, _ = o.Bulk(nil, 9000, false)
	if m.take(t, b); len(m) != known || m.meds()[500] == 0 {
		t.Errorf("knew %d, knows %v", known, m.meds())
	}
	stands(tb, "dns", med(600))
	before := o.Counters().Announced
	m.take(t, drain(o))
	if d := cmp.Diff(map[uint32]int{600: 20000}, m.meds()); d != "" || o.Counters().Announced-before != 20000 {
		t.Errorf("told %d routes (-want +got):\n%s", o.Counters().Announced-before, d)
	}
}

func TestChangedWhileItIsToldAgain(t *testing.T) {
	tb := NewTable()
	o, m := up(tb), mirror{}
	to := tb.Peers(o)
	many(tb, to, 5000, "dns")
	m.take(t, drain(o))
	stands(tb, "dns", med(500))
	b, _ := o.Bulk(nil, 1, false)
	m.take(t, b)
	for _, i := range []int{0, len(prefixes(b)), 4999} { // told, next and last
		tb.Withdraw(to, host(nil, i), attr.Handle{})
	}
	for i := 1000; i < 2000; i++ { // among them where it stands
		tb.Announce(API, to, route.Route{NLRI: host(nil, i), Attrs: set(2), Group: "web"})
	}
	m.take(t, drain(o))
	if d := cmp.Diff(map[uint32]int{500: 3997, 2: 1000}, m.meds()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestDegradedSharesFrames(t *testing.T) {
	tb := NewTable()
	x, y := up(tb), up(tb)
	many(tb, tb.Peers(x, y), 5000, "dns")
	drain(x)
	drain(y)
	stands(tb, "dns", med(500))
	if a, b := drain(x), drain(y); string(a) != string(b) || len(tb.chunks) == 0 {
		t.Error("want equal bytes, made once")
	}
	stands(tb, "dns", med(501))
	if b := drain(y); strings.Contains(string(b), "\x04\x00\x00\x01\xf4") || len(b) == 0 {
		t.Error("a frame from before the change is still shared")
	}
}

// TestDegradedTooLong: a peer does not keep what it was told better.
func TestDegradedTooLong(t *testing.T) {
	var b attr.Builder
	b.Put(attr.NextHop, attr.Transitive, []byte{10, 0, 0, 1})
	b.Put(99, attr.Optional|attr.Transitive, make([]byte, 4000))
	tb := NewTable()
	o, m := up(tb), mirror{}
	tb.Announce(API, tb.Peers(o), route.Route{NLRI: v4("192.0.2.1/32"), Attrs: b.Handle(), Group: "dns"})
	if b := drain(o); len(b) == 0 {
		t.Fatal("it does not fit as it is")
	}
	m[fmt.Sprintf("%x", v4("192.0.2.1/32").Body)] = 1
	stands(tb, "dns", Stand{Degrade: attr.Degrade{Prepend: 255}})
	if m.take(t, drain(o)); len(m) != 0 || o.Counters().Unsendable != 1 {
		t.Errorf("knows %v", m)
	}
	stands(tb, "dns", Stand{})
	if b := drain(o); len(b) == 0 {
		t.Error("it does not come back")
	}
}

// TestLooksAtFewBuckets: a group without routes among many others does not hold
// the loop.
func TestLooksAtFewBuckets(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	for i := range 3 * lookAtOnce {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: host(nil, i), Attrs: set(uint32(i))})
	}
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "dns")
	drain(o)
	stands(tb, "dns", med(500))
	turns := 0
	for more := true; more; turns++ {
		var b []byte
		if b, more = o.Bulk(nil, 1<<16, false); len(b) > 0 != (turns == 3) {
			t.Fatalf("turn %d: %d octets", turns, len(b))
		}
	}
	if turns != 4 || !o.Caught() {
		t.Errorf("%d turns", turns)
	}
}

func TestViewOfDegraded(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "dns")
	drain(o)
	stands(tb, "dns", med(500))
	look := func() View { return tb.Lookup(v4("192.0.2.1/32"), false)[0] }
	if v := look(); v.Degrade.String() != "med 500" || v.Peers[0].State != Waiting {
		t.Errorf("%+v", v)
	}
	drain(o)
	if v := look(); v.Peers[0].State != Announced {
		t.Errorf("%+v", v)
	}
	if v := look(); o.Attrs(&v.Route).Value() != set(500).Value() || v.Route.Attrs != set(1) {
		t.Errorf("shown as %s", o.Attrs(&v.Route).Value().AppendText(nil))
	}
}

func TestUngatedRoutesAreDrained(t *testing.T) {
	tb := NewTable()
	o, m := up(tb), mirror{}
	to := tb.Peers(o)
	say := func(owner Owner, prefix, group string) {
		tb.Announce(owner, to, route.Route{NLRI: v4(prefix), Attrs: set(1), Group: group})
	}
	say(Config, "192.0.2.1/32", "")
	say(API, "192.0.2.2/32", "")
	say(API, "192.0.2.3/32", "dns")
	m.take(t, drain(o))
	all := map[string]Stand{"": {Gate: Closed}, "dns": {}}
	tb.Groups(all, Stand{})
	if m.take(t, drain(o)); len(m) != 1 {
		t.Errorf("drained, knows %v", m)
	}
	say(API, "192.0.2.4/32", "")
	tb.Withdraw(to, v4("192.0.2.2/32"), attr.Handle{})
	if m.take(t, drain(o)); len(m) != 1 || tb.Lookup(v4("192.0.2.4/32"), false)[0].On {
		t.Errorf("a route that comes meanwhile: knows %v", m)
	}
	if names := tb.GroupNames(); len(names) != 1 {
		t.Errorf("groups %q", names)
	}
	tb.Groups(map[string]Stand{"dns": {}}, Stand{Gate: Closed})
	if m.take(t, drain(o)); len(m) != 3 {
		t.Errorf("back again, knows %v", m)
	}
}

func TestDegradedFamilies(t *testing.T) {
	tb := NewTable()
	s := session(65000)
	s.Negotiated.Families = []bgp.Family{bgp.IPv4Flow}
	o := tb.AddPeer()
	o.Up(s)
	rule := v4("192.0.2.1/32")
	rule.Family, rule.Body = bgp.IPv4Flow, append([]byte{6, 1}, rule.Body...) // a destination
	tb.Announce(API, tb.Peers(o), route.Route{NLRI: rule, Attrs: set(1), Group: "ddos"})
	drain(o)
	stands(tb, "ddos", Stand{Degrade: attr.Degrade{Graceful: true}})
	if b := drain(o); !strings.Contains(string(b), "\x08\x04\xff\xff\x00\x00") {
		t.Errorf("told %x", b)
	}
}

// passed is what a peer has passed since it was asked last.
func passed(o *Out) (got []string) {
	o.Passed(func(c Change, token any) {
		got = append(got, fmt.Sprint(token, " ", c.Group, " ", c.Closed, " ", c.All))
	})
	return got
}

func TestAwait(t *testing.T) {
	tb := NewTable()
	o, other := up(tb), up(tb)
	many(tb, tb.Peers(o), 5000, "dns")
	announce(tb, tb.Peers(other), "192.0.2.1/32", 1, "web")
	drain(o)
	drain(other)
	await := func(cs []Change, token any) {
		for _, c := range cs {
			o.Await(c, token)
			other.Await(c, token)
		}
	}
	await(stands(tb, "dns", med(500)), 1)
	await(tb.Groups(map[string]Stand{"dns": med(500), "web": {Gate: Closed}}, Stand{}), 2)
	o.Urgent(nil, 1<<16)
	if _, more := o.Bulk(nil, 1, false); !more || passed(o) != nil {
		t.Error("passed before the last frame")
	}
	drain(o)
	drain(other)
	if d := cmp.Diff([][]string{{"1 dns false false"}, {"2 web true false"}}, [][]string{passed(o), passed(other)}); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	await(stands(tb, "dns", Stand{}), 3) // better again: nobody waits for that
	drain(o)
	drain(other)
	await([]Change{tb.Off()}, 4)
	o.Urgent(nil, 1)
	if got := passed(o); got != nil {
		t.Errorf("passed %q before the last withdraw", got)
	}
	drain(o)
	drain(other)
	if d := cmp.Diff([][]string{{"4  true true"}, {"4  true true"}}, [][]string{passed(o), passed(other)}); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestAwaitTwice closes a group twice before the peer takes anything, and another
// that it knows nothing of.
func TestAwaitTwice(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	many(tb, tb.Peers(o), 2, "dns")
	announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "dns")
	drain(o)
	announce(tb, tb.Peers(o), "192.0.2.2/32", 1, "new")
	both := map[string]Stand{"dns": {Gate: Closed}, "new": {Gate: Closed}}
	for i := range 2 {
		for _, c := range tb.Groups(both, Stand{}) {
			o.Await(c, i)
		}
		if i == 0 { // one of the routes comes again, and goes
			announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "")
			announce(tb, tb.Peers(o), "192.0.2.1/32", 1, "web")
			both["web"] = Stand{Gate: Closed}
		}
	}
	o.Urgent(nil, 1<<16)
	if d := cmp.Diff([]string{"0 dns true false", "1 web true false"}, passed(o)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestMissed(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	many(tb, tb.Peers(o), 2, "dns")
	drain(o)
	announce(tb, tb.Peers(o), "192.0.2.2/32", 1, "new")
	for _, c := range tb.Groups(map[string]Stand{"dns": {Gate: Closed}, "new": {Gate: Closed}}, Stand{}) {
		o.Await(c, 1)
	}
	var got []string
	o.Missed(func(c Change, _ any) { got = append(got, c.Group) })
	if d := cmp.Diff([]string{"dns"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
