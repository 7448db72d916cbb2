package netio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// running is a loop on its goroutine; do runs something on it and waits.
type running struct {
	t *testing.T
	*Loop
}

func run(t *testing.T) running {
	t.Helper()
	l, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return running{t, l}
}

func (r running) do(f func()) {
	r.t.Helper()
	done := make(chan struct{})
	r.Post(func() { f(); close(done) })
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		r.t.Fatal("the loop does not answer")
	}
}

// until waits for what another goroutine or the kernel brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

func TestAlarmsRingInOrderOnce(t *testing.T) {
	r := run(t)
	var got []int
	done := make(chan struct{})
	r.do(func() {
		for _, i := range []int{3, 1, 2} {
			r.At(r.Now().Add(time.Duration(i)*3*time.Millisecond), func(time.Time) { got = append(got, i) })
		}
		stopped := r.At(r.Now().Add(time.Millisecond), func(time.Time) { got = append(got, 99) })
		stopped.Stop()
		r.At(r.Now().Add(20*time.Millisecond), func(time.Time) { close(done) })
	})
	<-done
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("rang %v", got)
	}
}

func TestPostKeepsOrderFromManyGoroutines(t *testing.T) {
	r := run(t)
	var wg sync.WaitGroup
	got := map[int][]int{}
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				r.Post(func() { got[g] = append(got[g], i) })
			}
		})
	}
	wg.Wait()
	r.do(func() {})
	for g := range 8 {
		if len(got[g]) != 1000 || !slices.IsSorted(got[g]) {
			t.Errorf("goroutine %d: %d posts, in order %v", g, len(got[g]), slices.IsSorted(got[g]))
		}
	}
}

// TestLongLettersShareTurns: letters that were posted together and take long
// are called in their order and in turns of their own, so that connections and
// deadlines come between them.
func TestLongLettersShareTurns(t *testing.T) {
	r := run(t)
	var in []uint64 // turns
	long := func() {
		for start := time.Now(); time.Since(start) < readFor; {
		}
		in = append(in, r.Turns())
	}
	r.do(func() {
		for range 3 {
			r.Post(long)
		}
	})
	r.do(func() {})
	if len(in) != 3 || in[0] == in[1] || in[1] == in[2] {
		t.Errorf("in turns %d", in)
	}
}

func TestIdleLoopTurns(t *testing.T) {
	r := run(t)
	before := r.Turns()
	until(t, "turns", func() bool { return r.Turns() > before+2 })
}

// side is a handler for tests: frames are 8 octets.
type side struct {
	conn     *Conn
	got      []byte
	err      error
	opened   bool
	acked    bool
	frames   int // of bulk that are left
	fills    []int
	onData   func(s *side, b []byte) (int, error)
	panics   bool
	onClosed func(error)
	onFill   func([]byte)
}

func (s *side) Opened(c *Conn) { s.conn, s.opened = c, true }
func (s *side) Data(_ *Conn, b []byte) (int, error) {
	if s.panics {
		panic("bad octets")
	}
	if s.onData != nil {
		return s.onData(s, b)
	}
	s.got = append(s.got, b...)
	return len(b), nil
}
func (s *side) Fill(_ *Conn, b []byte, max int) []byte {
	s.fills = append(s.fills, max)
	for ; s.frames > 0 && len(b) < max; s.frames-- {
		b = append(b, "bulk...."...)
	}
	if s.onFill != nil && len(b) > 0 {
		s.onFill(b)
	}
	return b
}
func (s *side) Frame([]byte) int { return 8 }
func (s *side) Acked(*Conn)      { s.acked = true }
func (s *side) Closed(_ *Conn, err error) {
	s.err = err
	if s.err == nil {
		s.err = errors.New("nil")
	}
	if s.onClosed != nil {
		s.onClosed(err)
	}
}

// pair dials a plain TCP server of the test, and gives its end.
func pair(t *testing.T, r running, s *side) *net.TCPConn {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.do(func() {
		if _, err := r.Dial(DialOptions{Remote: l.Addr().(*net.TCPAddr).AddrPort()}, s); err != nil {
			t.Error(err)
		}
	})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r.waitFor("open", func() bool { return s.opened })
	return c.(*net.TCPConn)
}

// waitFor polls something that belongs to the loop.
func (r running) waitFor(what string, ok func() bool) {
	r.t.Helper()
	until(r.t, what, func() (yes bool) {
		r.do(func() { yes = ok() })
		return yes
	})
}

