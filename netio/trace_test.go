package netio

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// traceEnd is what a trace told.
type traceEnd struct {
	told           int
	written, acked time.Time
}

func (e *traceEnd) done(written, acked time.Time) {
	e.told++
	e.written, e.acked = written, acked
}

func TestTraceOfWhatIsAcknowledged(t *testing.T) {
	r := run(t)
	s := &side{frames: 100}
	var pushed, filled traceEnd
	s.onFill = func(b []byte) { s.conn.TraceFill(len(b), filled.done) }
	pair(t, r, s)
	r.do(func() {
		s.conn.Push([]byte("urgent!!"))
		s.conn.TracePushed(pushed.done)
		s.conn.Wake()
	})
	for _, e := range []*traceEnd{&pushed, &filled} {
		r.waitFor("the acknowledgement", func() bool { return e.told == 1 })
		if e.written.IsZero() || e.acked.Before(e.written) {
			t.Errorf("written %s, acknowledged %s", e.written, e.acked)
		}
	}
	r.do(func() {
		if len(s.conn.traced.all) > 0 || s.conn.traced.wrote != 808 {
			t.Errorf("left: %+v", s.conn.traced)
		}
	})
}

// TestTraceOfWhatIsNot fills the window of a peer that does not read, and has it
// go away.
func TestTraceOfWhatIsNot(t *testing.T) {
	r := run(t)
	s := &side{frames: 4 << 20}
	peer := pair(t, r, s)
	peer.SetReadBuffer(4096)
	r.do(func() { s.conn.Wake() })
	r.waitFor("a full socket, which no acknowledgement on its way empties", func() bool {
		info, err := unix.GetsockoptTCPInfo(s.conn.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return !s.conn.writable && err == nil && info.Snd_wnd == 0
	})
	var e traceEnd
	r.do(func() {
		s.conn.Push([]byte("urgent!!"))
		s.conn.TracePushed(e.done)
	})
	peer.SetLinger(0)
	peer.Close()
	r.waitFor("the end", func() bool { return e.told == 1 })
	if !e.written.IsZero() || !e.acked.IsZero() {
		t.Errorf("written %s, acknowledged %s", e.written, e.acked)
	}
	r.do(func() { s.conn.TracePushed(e.done) })
	if e.told != 2 {
		t.Error("a trace on a connection that has ended is not told")
	}
}

// TestTraceOfAnOrderlyClose: what was acknowledged before the close is not lost,
// although nobody has asked for it yet.
func TestTraceOfAnOrderlyClose(t *testing.T) {
	r := run(t)
	s := &side{}
	pair(t, r, s)
	var e traceEnd
	r.do(func() { s.conn.Push([]byte("urgent!!")) })
	r.waitFor("the acknowledgement", func() bool { n, err := s.conn.Unacked(); return n == 0 && err == nil })
	r.do(func() {
		s.conn.TracePushed(e.done)
		s.conn.Close(nil)
		if e.told != 1 || e.acked.IsZero() {
			t.Errorf("%+v", e)
		}
	})
}

// TestOvertakenTraces: an urgent frame goes before bulk, but not before the frame
// that has begun.
func TestOvertakenTraces(t *testing.T) {
	now := time.Unix(1, 0)
	tr := traced{wrote: 100, all: []trace{{end: 110, bulk: true}, {end: 140, bulk: true}, {end: 120}}}
	tr.overtake(10, 19)
	tr.took(20, now)
	tr.took(30, now.Add(1))
	for i, want := range []time.Time{now, {}, now} {
		if got := tr.all[i].written; !got.Equal(want) {
			t.Errorf("trace %d was written %s, want %s", i, got, want)
		}
	}
	if tr.took(9, now.Add(2)); !tr.all[1].written.Equal(now.Add(2)) {
		t.Errorf("the overtaken one was written %s", tr.all[1].written)
	}
}
