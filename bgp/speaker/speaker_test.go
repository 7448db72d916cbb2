package speaker

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/capability"
	"holdfast/bgp/config"
	"holdfast/bgp/fsm"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
	"holdfast/netio"
)

// rig is a speaker on a loop, and a TCP listener for each of its neighbors.
type rig struct {
	t    *testing.T
	loop *netio.Loop
	s    *Speaker
	up   chan string // "10.0.0.2 up", "… down"
	said []string    // what helpers' watchdog commands asked for; the loop's
}

func newRig(t *testing.T) *rig {
	t.Helper()
	l, err := netio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, loop: l, up: make(chan string, 100)}
	r.s = New(l, Options{Session: func(a netip.Addr, up bool, _ error) { r.up <- fmt.Sprint(a, " ", up) },
		Watchdog: func(g string, on bool) error { r.said = append(r.said, fmt.Sprint(g, " ", on)); return nil }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// do runs f on the loop.
func (r *rig) do(f func()) {
	r.t.Helper()
	done := make(chan struct{})
	r.loop.Post(func() { f(); close(done) })
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		r.t.Fatal("the loop does not answer")
	}
}

// apply gives the speaker a configuration.
func (r *rig) apply(text string) {
	r.t.Helper()
	c, err := config.Parse("test.conf", []byte(text), config.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.do(func() {
		if err := r.s.Apply(c); err != nil {
			r.t.Error(err)
		}
	})
}

// neighbor is a neighbor at 127.0.0.n, and the listener that stands for it.
func (r *rig) neighbor(n int, words string) (section string, l net.Listener) {
	r.t.Helper()
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.%d:0", n))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return fmt.Sprintf("neighbor 127.0.0.%d { router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; connect %s; %s }\n", n, port, words), l
}

// remote is the neighbor's end of a session.
type remote struct {
	t *testing.T
	net.Conn
	id bgp.ID
}

// meet accepts the speaker's connection and brings the session up.
func (r *rig) meet(l net.Listener, offers ...capability.Capability) *remote {
	r.t.Helper()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
	c, err := l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	p := &remote{r.t, c, 0x02020202}
	p.open(offers...)
	return p
}

// dial connects to the speaker, from an address of the neighbor's.
func (r *rig) dial(from, to string) *remote {
	r.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp4", to)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return &remote{r.t, c, 0x02020202}
}

// open offers further capabilities, if there are any.
func (p *remote) open(more ...capability.Capability) {
	p.t.Helper()
	p.Write(wire.AppendOpen(nil, wire.Open{Version: 4, AS: 65001, HoldTime: 30 * time.Second, ID: p.id, Capabilities: append([]capability.Capability{
		capability.ForFamily(bgp.IPv4Unicast), capability.ForASN(65001), capability.Flag(capability.RouteRefresh)}, more...)}))
	p.expect("OPEN")
	p.Write(wire.AppendKeepalive(nil))
	p.expect("KEEPALIVE")
}

// next reads a message and says what it is, keepalives left out once the
// session is up.
func (p *remote) next() string {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(20 * time.Second))
	head := make([]byte, wire.HeaderLen)
	if _, err := io.ReadFull(p, head); err != nil {
		return err.Error()
	}
	msg := append(head, make([]byte, wire.FrameLen(head)-wire.HeaderLen)...)
	if _, err := io.ReadFull(p, msg[wire.HeaderLen:]); err != nil {
		return err.Error()
	}
	switch wire.Type(msg[18]) {
	case wire.TypeUpdate:
		return p.update(msg)
	case wire.TypeNotification:
		return "NOTIFICATION " + wire.ParseNotification(msg).String()
	case wire.TypeOperational:
		m, bad := wire.ParseOperational(msg)
		if bad != nil {
			return bad.Error()
		}
		return "OPERATIONAL " + string(m.AppendText(nil))
	}
	return wire.Type(msg[18]).String()
}

func (p *remote) update(msg []byte) string {
	n := &bgp.Negotiated{LocalAS: 65001, PeerAS: 65000, ASN4: true, Families: []bgp.Family{bgp.IPv4Unicast}}
	u := wire.Update{Keep: true}
	if err := wire.ParseUpdate(msg, n, &u); err != nil {
		return err.Error()
	}
	var out []string
	for w := range u.Withdrawn.All() {
		out = append(out, fmt.Sprintf("-%d.%d.%d.%d", w.Body[1], w.Body[2], w.Body[3], w.Body[4]))
	}
	for a := range u.NLRI.All() {
		out = append(out, fmt.Sprintf("+%d.%d.%d.%d", a.Body[1], a.Body[2], a.Body[3], a.Body[4]))
	}
	if len(out) == 0 {
		return "EOR"
	}
	return strings.Join(out, " ")
}

func (p *remote) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.next(); got != w {
			p.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

func (r *rig) event(want string) {
	r.t.Helper()
	select {
	case got := <-r.up:
		if got != want {
			r.t.Fatalf("got %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatalf("no %s", want)
	}
}

func TestSessionGatesAndStop(t *testing.T) {
	r := newRig(t)
	n, l := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self; route 10.0.0.2/32 next-hop self watchdog dns; }")
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Time{})
	})
	r.apply(n)
	p := r.meet(l)
	r.event("127.0.0.2 true")
	p.expect("+10.0.0.1") // and no End-of-RIB: no verdict yet
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Open}}, rib.Stand{Gate: rib.Open}, time.Time{})
		r.s.Release()
	})
	p.expect("+10.0.0.2", "EOR")
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Time{})
	})
	p.expect("-10.0.0.2")
	stopped := make(chan struct{})
	r.do(func() { r.s.Stop("maintenance", 5*time.Second, func() { close(stopped) }) })
	p.expect("-10.0.0.1", `NOTIFICATION cease/administrative shutdown ("maintenance")`, "EOF")
	p.Close()
	<-stopped
	r.event("127.0.0.2 false")
}

