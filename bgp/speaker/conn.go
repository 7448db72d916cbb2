package speaker

import (
	"math/bits"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/fsm"
	"holdfast/bgp/wire"
	"holdfast/netio"
)

// conn is one connection of a peer: octets to messages, and messages to
// events.
type conn struct {
	peer   *peer
	id     fsm.Conn
	conn   *netio.Conn
	update wire.Update

	again   *netio.Alarm // asks for Fill in the next turn
	waiting time.Time    // since when a frame waits to be filled; zero: none does
}

func (p *peer) newConn() *conn { return &conn{peer: p, id: fsm.Conn(p.s.connID())} }

// Opened is netio.Handler's.
func (c *conn) Opened(nc *netio.Conn) {
	c.conn = nc
	if err := nc.SetSocket(c.peer.socket()); err != nil {
		nc.Abort(err)
		return
	}
	c.peer.opened(c)
}

// Data takes whole messages off b. It stops as soon as one of them has ended
// the connection.
func (c *conn) Data(_ *netio.Conn, b []byte) (used int, _ error) {
	defer c.peer.tellUpdates()
	for c.open() {
		n, t, bad := wire.Frame(b[used:], c.longest())
		if bad != nil {
			c.unknown(b[used:])
			c.peer.step(fsm.Event{Kind: fsm.Bad, Conn: c.id, Bad: bad})
			return len(b), nil
		}
		if n == 0 {
			return used, nil
		}
		c.message(t, b[used:used+n])
		used += n
	}
	return len(b), nil
}

// push sends messages before all bulk, and reports them.
func (c *conn) push(frames []byte) {
	for b := frames; len(b) > 0; b = b[wire.FrameLen(b):] {
		c.peer.tally.sent.count(wire.FrameType(b))
	}
	c.peer.sent(frames)
	c.conn.Push(frames)
}

func (c *conn) open() bool { return c.peer.conns[c.id] == c }

// longest is the longest message that the peer may send.
func (c *conn) longest() int {
	if c.isLive() {
		return c.peer.session.Negotiated.MaxLen()
	}
	return bgp.MaxMessage
}

func (c *conn) isLive() bool { return c.peer.live == c }

func (c *conn) message(t wire.Type, msg []byte) {
	c.peer.tally.received.count(t)
	ev := fsm.Event{Conn: c.id}
	c.peer.received(kinds[t], msg)
	switch t {
	case wire.TypeOpen:
		ev.Kind = fsm.Opened
		if ev.Open, ev.Bad = wire.ParseOpen(msg); ev.Bad != nil {
			ev.Kind = fsm.Bad
		}
	case wire.TypeUpdate:
		ev = c.updated(msg, ev)
	case wire.TypeNotification:
		ev.Kind, ev.Notification = fsm.Notification, wire.ParseNotification(msg)
	case wire.TypeKeepalive:
		ev.Kind = fsm.Keepalive
	case wire.TypeRefresh:
		r, bad := wire.ParseRefresh(msg)
		if ev.Kind, ev.Bad = fsm.Refresh, bad; bad != nil {
			ev.Kind = fsm.Bad
		}
		defer c.peer.refresh(r)
	case wire.TypeOperational:
		ev = c.operational(msg, ev)
	}
	c.peer.step(ev)
}

// updated checks an UPDATE. What it says is only kept where the configuration
// wants it: a stub's memory must not grow with the Internet.
func (c *conn) updated(msg []byte, ev fsm.Event) fsm.Event {
	ev.Kind = fsm.Update
	if !c.isLive() {
		return ev // the machine knows what to do with it
	}
	p := c.peer
	c.update.Keep = p.in != nil
	if bad := wire.ParseUpdate(msg, p.session.Negotiated, &c.update); bad != nil {
		ev.Kind, ev.Bad = fsm.Bad, bad
		return ev
	}
	p.counters.updates++
	plain, mp := c.update.Announced()
	p.counters.routes += count(plain) + count(mp)
	if p.in != nil {
		p.hear(&c.update)
	}
	p.learn(p.learned.Hear(&c.update))
	if c.update.Disposition != wire.None {
		p.malformed(&c.update)
	}
	return ev
}