func TestEcho(t *testing.T) {
	r := run(t)
	s := &side{}
	peer := pair(t, r, s)
	peer.Write([]byte("hello"))
	r.waitFor("data", func() bool { return string(s.got) == "hello" })
	r.do(func() { s.conn.Push([]byte("answer..")) })
	b := make([]byte, 8)
	if _, err := io.ReadFull(peer, b); err != nil || string(b) != "answer.." {
		t.Errorf("%q %v", b, err)
	}
}

// TestUrgentOvertakesBulk fills a connection whose peer does not read, and then
// pushes: the frame has to come before all bulk but what the kernel had.
func TestUrgentOvertakesBulk(t *testing.T) {
	r := run(t)
	const frames = 4 << 20
	s := &side{frames: frames}
	peer := pair(t, r, s)
	peer.SetReadBuffer(4096)
	r.do(func() { s.conn.Wake() })
	r.waitFor("a full socket", func() bool { return !s.conn.writable })
	var taken, own int // octets that the kernel has taken, and that we still have
	r.do(func() {
		own = s.conn.Unsent()
		taken = 8*(frames-s.frames) - own
		s.conn.Push([]byte("urgent!!"))
		s.frames = min(s.frames, 1000)
	})
	if own > fillMost {
		t.Errorf("%d octets in our own buffer", own)
	}
	at, all := 0, 0
	b := make([]byte, 8)
	for ; all == 0 || string(b) != "bulk...." || at == 0; all += 8 {
		if _, err := io.ReadFull(peer, b); err != nil {
			t.Fatal(err)
		}
		switch string(b) {
		case "urgent!!":
			at = all + 8
		case "bulk....":
		default:
			t.Fatalf("a frame was split: %q", b)
		}
	}
	if at > taken+16 {
		t.Errorf("urgent frame after %d octets; the kernel had taken %d", at, taken)
	}
}

func TestSlowPeerGetsSmallFills(t *testing.T) {
	r := run(t)
	s := &side{frames: 1 << 20}
	peer := pair(t, r, s)
	r.do(func() { s.conn.Wake() })
	r.waitFor("a full socket", func() bool { return !s.conn.writable })
	b := make([]byte, 4096)
	for range 400 {
		if _, err := io.ReadFull(peer, b); err != nil {
			t.Fatal(err)
		}
	}
	r.waitFor("small fills", func() bool { return slices.Contains(s.fills, fillLeast) })
	r.do(func() {
		if n := s.conn.Unsent(); n > fillMost+8 {
			t.Errorf("%d octets in our own buffer", n)
		}
		s.frames = 0
	})
}

func TestAckedIsAnEvent(t *testing.T) {
	r := run(t)
	s := &side{}
	peer := pair(t, r, s)
	r.do(func() {
		s.conn.Push(bytes.Repeat([]byte("12345678"), 100))
		s.conn.NotifyAcked()
	})
	r.waitFor("acknowledgement", func() bool { return s.acked })
	peer.Close()
}

// TestOrderlyClose has the peer send while we close: without a linger the
// kernel would answer with a reset, and the last frame could be lost.
func TestOrderlyClose(t *testing.T) {
	r := run(t)
	s := &side{frames: 100}
	peer := pair(t, r, s)
	peer.Write(bytes.Repeat([]byte("x"), 100000))
	r.do(func() {
		s.conn.Push([]byte("goodbye!"))
		s.conn.Close(errors.New("done"))
	})
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.HasSuffix(got, []byte("goodbye!")) {
		t.Errorf("%q %v", got, err)
	}
	if s.err == nil || s.err.Error() != "done" {
		t.Errorf("closed with %v", s.err)
	}
	peer.Close()
	r.waitFor("release", func() bool { return s.conn.state == closed && len(r.files) == 0 })
}

func TestLastWordsBeforeFINAreRead(t *testing.T) {
	r := run(t)
	s := &side{}
	peer := pair(t, r, s)
	peer.Write([]byte("notification"))
	peer.Close()
	r.waitFor("close", func() bool { return s.err != nil })
	if string(s.got) != "notification" || !errors.Is(s.err, io.EOF) {
		t.Errorf("got %q, closed with %v", s.got, s.err)
	}
}

func TestResetIsReported(t *testing.T) {
	r := run(t)
	s := &side{}
	peer := pair(t, r, s)
	peer.SetLinger(0)
	peer.Close()
	r.waitFor("close", func() bool { return s.err != nil })
}

