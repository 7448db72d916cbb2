package netio

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Handler is who uses a connection. All methods are called on the loop.
type Handler interface {
	// Opened is called once, when the connection is there.
	Opened(c *Conn)
	// Data gets all octets that have not been used, and says how many it used
	// now; the others come again with more. An error closes the connection.
	Data(c *Conn, b []byte) (used int, err error)
	// Fill appends whole frames of bulk, about max octets of them. It is called
	// after Wake, when the socket can take more; giving b as it was means that
	// there is nothing more until the next Wake.
	Fill(c *Conn, b []byte, max int) []byte
	// Frame is the length of the first frame in b, which begins with one.
	Frame(b []byte) int
	// Acked is called once after NotifyAcked: the peer has acknowledged all that
	// was written.
	Acked(c *Conn)
	// Closed is called once, after everything else.
	Closed(c *Conn, err error)
}

// What a connection takes from Fill at once: much while the socket swallows
// all of it, little once it has not, since what it has not swallowed delays
// every urgent frame.
const (
	fillMost  = 64 << 10
	fillLeast = 8 << 10
	fillGrow  = 4 // fills that were swallowed whole before the next is doubled
)

// notSent bounds what the kernel holds of octets that it has not sent. Without
// it the send buffer of a slow peer is a queue of seconds that nothing urgent
// can overtake.
const notSent = 16 << 10

// Conn is a TCP connection on a loop.
type Conn struct {
	loop    *Loop
	handler Handler
	fd      int
	state   connState
	local   netip.AddrPort
	remote  netip.AddrPort
	auth    Auth
	timer   *Alarm // of the dial, then of the orderly close
	acks    *Alarm

	readable, writable, hungup, queued bool
	wanted                             uint32 // what epoll was asked for
	left                               []byte // read, not used

	urgent    []byte // whole frames
	bulk      []byte // frames; sent of the first one has gone
	sent      int
	hungry    bool // Wake: there is bulk to be pulled
	fill      int
	swallowed int
	progress  time.Time
	unacked   int
	backoff   time.Duration
	traced    traced
}

type connState uint8

const (
	dialling connState = iota
	open
	closing // what was pushed goes out, then FIN, then the peer's FIN
	closed
)

// Local and Remote are the two ends; Local is known once the connection is
// open.
func (c *Conn) Local() netip.AddrPort  { return c.local }
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Unsent is how many octets wait in our own buffers.
func (c *Conn) Unsent() int { return len(c.urgent) + len(c.bulk) - c.sent }

// Unacked is how many octets the peer has not acknowledged, of those that the
// kernel has.
func (c *Conn) Unacked() (int, error) {
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCOUTQ)
	if err != nil {
		return 0, fmt.Errorf("SIOCOUTQ: %w", err)
	}
	return n, nil
}

// LastProgress is when the peer last took octets while some were waiting, or
// when there were none (RFC 9687 asks for it).
func (c *Conn) LastProgress() time.Time {
	n, err := c.Unacked()
	if err == nil && n == 0 && c.Unsent() == 0 || n < c.unacked {
		c.progress = c.loop.now
	}
	c.unacked = n
	return c.progress
}

// Push sends whole frames before all bulk that is not on its way yet.
func (c *Conn) Push(frames []byte) {
	if c.state > open {
		return
	}
	if len(c.traced.all) > 0 {
		c.traced.overtake(c.begunLeft(), len(frames))
	}
	c.urgent = append(c.urgent, frames...)
	if c.state == open {
		c.write()
		c.watch()
	}
}

// Wake says that Fill has something.
func (c *Conn) Wake() {
	if c.state > open || c.hungry {
		return
	}
	c.hungry = true
	if c.state == open && c.writable {
		c.enqueue()
	}
}

// NotifyAcked asks for Acked, once everything that was pushed or filled before
// has been acknowledged.
func (c *Conn) NotifyAcked() {
	c.backoff = time.Millisecond
	if c.acks == nil {
		c.acks = c.loop.At(time.Time{}, func(time.Time) { c.checkAcked() })
	}
	c.acks.Reset(c.loop.now)
}

func (c *Conn) checkAcked() {
	if c.state != open {
		return
	}
	if n, err := c.Unacked(); err == nil && n == 0 && c.Unsent() == 0 && !c.hungry {
		c.guard(func() { c.handler.Acked(c) })
		return
	}
	c.acks.Reset(c.loop.now.Add(c.backoff))
	c.backoff = min(2*c.backoff, 20*time.Millisecond)
}

// lingering bounds an orderly close.
const lingering = time.Second

