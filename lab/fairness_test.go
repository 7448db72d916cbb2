package lab_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/sink"
)

const million = 1_000_000

// flooder is a helper that says a million routes once it is told to.
const flooder = `#!/bin/sh
read go < %s
exec awk 'BEGIN { for (i = 0; i < %d; i++) printf "announce route 10.%%d.%%d.%%d/32 next-hop 10.0.0.1\n", i / 65536, i / 256 %% 256, i %% 256
	while (1) system("sleep 60") }'
`

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

// announcements counts prefixes that a session was told, the anycast one left
// out.
func announcements(s *sink.Session) (n int) {
	for _, f := range s.Frames() {
		if f.Type == sink.Update {
			n += len(f.Announced())
		}
	}
	return n
}

// TestFairness: hold time 3 s, a million routes for two peers, one of which
// reads 50 kB/s. No session drops, the other peer gets everything meanwhile, and
// a gate that closes in the middle is withdrawn before the bulk is done.
func TestFairness(t *testing.T) {
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24", "10.0.0.3/24")
	off, fifo := filepath.Join(l.Dir, "off"), filepath.Join(l.Dir, "go")
	if out, err := box.Try("mkfifo", fifo); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	config := fmt.Sprintf("process flood { run %s; }\nappliance { control-socket %s; }\nwatchdog dns { file %s absent; }\n",
		l.File("flooder", fmt.Sprintf(flooder, fifo, million)), filepath.Join(l.Dir, "box.ctl"), off)
	for i := range 2 {
		config += fmt.Sprintf(`neighbor 10.0.0.%d { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 3;
	family { ipv4 unicast; } api { processes [ flood ]; } static { route 192.0.2.53/32 next-hop self watchdog dns; } }
`, 2+i)
	}
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 3}
	fastUp := accept(t, upstream, "10.0.0.2", o)
	o.ReadBuffer = 16 << 10
	slowUp := accept(t, upstream, "10.0.0.3", o)
	daemon := box.Box(lab.Holdfast, config)
	daemon.Start()
	fast, slow := <-fastUp, <-slowUp
	if fast == nil || slow == nil {
		t.Fatal("no session")
	}
	defer fast.Close()
	defer slow.Close()
	for _, s := range []*sink.Session{fast, slow} {
		l.Until(soon, "the gate's prefix", func() bool { _, i := s.Find(0, sink.Announces(anycast)); return i >= 0 })
	}
	slow.Rate(50_000)
	start := time.Now()
	if err := os.WriteFile(fifo, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	l.Until(soon, "the flood has begun", func() bool { return announcements(fast) > million/100 })
	l.File("off", "")
	l.Until(soon, "the gate is withdrawn", func() bool { _, i := fast.Find(0, sink.Withdraws(anycast)); return i >= 0 })
	l.Until(soon, "the fast peer has everything", func() bool { return announcements(fast) > million })
	before, withdrawn := 0, false
	for _, f := range fast.Frames() {
		if withdrawn = withdrawn || sink.Withdraws(anycast)(f); !withdrawn && f.Type == sink.Update {
			before += len(f.Announced())
		}
	}
	if before >= million {
		t.Error("the withdraw came behind the bulk")
	}
	// Long enough for a hold timer that was wrong to have its say.
	l.Until(soon, "three hold times", func() bool { return time.Since(start) > 9*time.Second })
	for name, s := range map[string]*sink.Session{"fast": fast, "slow": slow} {
		gap, _ := s.Gap(start)
		t.Logf("%s peer: %d routes, longest silence %s", name, announcements(s), gap.Round(time.Millisecond))
		select {
		case <-s.Ended():
			t.Errorf("the session with the %s peer dropped: %v", name, s.Err())
		default:
			if gap > 3*time.Second {
				t.Errorf("the %s peer heard nothing for longer than the hold time", name)
			}
		}
	}
	t.Logf("the fast peer had %d of %d routes when the withdraw came", before, million)
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
		config += fmt.Sprintf("neighbor 10.0.0.%d { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 3; family { ipv4 unicast; } static { route 192.0.2.53/32 next-hop self; } %s }\n", n, words)
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
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 3}
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
	l.Until(soon, "three hold times", func() bool { return time.Since(start) > 9*time.Second })
	gap, _ := good.Gap(start)
	t.Logf("the good neighbor's longest silence: %s", gap.Round(time.Millisecond))
	select {
	case <-good.Ended():
		t.Errorf("the good session dropped: %v", good.Err())
	default:
		if gap > 3*time.Second {
			t.Error("the good neighbor heard nothing for longer than the hold time")
		}
	}
	if !daemon.Running() {
		t.Error("the daemon has ended")
	}
}