func TestPartialFramesStay(t *testing.T) {
	r := run(t)
	var frames []string
	s := &side{onData: func(_ *side, b []byte) (used int, _ error) {
		for len(b)-used >= 8 {
			frames = append(frames, string(b[used:used+8]))
			used += 8
		}
		return used, nil
	}}
	peer := pair(t, r, s)
	for i := range "abcdefgh12345678xyz" {
		peer.Write([]byte("abcdefgh12345678xyz"[i : i+1]))
		r.do(func() {})
	}
	r.waitFor("frames", func() bool { return len(frames) == 2 })
	if !slices.Equal(frames, []string{"abcdefgh", "12345678"}) {
		t.Errorf("%q", frames)
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	r := run(t)
	bad, good := &side{panics: true}, &side{}
	p, q := pair(t, r, bad), pair(t, r, good)
	p.Write([]byte("boom"))
	r.waitFor("close", func() bool { return bad.err != nil })
	q.Write([]byte("hello"))
	r.waitFor("data", func() bool { return string(good.got) == "hello" })
	if r.Loop.stats.Panics != 1 {
		t.Errorf("%d panics", r.Loop.stats.Panics)
	}
}

// TestFloodDoesNotStarve lets one peer write without end. What another one has
// sent is read in the turn that follows, whatever lies there of the flood.
func TestFloodDoesNotStarve(t *testing.T) {
	r := run(t)
	var read []int // of the flood, in this turn
	var turn, answered uint64
	flood := &side{onData: func(_ *side, b []byte) (int, error) {
		if r.Turns() != turn {
			read, turn = append(read, 0), r.Turns()
		}
		read[len(read)-1] += len(b)
		return len(b), nil
	}}
	quiet := &side{onData: func(_ *side, b []byte) (int, error) {
		answered = r.Turns()
		return len(b), nil
	}}
	p, q := pair(t, r, flood), pair(t, r, quiet)
	var wg sync.WaitGroup
	wg.Go(func() {
		for b := make([]byte, 1<<20); ; {
			if _, err := p.Write(b); err != nil {
				return
			}
		}
	})
	for range 20 {
		var before uint64
		r.do(func() {
			before = r.Turns()
			fmt.Fprint(q, "8 octets")
			waiting(t, quiet.conn, 8)
			waiting(t, flood.conn, 1)
		})
		r.waitFor("data", func() bool { return answered > before })
		if n := answered - before; n != 1 {
			t.Errorf("answered after %d turns", n)
		}
	}
	r.do(func() {
		if most := slices.Max(read); most > r.Budget.Read {
			t.Errorf("%d octets in a turn", most)
		}
	})
	p.Close()
	wg.Wait()
}

// waiting holds the loop until a connection has so much to read.
func waiting(t *testing.T, c *Conn, octets int) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		n, err := unix.IoctlGetInt(c.fd, unix.SIOCINQ)
		if err == nil && n >= octets {
			return
		}
		if err != nil || time.Now().After(end) {
			t.Errorf("%d of %d octets to read: %v", n, octets, err)
			return
		}
	}
}

func TestDialErrors(t *testing.T) {
	r := run(t)
	for _, c := range []struct {
		o    DialOptions
		want string
	}{
		{DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9"), Local: netip.MustParseAddr("203.0.113.9")}, "bind to local address 203.0.113.9"},
		{DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9"), Socket: SocketOptions{Device: "nosuch0"}}, "SO_BINDTODEVICE nosuch0"},
		{DialOptions{Remote: netip.MustParseAddrPort("[fe80::1%nosuch0]:9")}, "link nosuch0"},
		{DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9"), Auth: Auth{MD5: string(bytes.Repeat([]byte("k"), 81))}}, "a key of 81 octets, at most 80"},
		{DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9"), Socket: SocketOptions{TTL: 999}}, "TTL (IP_TTL, IPV6_UNICAST_HOPS) 999"},
	} {
		r.do(func() {
			if _, err := r.Dial(c.o, &side{}); err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.want)) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	s := &side{}
	r.do(func() { r.Dial(DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9")}, s) })
	r.waitFor("refusal", func() bool { return s.err != nil })
}

func TestProbes(t *testing.T) {
	if err := ProbeMD5(); err != nil {
		t.Error(err)
	}
	if err := ProbeAO(); err != nil {
		// Without it in the kernel, a key is refused when it is loaded.
		if _, e := (&Loop{}).Dial(DialOptions{Remote: netip.MustParseAddrPort("127.0.0.1:9"),
			Auth: Auth{AO: AO{KeyID: 1, Algorithm: "hmac(sha1)", Key: "k"}}}, &side{}); e == nil {
			t.Error("a TCP-AO key was accepted by a kernel that has none")
		}
	}
}