// Close ends the connection in order: what was pushed is sent, bulk is not
// except the frame that has begun, and the peer has a second to read it before
// anything could turn into a reset that destroys it. Closed is called at once,
// the rest happens behind it.
func (c *Conn) Close(err error) {
	if c.state != open {
		c.Abort(err)
		return
	}
	c.cutBulk()
	c.write()
	if c.state != open { // the write has failed
		return
	}
	c.endTraces()
	c.state = closing
	c.loop.closing++
	c.stopAlarms()
	c.timer = c.loop.At(c.loop.now.Add(lingering), func(time.Time) { c.release() })
	c.finish()
	c.watch()
	c.report(err)
}

// Abort closes at once; what was not sent is lost.
func (c *Conn) Abort(err error) {
	if c.state >= closing {
		return
	}
	c.endTraces()
	c.release()
	c.report(err)
}

func (c *Conn) report(err error) { c.guard(func() { c.handler.Closed(c, err) }) }

func (c *Conn) abort() {
	if c.state == closing {
		c.release()
		return
	}
	c.Abort(errEnded)
}

// errEnded is why connections end when the loop does.
var errEnded = errors.New("the event loop has ended")

// release gives the descriptor back.
func (c *Conn) release() {
	switch c.state {
	case closed:
		return
	case closing:
		c.loop.closing--
	}
	c.state = closed
	c.stopAlarms()
	c.loop.remove(c.fd)
	c.urgent, c.bulk, c.left, c.hungry = nil, nil, nil, false
}

func (c *Conn) stopAlarms() {
	for _, a := range []*Alarm{c.timer, c.acks, c.traced.alarm} {
		if a != nil {
			a.Stop()
		}
	}
}

// guard runs a handler's method; a panic costs this connection and no other.
func (c *Conn) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.loop.stats.Panics++
			c.loop.log.Error("handler panicked", "remote", c.remote, "panic", p)
			if c.state < closing {
				c.Abort(fmt.Errorf("internal error: %v", p))
			}
		}
	}()
	f()
}

// events notes what epoll saw.
func (c *Conn) events(ev uint32) {
	if ev&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable = true
	}
	if ev&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.writable = true
	}
	c.enqueue()
}

func (c *Conn) enqueue() {
	if !c.queued {
		c.queued = true
		c.loop.ready = append(c.loop.ready, c)
	}
}

// serve does one budget of work.
func (c *Conn) serve() (more bool) {
	c.queued = false
	switch c.state {
	case dialling:
		c.connected()
		return false
	case closing:
		c.drain()
		c.finish()
		c.watch()
		return false
	case closed:
		return false
	}
	more = c.readable && c.read()
	if c.state == open && c.writable {
		more = c.pull() || more
	}
	if c.state > open {
		return false
	}
	c.watch()
	c.queued = more
	return more
}

// watch asks epoll for what this connection waits for.
func (c *Conn) watch() {
	if c.state == closed {
		return
	}
	var want uint32
	if !c.readable && !c.hungup {
		want |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if !c.writable && (c.Unsent() > 0 || c.hungry || c.state == dialling) {
		want |= unix.EPOLLOUT
	}
	if want != c.wanted {
		c.wanted = want
		c.loop.change(c.fd, want)
	}
}

// read takes up to a budget of octets to the handler.
func (c *Conn) read() (more bool) {
	for budget := c.loop.Budget.Read; budget > 0; {
		b := c.loop.buffer
		n := copy(b, c.left)
		m, err := unix.Read(c.fd, b[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			c.readable = false
			return false
		case err != nil:
			c.Abort(fmt.Errorf("read: %w", err))
			return false
		case m == 0:
			c.hungup = true
			c.Abort(io.EOF)
			return false
		}
		budget -= m
		if !c.deliver(b[:n+m]) {
			return false
		}
		if n+m < len(b) { // the socket is empty: epoll tells when it is not
			c.readable = false
			return false
		}
	}
	return true
}

// deliver hands octets to the handler and keeps what it does not use.
func (c *Conn) deliver(b []byte) (ok bool) {
	var used int
	var err error
	c.guard(func() { used, err = c.handler.Data(c, b) })
	if c.state != open {
		return false
	}
	if err == nil && used == 0 && len(b) == len(c.loop.buffer) {
		err = fmt.Errorf("a frame of more than %d octets", len(b))
	}
	if err != nil {
		c.Close(err)
		return false
	}
	c.left = append(c.left[:0], b[used:]...)
	if len(c.left) == 0 && cap(c.left) > 4096 {
		c.left = nil
	}
	return true
}
