package netio

import "time"

// A trace follows the last octet of some frames: into the kernel, and until the
// peer has acknowledged it. The places of octets are counted over the life of
// the connection.

// traced is the traces of a connection. Without one it costs a comparison for
// each write.
type traced struct {
	wrote uint64 // octets that the kernel has taken
	all   []trace
	alarm *Alarm
}

type trace struct {
	end     uint64 // the place behind the last octet
	bulk    bool   // urgent frames may still get before it
	begun   time.Time
	written time.Time
	done    func(written, acked time.Time)
}

// TracePushed calls done once all that was pushed has been acknowledged. If the
// connection ends before that, acked is zero, and so is written if the kernel has
// not had all of it. It is seen by asking again and again, so that acked is late
// by at most a millisecond, or an eighth of the time that it took.
func (c *Conn) TracePushed(done func(written, acked time.Time)) {
	c.trace(c.begunLeft()+len(c.urgent), false, done)
}

// TraceFill is TracePushed for the first n octets that Fill, in which it is
// called, is going to give.
func (c *Conn) TraceFill(n int, done func(written, acked time.Time)) {
	c.trace(c.Unsent()+n, true, done)
}

func (c *Conn) trace(ahead int, bulk bool, done func(written, acked time.Time)) {
	t := &c.traced
	if c.state > open {
		done(time.Time{}, time.Time{})
		return
	}
	x := trace{end: t.wrote + uint64(ahead), bulk: bulk, begun: c.loop.now, done: done}
	if ahead == 0 {
		x.written = c.loop.now
	}
	t.all = append(t.all, x)
	if t.alarm == nil {
		t.alarm = c.loop.At(time.Time{}, func(time.Time) { c.checkTraces() })
	}
	if len(t.all) == 1 {
		t.alarm.Reset(c.loop.now.Add(traceLeast))
	}
}

// overtake notes that n octets are pushed, which go out before all bulk frames
// but the one that has begun, of which so many octets are left.
func (t *traced) overtake(left, n int) {
	for i := range t.all {
		if x := &t.all[i]; x.bulk && x.end > t.wrote+uint64(left) {
			x.end += uint64(n)
		}
	}
}

// took notes that the kernel has taken n octets.
func (t *traced) took(n int, now time.Time) {
	t.wrote += uint64(n)
	for i := range t.all {
		if x := &t.all[i]; x.written.IsZero() && x.end <= t.wrote {
			x.written = now
		}
	}
}

// How often the kernel is asked what has been acknowledged.
const (
	traceLeast = time.Millisecond
	traceMost  = time.Second
)

func (c *Conn) checkTraces() {
	if c.acknowledge(); len(c.traced.all) > 0 {
		waited := c.loop.now.Sub(c.traced.all[0].begun)
		c.traced.alarm.Reset(c.loop.now.Add(min(max(waited/8, traceLeast), traceMost)))
	}
}

// acknowledge ends the traces of what has been acknowledged.
func (c *Conn) acknowledge() {
	n, err := c.Unacked()
	if err != nil {
		return
	}
	t := &c.traced
	all := t.all
	t.all = nil
	var done []trace
	for _, x := range all {
		if x.end+uint64(n) <= t.wrote {
			done = append(done, x)
		} else {
			t.all = append(t.all, x)
		}
	}
	for _, x := range done {
		c.guard(func() { x.done(x.written, c.loop.now) })
	}
}

// endTraces ends all: the connection goes away.
func (c *Conn) endTraces() {
	if len(c.traced.all) == 0 {
		return
	}
	c.acknowledge()
	lost := c.traced.all
	c.traced.all = nil
	for _, x := range lost {
		c.guard(func() { x.done(x.written, time.Time{}) })
	}
}
