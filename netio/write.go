package netio

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The write side has two lanes. Urgent frames were pushed and go first. Bulk is
// pulled from the handler, one Fill at a time, and only when the one before is
// in the socket. A frame is never split by the other lane: what has begun is
// ended first.

// pull writes what is there, then asks the handler for more, within budget.
func (c *Conn) pull() (more bool) {
	budget := c.loop.Budget.Write
	for {
		n := c.Unsent()
		if !c.write() {
			return false
		}
		if budget -= n; budget <= 0 {
			return c.hungry
		}
		if !c.hungry {
			return false
		}
		c.guard(func() { c.bulk = c.handler.Fill(c, c.bulk[:0], c.fill) })
		if c.state != open {
			return false
		}
		if len(c.bulk) == 0 {
			c.hungry = false
			c.bulk = nil
		}
	}
}

// write sends until nothing is left or the socket is full; false means that it
// is full, or gone.
func (c *Conn) write() bool {
	for c.Unsent() > 0 {
		full, err := c.writeSome()
		switch {
		case err == unix.EAGAIN:
			c.writable = false
			c.shrink()
			return false
		case err != nil:
			c.Abort(fmt.Errorf("write: %w", err))
			return false
		case !full:
			c.shrink()
		}
	}
	c.grow()
	return true
}

// writeSome makes one call: the rest of the frame that has begun, then what is
// urgent, then bulk.
func (c *Conn) writeSome() (full bool, err error) {
	first := 0
	if c.sent > 0 {
		first = c.begun()
	}
	var parts [3][]byte
	n := 0
	for _, p := range [][]byte{c.bulk[c.sent:first], c.urgent, c.bulk[first:]} {
		if len(p) > 0 {
			parts[n] = p
			n++
		}
	}
	want := c.Unsent()
	w, err := unix.Writev(c.fd, parts[:n])
	if err == unix.EINTR {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	c.progress = c.loop.now
	c.took(w, first)
	return w == want, nil
}

// begunLeft is how many octets are left of the frame that has been sent in part.
func (c *Conn) begunLeft() int {
	if c.sent == 0 || c.state > open {
		return 0
	}
	return c.begun() - c.sent
}

// begun is where the frame ends that has been sent in part.
func (c *Conn) begun() int {
	at := 0
	for at < c.sent {
		at += max(c.handler.Frame(c.bulk[at:]), 1)
	}
	return min(at, len(c.bulk))
}

// took accounts for w octets written, in the order of writeSome.
func (c *Conn) took(w, first int) {
	c.traced.took(w, c.loop.now)
	if first > c.sent {
		n := min(w, first-c.sent)
		c.sent += n
		w -= n
	}
	n := min(w, len(c.urgent))
	c.urgent = c.urgent[:copy(c.urgent, c.urgent[n:])]
	if len(c.urgent) == 0 {
		c.urgent = nil
	}
	c.sent += w - n
	if c.sent == len(c.bulk) {
		c.bulk, c.sent = c.bulk[:0], 0
	}
}

func (c *Conn) shrink() { c.fill, c.swallowed = fillLeast, 0 }

func (c *Conn) grow() {
	if c.swallowed++; c.swallowed >= fillGrow {
		c.fill, c.swallowed = min(2*c.fill, fillMost), 0
	}
}

// cutBulk drops the bulk frames that have not begun.
func (c *Conn) cutBulk() {
	if c.sent > 0 {
		c.bulk = c.bulk[:c.begun()]
	} else {
		c.bulk = nil
	}
	c.hungry = false
}

// finish goes on with an orderly close: FIN after the last octet.
func (c *Conn) finish() {
	for c.state == closing && c.Unsent() > 0 {
		if _, err := c.writeSome(); err == unix.EAGAIN {
			c.writable = false
			return
		} else if err != nil {
			c.release()
			return
		}
	}
	if c.state == closing {
		unix.Shutdown(c.fd, unix.SHUT_WR)
	}
}

// drain reads and forgets what the peer still says, so that closing does not
// reset the connection; its FIN ends it.
func (c *Conn) drain() {
	for c.readable && c.state == closing {
		n, err := unix.Read(c.fd, c.loop.buffer)
		if err == unix.EAGAIN {
			c.readable = false
		} else if err != nil || n == 0 {
			c.release()
		}
	}
}