// TestASessionThatEndsWhileWeStopDoesNotComeBack: it would be counted twice, and
// the stop would not wait for another.
func TestASessionThatEndsWhileWeStopDoesNotComeBack(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "")
	b, lb := r.neighbor(3, "")
	r.apply(a + b)
	r.meet(la)
	r.event("127.0.0.2 true")
	r.meet(lb)
	r.event("127.0.0.3 true")
	r.do(func() {
		r.s.Stop("", 5*time.Second, func() {})
		p := r.s.sorted()[0]
		p.live.conn.Abort(io.EOF)
		if s := p.machine.State(); s != fsm.Idle || !p.machine.Deadline().IsZero() || r.s.stopping.left != 1 {
			t.Errorf("it is %s, and %d are waited for", s, r.s.stopping.left)
		}
	})
}

func TestReloadIsADifference(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self; }")
	b, lb := r.neighbor(3, "static { route 10.0.0.1/32 next-hop self; }")
	r.do(r.s.Release)
	r.apply(a + b)
	p, q := r.meet(la), r.meet(lb)
	p.expect("+10.0.0.1", "EOR")
	q.expect("+10.0.0.1", "EOR")
	// One's routes change, the other's session does.
	r.apply(strings.Replace(a, "10.0.0.1/32 next-hop self;", "10.0.0.9/32 next-hop self;", 1) + strings.Replace(b, "hold-time 30", "hold-time 60", 1))
	p.expect("-10.0.0.1", "+10.0.0.9")
	q.expect("NOTIFICATION cease/other configuration change")
	q = r.meet(lb)
	q.expect("+10.0.0.1", "EOR")
	r.apply(a)
	q.expect("NOTIFICATION cease/peer deconfigured")
	p.expect("-10.0.0.9", "+10.0.0.1")
	if st := r.status(); len(st.Peers) != 1 || st.Peers[0].Sessions != 1 || st.Peers[0].State != "ESTABLISHED" {
		t.Errorf("%+v", st)
	}
}

