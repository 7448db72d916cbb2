package lab_test

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/sink"
)

const million = 1_000_000

// flood is commands that announce n routes.
func flood(n int) []byte {
	b := make([]byte, 0, 50*n)
	for i := range n {
		b = fmt.Appendf(b, "announce route 10.%d.%d.%d/32 next-hop 10.0.0.1\n", i>>16, i>>8&255, i&255)
	}
	return b
}

// accept waits on a host for the box, and brings the session up.
func accept(t testing.TB, h *lab.Host, at string, o sink.Options) <-chan *sink.Session {
	t.Helper()
	var l net.Listener
	if err := h.Do(func() (err error) {
		l, err = sink.Listen(netip.AddrPortFrom(netip.MustParseAddr(at), 179), o)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	up := make(chan *sink.Session, 1)
	go func() {
		defer close(up)
		s, err := sink.Accept(l, o)
		if err != nil {
			t.Errorf("%s: %v", at, err)
			return
		}
		up <- s
	}()
	return up
}

// announcements counts prefixes that a session was told.
func announcements(s *sink.Session) int { return routes(s.Frames()) }

func routes(frames []sink.Frame) (n int) {
	for _, f := range frames {
		if f.Type == sink.Update {
			n += len(f.Announced())
		}
	}
	return n
}

// alive fails a test when the session with a peer, whose hold time is 9 s, is
// over, or was about to be since a time.
func alive(t *testing.T, name string, s *sink.Session, since time.Time) {
	t.Helper()
	gap, _ := s.Gap(since)
	t.Logf("%s peer: longest time between KEEPALIVEs %s", name, gap.Round(time.Millisecond))
	select {
	case <-s.Ended():
		t.Errorf("the session with the %s peer dropped: %v", name, s.Err())
	default:
		if gap > 9*time.Second {
			t.Errorf("the %s peer heard nothing for longer than the hold time", name)
		}
	}
}

// memoryBound is what a box may need for a million routes and two peers, in MiB.
const memoryBound = 1024

// TestFairness: hold time 9 s, a helper that announces a million routes to two
// peers and reads no acknowledgement; one peer reads 50 kB/s. No session drops,
// the other peer gets everything meanwhile, and what comes in the middle is told
// before the bulk is done: another helper's withdraw, and that of a gate which
// closes. Memory is bounded, and the helper may read again at last.
func TestFairness(t *testing.T) {
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24", "10.0.0.3/24")
	off := filepath.Join(l.Dir, "off")
	flooder, other := box.Puppet("flooder"), box.Puppet("other")
	config := fmt.Sprintf("%s%swatchdog dns { file %s absent; }\n", flooder.Process(), other.Process(), off)
	for i := range 2 {
		config += fmt.Sprintf(`neighbor 10.0.0.%d { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	family { ipv4 unicast; } api { processes [ flooder, other ]; } static { route 192.0.2.53/32 next-hop self watchdog dns; } }
`, 2+i)
	}
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 9}
	fastUp := accept(t, upstream, "10.0.0.2", o)
	o.ReadBuffer = 16 << 10
	slowUp := accept(t, upstream, "10.0.0.3", o)
	daemon := box.Box(lab.Holdfast, config)
	daemon.Start()
	flooding, urgent := flooder.Live(), other.Live()
	urgent.Say("announce route %s next-hop self\n", single)
	fast, slow := <-fastUp, <-slowUp
	if fast == nil || slow == nil {
		t.Fatal("no session")
	}
	defer fast.Close()
	defer slow.Close()
	for _, s := range []*sink.Session{fast, slow} {
		for _, p := range []netip.Prefix{anycast, single} {
			l.Until(soon, p.String(), func() bool { _, i := s.Find(0, sink.Announces(p)); return i >= 0 })
		}
	}
	slow.Rate(50_000)
	start := time.Now()
	go flooding.Write(flood(million))
	l.Until(soon, "the flood has begun", func() bool { return announcements(fast) > million/100 })
	l.File("off", "")
	urgent.Say("withdraw route %s next-hop self\n", single)
	for _, p := range []netip.Prefix{anycast, single} {
		l.Until(soon, p.String()+" is withdrawn", func() bool { _, i := fast.Find(0, sink.Withdraws(p)); return i >= 0 })
	}
	l.Until(soon, "the fast peer has everything", func() bool { return announcements(fast) >= million+2 })
	for _, p := range []netip.Prefix{anycast, single} {
		_, i := fast.Find(0, sink.Withdraws(p))
		if before := routes(fast.Frames()[:i]); before >= million {
			t.Errorf("the withdraw of %s came behind the bulk", p)
		} else {
			t.Logf("the fast peer had %d of %d routes when the withdraw of %s came", before, million, p)
		}
	}
	// Long enough for a hold timer that was wrong to have its say.
	l.Until(soon, "three hold times", func() bool { return time.Since(start) > 27*time.Second })
	for name, s := range map[string]*sink.Session{"fast": fast, "slow": slow} {
		t.Logf("%s peer: %d routes", name, announcements(s))
		alive(t, name, s, start)
	}
	within(t, daemon, memoryBound)
	readsAgain(t, l, flooding)
}

// within fails a test whose box has had more MiB of memory.
func within(t *testing.T, daemon *lab.Box, bound int) {
	t.Helper()
	most := daemon.Memory()
	if t.Logf("memory: %d MiB", most); most > bound {
		t.Errorf("memory: want at most %d MiB", bound)
	}
}

// readsAgain has a helper, which has not read the answers to a million commands,
// read what there is of them, and the answer to one more.
func readsAgain(t *testing.T, l *lab.Lab, flooding *lab.Life) {
	t.Helper()
	heard := listen(flooding)
	l.Until(soon, "the flooder is answered again", func() bool {
		flooding.Say("bogus\n")
		return heard.line("error")
	})
	if answers := len(heard.all()); answers >= million {
		t.Errorf("%d answers had room, so nothing is shown", answers)
	}
}

// TestHostilePeers: each does something to the box, and none of it costs the
// good neighbor anything.
func TestHostilePeers(t *testing.T) {
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	config := fmt.Sprintf("appliance { control-socket %s; }\n", filepath.Join(l.Dir, "box.ctl"))
	neighbor := func(n int, words string) {
		upstream.Address("eth0", fmt.Sprintf("10.0.0.%d/24", n))
		config += fmt.Sprintf("neighbor 10.0.0.%d { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9; family { ipv4 unicast; } static { route 192.0.2.53/32 next-hop self; } %s }\n", n, words)
	}
	neighbor(2, "")
	rude := []func(*sink.Session){
		func(s *sink.Session) { s.Reset() },
		func(s *sink.Session) { s.SendOpen(); s.Reset() },
		func(s *sink.Session) { s.SendOpen(); s.Expect(sink.Open); s.SendKeepalive(); s.Reset() },
		func(s *sink.Session) { s.Send([]byte("GET / HTTP/1.1\r\nHost: box\r\n\r\n")) },
		func(s *sink.Session) { s.SendSlowly(sink.Message(sink.Open, make([]byte, 40)), time.Second) },
		func(s *sink.Session) { s.Send(sink.Message(sink.Update, make([]byte, 400))[:100]) }, // and no more
		func(s *sink.Session) { s.SendOpen(); s.Expect(sink.Open); s.SendKeepalive(); s.Rate(sink.Stopped) },
		func(s *sink.Session) { s.Establish(); s.Send(sink.Message(sink.Update, []byte{0, 0, 255, 255, 1})) },
	}
	for i := range rude {
		neighbor(10+i, "passive; listen 179;")
	}
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 9}
	goodUp := accept(t, upstream, "10.0.0.2", o)
	daemon := box.Box(lab.Holdfast, config)
	daemon.Start()
	good := <-goodUp
	if good == nil {
		t.Fatal("no session")
	}
	defer good.Close()
	l.Until(soon, "the prefix", func() bool { _, i := good.Find(0, sink.Announces(anycast)); return i >= 0 })
	start := time.Now()
	for round := range 3 {
		for i, be := range rude {
			from := netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + i)})
			var c net.Conn
			if err := upstream.Do(func() (err error) {
				c, err = sink.Dial(from, netip.MustParseAddrPort("10.0.0.1:179"), o)
				return err
			}); err != nil {
				t.Fatalf("round %d: %s: %v", round, from, err)
			}
			t.Cleanup(func() { c.Close() })
			go be(sink.New(c, o))
		}
	}
	l.Until(soon, "three hold times", func() bool { return time.Since(start) > 27*time.Second })
	alive(t, "good", good, start)
	if !daemon.Running() {
		t.Error("the daemon has ended")
	}
}