// malformed logs an UPDATE that cost the neighbor something, and of many fewer
// and fewer: there may be a million of them.
func (p *peer) malformed(u *wire.Update) {
	if p.counters.bad++; bits.OnesCount64(p.counters.bad) > 1 {
		return
	}
	worst := u.Attrs.Gravest()
	p.s.log.Warn("UPDATE with an error", "neighbor", p.name, "disposition", u.Disposition, "octet", worst.Offset, "error", worst.Reason,
		"errors", p.counters.bad)
}

// operational reads what other speakers do not know. A malformed one costs
// nobody a session.
func (c *conn) operational(msg []byte, ev fsm.Event) fsm.Event {
	if !c.isLive() || !c.peer.session.Negotiated.Operational {
		ev.Kind, ev.Bad = fsm.Bad, wire.TypeOperational.Unknown()
		return ev
	}
	ev.Kind = fsm.Operational
	m, bad := wire.ParseOperational(msg)
	if bad != nil {
		c.peer.s.log.Debug("OPERATIONAL with an error", "neighbor", c.peer.name, "octet", bad.Offset, "error", bad.Reason)
		return ev
	}
	c.peer.s.log.Debug("OPERATIONAL", "neighbor", c.peer.name, "message", string(m.AppendText(nil)))
	return ev
}

func count(r wire.Routes) (n uint64) {
	for range r.All() {
		n++
	}
	return n
}

// Fill gives what the peer has to be told, withdraws first.
func (c *conn) Fill(_ *netio.Conn, b []byte, max int) []byte {
	if !c.isLive() {
		return b
	}
	c.peer.took()
	start := len(b)
	b, more := c.peer.out.Urgent(b, max)
	if left := max - (len(b) - start); !more && left > 0 {
		b = c.bulk(b, left)
	}
	c.peer.sent(b[start:])
	c.peer.filled(len(b) - start)
	return b
}

// lateness is how long a frame may wait for more routes to fill it, while
// others are being said.
const lateness = 2 * time.Millisecond

// bulk leaves a frame that is not full for the next turn, as long as somebody
// is still saying routes: else a flood would go out in as many frames as it
// came in batches.
func (c *conn) bulk(b []byte, max int) []byte {
	if c.peer.config.RateLimit > 0 {
		return c.paced(b, max)
	}
	loop, start := c.peer.s.loop, len(b)
	wait := loop.Pending() && (c.waiting.IsZero() || loop.Now().Sub(c.waiting) < lateness)
	b, more := c.peer.out.Bulk(b, max, wait)
	switch {
	case len(b) > start || !more:
		c.waiting = time.Time{}
	case c.waiting.IsZero():
		c.waiting = loop.Now()
	}
	if more && len(b) == start {
		c.wakeAt(loop.Now())
	}
	return b
}

// paced is bulk at the rate that the configuration allows.
func (c *conn) paced(b []byte, max int) []byte {
	now := c.peer.s.loop.Now()
	for start, more := len(b), true; more && len(b)-start < max; {
		ok, again := c.peer.pace.take(now, c.peer.config.RateLimit)
		if !ok {
			c.wakeAt(again)
			return b
		}
		at := len(b)
		if b, more = c.peer.out.Bulk(b, 1, false); len(b) > at {
			continue
		}
		if c.peer.pace.back(); more {
			c.wakeAt(now)
			return b
		}
	}
	return b
}

// wakeAt has Fill asked for again.
func (c *conn) wakeAt(t time.Time) {
	if c.again == nil {
		c.again = c.peer.s.loop.At(time.Time{}, func(time.Time) { c.conn.Wake() })
	}
	c.again.Reset(t)
}

// Frame is netio.Handler's.
func (c *conn) Frame(b []byte) int { return wire.FrameLen(b) }

// Acked is netio.Handler's: it was asked for by a stop.
func (c *conn) Acked(*netio.Conn) {
	if c.isLive() {
		c.peer.s.acked(c.peer)
	}
}

// Closed is netio.Handler's.
func (c *conn) Closed(_ *netio.Conn, err error) {
	if c.again != nil {
		c.again.Stop()
	}
	c.peer.closed(c, err)
}