func (r *rig) status() (st Status) {
	r.do(func() { st = r.s.Status() })
	return st
}

// say is a helper's lines.
func (r *rig) say(from string, lines ...string) *api.Batch {
	r.t.Helper()
	var p api.Parser
	b := &api.Batch{From: from}
	for _, l := range lines {
		p.Line(b, []byte(l))
	}
	r.do(func() { r.s.Do(b, func() {}) })
	return b
}

func TestCommands(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "api { processes [ one ]; }")
	b, lb := r.neighbor(3, "api { processes [ one two ]; }")
	r.do(r.s.Release)
	r.apply("process one { run x; } process two { run x; }\n" + a + b)
	p, q := r.meet(la), r.meet(lb)
	p.expect("EOR")
	q.expect("EOR")
	r.say("one", "announce route 10.0.0.1/32 next-hop self")
	p.expect("+10.0.0.1")
	q.expect("+10.0.0.1")
	r.say("two", "announce route 10.0.0.2/32 next-hop self")
	q.expect("+10.0.0.2")
	r.say("one", "neighbor 127.0.0.2 withdraw route 10.0.0.1/32")
	p.expect("-10.0.0.1")
	r.say("two", "announce route 10.0.0.3/32 next-hop self", "withdraw route 10.0.0.3/32", "announce eor")
	q.expect("-10.0.0.3", "EOR") // the route that was taken back never left
	if b := r.say("nobody", "announce route 10.0.0.4/32 next-hop self"); b.Items[0].Err != ErrNoPeer {
		t.Error(b.Items[0].Err)
	}
	r.say("two", "announce watchdog dns", "withdraw watchdog dns")
	r.do(func() {
		if got := strings.Join(r.said, ","); got != "dns true,dns false" {
			t.Error(got)
		}
	})
	r.say("two", "flush adj-rib out")
	q.expect("+10.0.0.1", "+10.0.0.2")
}

func TestRefreshAndBadUpdate(t *testing.T) {
	r := newRig(t)
	n, l := r.neighbor(2, "capability { route-refresh; } static { route 10.0.0.1/32 next-hop self; }")
	r.do(r.s.Release)
	r.apply(n)
	p := r.meet(l)
	p.expect("+10.0.0.1", "EOR")
	p.Write(wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast}))
	p.expect("+10.0.0.1")
	p.Write(wire.PatchLength(append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0xff, 0xff), 0))
	p.expect("NOTIFICATION UPDATE error/malformed attribute list")
	r.event("127.0.0.2 true")
	r.event("127.0.0.2 false")
}

// TestRange: whoever connects from a range is a neighbor until it leaves.
func TestRange(t *testing.T) {
	r := newRig(t)
	r.do(r.s.Release)
	r.apply("neighbor 127.0.1.0/24 { local-address 127.0.0.1; router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; listen 17914; static { route 10.0.0.1/32 next-hop self; } }")
	p := r.dial("127.0.1.7", "127.0.0.1:17914")
	p.open()
	p.expect("+10.0.0.1", "EOR")
	if st := r.status(); len(st.Peers) != 1 || st.Peers[0].Name != "127.0.1.7" {
		t.Errorf("%+v", st.Peers)
	}
	if got := r.dial("127.0.2.7", "127.0.0.1:17914").next(); got != "EOF" && !strings.Contains(got, "reset") {
		t.Errorf("somebody from elsewhere got %s", got)
	}
	p.Close()
	r.event("127.0.1.7 true")
	r.event("127.0.1.7 false")
	r.do(func() {}) // the sweep comes after what ends the session
	if st := r.status(); len(st.Peers) != 0 || st.Routes != 0 {
		t.Errorf("left behind: %+v", st)
	}
}

