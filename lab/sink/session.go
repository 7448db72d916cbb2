package sink

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Frame is one message that came.
type Frame struct {
	At   time.Time // its last octet was read
	Type byte
	Body []byte // what follows the header of 19 octets
}

// Session is one connection. What is not said is not sent: a test drives each
// step, or has Establish do all of them.
type Session struct {
	net.Conn
	o    Options
	rate atomic.Int64 // octets a second, or one of the two below

	mu     sync.Mutex
	frames []Frame
	err    error // why reading ended
	ended  chan struct{}
	quiet  chan struct{} // closed: no keepalives any more
	hush   sync.Once
}

// Rates that are no number of octets.
const (
	Unlimited = -1
	Stopped   = 0
)

// New wraps a connection, and sends nothing.
func New(c net.Conn, o Options) *Session {
	s := &Session{Conn: c, o: o, ended: make(chan struct{}), quiet: make(chan struct{})}
	s.rate.Store(Unlimited)
	return s
}

// Accept takes the next connection of a listener and establishes a session.
func Accept(l net.Listener, o Options) (*Session, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	s := New(c, o)
	return s, s.Establish()
}

// SendOpen sends our OPEN.
func (s *Session) SendOpen() error { return s.Send(s.o.open()) }

// SendKeepalive sends a KEEPALIVE.
func (s *Session) SendKeepalive() error { return s.Send(frame(Keepalive, nil)) }

// Send sends octets as they are, a good message or not.
func (s *Session) Send(b []byte) error {
	_, err := s.Write(b)
	return err
}

// Message is a whole message of a type and a body, for Send.
func Message(kind byte, body []byte) []byte { return frame(kind, body) }

// SendSlowly sends one octet each pause.
func (s *Session) SendSlowly(b []byte, pause time.Duration) error {
	for i := range b {
		if err := s.Send(b[i : i+1]); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	return nil
}

// Expect reads one message, which must be of a type. It is for the steps
// before Read.
func (s *Session) Expect(kind byte) ([]byte, error) {
	got, body, err := readFrame(s.Conn)
	if err == nil && got != kind {
		err = fmt.Errorf("want a message of type %d, got %d: % x", kind, got, body)
	}
	return body, err
}

// Establish does all the steps, then reads at full speed and keeps the session
// alive until told otherwise.
func (s *Session) Establish() error {
	if err := s.SendOpen(); err != nil {
		return err
	}
	if _, err := s.Expect(Open); err != nil {
		return err
	}
	if err := s.SendKeepalive(); err != nil {
		return err
	}
	if _, err := s.Expect(Keepalive); err != nil {
		return err
	}
	go s.keepalive()
	go s.Read()
	return nil
}

// keepalive sends a KEEPALIVE each third of the hold time.
func (s *Session) keepalive() {
	if s.o.HoldTime == 0 {
		return
	}
	tick := time.NewTicker(time.Duration(s.o.HoldTime) * time.Second / 3)
	defer tick.Stop()
	for {
		select {
		case <-s.quiet:
			return
		case <-tick.C:
			if s.SendKeepalive() != nil {
				return
			}
		}
	}
}

// Quiet stops our keepalives; the connection stays.
func (s *Session) Quiet() { s.hush.Do(func() { close(s.quiet) }) }

// Rate sets how fast the session reads: octets a second, Stopped or Unlimited.
func (s *Session) Rate(octets int64) { s.rate.Store(octets) }

// Read notes messages until the connection ends. Establish runs it.
func (s *Session) Read() {
	// A small buffer, or a slow reader would read ahead.
	in := bufio.NewReaderSize(throttle{s}, 4096)
	for {
		kind, body, err := readFrame(in)
		at := time.Now()
		s.mu.Lock()
		if err != nil {
			s.err = err
			s.mu.Unlock()
			close(s.ended)
			return
		}
		s.frames = append(s.frames, Frame{At: at, Type: kind, Body: body})
		s.mu.Unlock()
	}
}

// throttle reads a session's connection at the session's rate, in pieces of a
// twentieth of a second.
type throttle struct{ s *Session }

func (t throttle) Read(b []byte) (int, error) {
	const slice = time.Second / 20
	rate := t.s.rate.Load()
	for ; rate == Stopped; rate = t.s.rate.Load() {
		time.Sleep(slice)
	}
	if rate < 0 {
		return t.s.Conn.Read(b)
	}
	n, err := t.s.Conn.Read(b[:min(len(b), max(1, int(rate/20)))])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
	return n, err
}

// Frames are the messages so far.
func (s *Session) Frames() []Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.frames)
}

// Ended is closed when the connection has ended; Err says why: io.EOF is the
// peer's orderly close.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Err is why reading ended, nil while it has not.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Reset ends the connection with a RST.
func (s *Session) Reset() error {
	s.Quiet()
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return s.Close()
}

// Gap is the longest time between one keepalive and the next, among messages
// since a time, and when it ended.
func (s *Session) Gap(since time.Time) (longest time.Duration, at time.Time) {
	var last time.Time
	for _, f := range s.Frames() {
		if f.Type != Keepalive || f.At.Before(since) {
			continue
		}
		if gap := f.At.Sub(last); !last.IsZero() && gap > longest {
			longest, at = gap, f.At
		}
		last = f.At
	}
	return longest, at
}

// Find is the first message at or after index from of which says holds, and
// its index; -1 is none.
func (s *Session) Find(from int, says func(Frame) bool) (Frame, int) {
	frames := s.Frames()
	for i := from; i < len(frames); i++ {
		if says(frames[i]) {
			return frames[i], i
		}
	}
	return Frame{}, -1
}

// Withdraws says whether a message withdraws a prefix.
func Withdraws(p netip.Prefix) func(Frame) bool {
	return func(f Frame) bool { return f.Type == Update && slices.Contains(f.Withdrawn(), p) }
}

// Announces says whether a message announces a prefix.
func Announces(p netip.Prefix) func(Frame) bool {
	return func(f Frame) bool { return f.Type == Update && slices.Contains(f.Announced(), p) }
}