// TestTwoRanges has a router connect to two addresses of ours, each with a range of
// its own: what a reload or a stop does comes to the session that it is for.
func TestTwoRanges(t *testing.T) {
	section := func(n int, route string) string {
		return fmt.Sprintf("neighbor 127.0.1.0/24 { local-address 127.0.0.%d; router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; listen 17917; static { %s } }\n", n, route)
	}
	const one, two = "route 10.0.0.1/32 next-hop self;", "route 10.0.0.2/32 next-hop self;"
	const gone, bye = "NOTIFICATION cease/peer deconfigured", `NOTIFICATION cease/administrative shutdown ("bye")`
	for _, c := range []struct {
		name, reload string
		p, q         []string // what the sessions hear of it
		pLast, qLast []string // and of the stop
	}{
		{"nothing", section(1, one) + section(2, two), nil, nil, []string{"-10.0.0.1", bye}, []string{"-10.0.0.2", bye}},
		{"other routes", section(1, two) + section(2, one), []string{"-10.0.0.1", "+10.0.0.2"}, []string{"-10.0.0.2", "+10.0.0.1"}, []string{"-10.0.0.2", bye}, []string{"-10.0.0.1", bye}},
		{"no routes of the first", section(1, "") + section(2, two), []string{"-10.0.0.1"}, nil, []string{bye}, []string{"-10.0.0.2", bye}},
		{"no routes of the second", section(1, one) + section(2, ""), nil, []string{"-10.0.0.2"}, []string{"-10.0.0.1", bye}, []string{bye}},
		{"the first alone", section(1, one), nil, []string{gone}, []string{"-10.0.0.1", bye}, nil},
		{"the second alone", section(2, two), []string{gone}, nil, nil, []string{"-10.0.0.2", bye}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.do(r.s.Release)
			r.apply(section(1, one) + section(2, two))
			p, q := r.dial("127.0.1.7", "127.0.0.1:17917"), r.dial("127.0.1.7", "127.0.0.2:17917")
			p.open()
			p.expect("+10.0.0.1", "EOR")
			q.open()
			q.expect("+10.0.0.2", "EOR")
			r.apply(c.reload)
			p.expect(c.p...)
			q.expect(c.q...)
			stopped := make(chan struct{})
			r.do(func() { r.s.Stop("bye", 20*time.Second, func() { close(stopped) }) })
			p.expect(c.pLast...)
			q.expect(c.qLast...)
			p.Close()
			q.Close()
			<-stopped
		})
	}
}

// TestOutOfARange: somebody of a range who gets a section of his own is a neighbor as
// others are, with one session, and stays when he leaves.
func TestOutOfARange(t *testing.T) {
	const first, second = "local-address 127.0.0.1;", "local-address 127.0.0.2;"
	for _, c := range []struct {
		name, ofRange, own string
		stays              bool // in the range
	}{
		{"any address", "", "", false},
		{"an address of its own", "", first, false},
		{"an address of the range", first, "", false},
		{"the same address", first, first, false},
		{"another address", first, second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.do(r.s.Release)
			const words = "router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; listen 17918; static { route 10.0.0.1/32 next-hop self; } }\n"
			text := "neighbor 127.0.1.0/24 { " + c.ofRange + words
			r.apply(text)
			p := r.dial("127.0.1.7", "127.0.0.1:17918")
			p.open()
			p.expect("+10.0.0.1", "EOR")
			r.event("127.0.1.7 true")
			r.apply(text + "neighbor 127.0.1.7 { passive; " + c.own + words)
			if c.stays {
				q := r.dial("127.0.1.7", "127.0.0.2:17918")
				q.open()
				q.expect("+10.0.0.1", "EOR")
				return
			}
			p.expect("NOTIFICATION cease/peer deconfigured")
			r.event("127.0.1.7 false")
			for range 2 {
				q := r.dial("127.0.1.7", "127.0.0.1:17918")
				q.open()
				q.expect("+10.0.0.1", "EOR")
				r.event("127.0.1.7 true")
				q.Close()
				r.event("127.0.1.7 false")
				r.do(func() {}) // who leaves does so after that
				if st := r.status(); len(st.Peers) != 1 {
					t.Errorf("%+v", st.Peers)
				}
			}
		})
	}
}

// TestListeners has one socket for all addresses of a port, if one is wanted.
func TestListeners(t *testing.T) {
	r := newRig(t)
	const words = "router-id 1.1.1.1; local-as 1; peer-as 2; passive; listen"
	r.apply("neighbor 127.0.1.1 { local-address 127.0.0.1; " + words + " 17911; }\n" +
		"neighbor 127.0.1.2 { " + words + " 17911; }\nneighbor 127.0.1.3 { local-address 127.0.0.1; " + words + " 17912; }")
	var got []string
	r.do(func() {
		for k, l := range r.s.listeners {
			got = append(got, fmt.Sprint(k.addr, " ", len(l.auth)))
		}
	})
	slices.Sort(got)
	if fmt.Sprint(got) != "[0.0.0.0:17911 0 127.0.0.1:17912 0]" {
		t.Error(got)
	}
}

// TestMD5IP: a neighbor connects to the address that md5-ip names, not to the one
// that we connect from.
func TestMD5IP(t *testing.T) {
	r := newRig(t)
	r.apply("neighbor 127.0.1.9 { local-address 127.0.0.1; md5-ip 127.0.0.5; router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; passive; listen 17913; }")
	r.dial("127.0.1.9", "127.0.0.5:17913").open()
	r.event("127.0.1.9 true")
}

// TestOneAddress has two neighbors that are one router, from two addresses of
// ours: each has its session, and the address is up while one of them is.
func TestOneAddress(t *testing.T) {
	r := newRig(t)
	r.do(r.s.Release)
	text := ""
	for n := 1; n <= 2; n++ {
		text += fmt.Sprintf("neighbor 127.0.1.8 { local-address 127.0.0.%[1]d; router-id 1.1.1.1; local-as 65000; peer-as 65001; hold-time 30; passive; listen 17915; static { route 10.0.0.%[1]d/32 next-hop self; } }\n", n)
	}
	r.apply(text)
	var ends []*remote
	for n := 1; n <= 2; n++ {
		p := r.dial("127.0.1.8", fmt.Sprintf("127.0.0.%d:17915", n))
		p.open()
		p.expect(fmt.Sprintf("+10.0.0.%d", n), "EOR")
		r.event("127.0.1.8 true")
		ends = append(ends, p)
	}
	ends[0].Close()
	ends[1].Close()
	r.event("127.0.1.8 false")
	if st := r.status(); len(st.Peers) != 2 {
		t.Errorf("%+v", st)
	}
	select {
	case got := <-r.up:
		t.Error("told more than once: ", got)
	default:
	}
}

// TestManyItems: a group is applied a part at a time, in its order, and is over
// when all of it is.
func TestManyItems(t *testing.T) {
	r := newRig(t)
	n, _ := r.neighbor(2, "api { processes [ one ]; }")
	r.apply("process one { run x; }\n" + n)
	var p api.Parser
	b := &api.Batch{From: "one"}
	lines := []string{"announce route 10.0.0.0/13 next-hop self split /26", "withdraw route 10.0.0.0/26", "announce route 10.9.0.0/16 next-hop self"}
	for _, l := range lines {
		p.Line(b, []byte(l))
	}
	if len(b.Items) < 2*api.AtOnce {
		t.Fatalf("%d items are not many", len(b.Items))
	}
	done := make(chan int, 2)
	r.loop.Post(func() {
		r.s.Do(b, func() { done <- r.s.table.Len() })
		done <- r.s.table.Len()
	})
	if first, last := <-done, <-done; first != api.AtOnce || last != len(b.Items)-2 {
		t.Errorf("%d routes after the first turn, %d in the end", first, last)
	}
}
