package rib

import "holdfast/bgp"

// cursor is how far somebody has come in the live routes: the bucket that they
// stand in (0: all done), the next entry in it (0: to be found), and per bucket
// the version up to which they have seen it.
type cursor struct {
	bucket, pos uint32
	sent        []uint64
	// left is where it stood in buckets that moved to the end meanwhile. The way
	// back there from a bucket's end may be a million entries long.
	left   map[uint32]uint32
	limit  uint64     // versions above it are not for this cursor
	family bgp.Family // 0: all
}

func (c *cursor) seen(b uint32) uint64 {
	if int(b) < len(c.sent) {
		return c.sent[b]
	}
	return 0
}

func (c *cursor) saw(b uint32, version uint64) {
	for int(b) >= len(c.sent) {
		c.sent = append(c.sent, 0)
	}
	c.sent[b] = version
}

// eachCursor visits the cursors of all peers that are up.
func (t *Table) eachCursor(f func(*Out, *cursor)) {
	for _, o := range t.peers {
		if o == nil || !o.up {
			continue
		}
		f(o, &o.main)
		if len(o.again.jobs) > 0 {
			f(o, &o.again.cursor)
		}
		if o.replay != nil {
			f(o, &o.replay.cursor)
		}
	}
}

// stand puts a cursor on an entry of its bucket.
func (t *Table) stand(c *cursor, e uint32) {
	c.pos = e
	if e != 0 {
		t.entries.at(e).set(fHeld)
	}
}

// leave remembers where a cursor stands in its bucket, which moves.
func (c *cursor) leave() {
	if c.pos == 0 {
		return
	}
	if c.left == nil {
		c.left = map[uint32]uint32{}
	}
	c.left[c.bucket] = c.pos
}

// back is where a cursor was in its bucket, or 0.
func (c *cursor) back() uint32 {
	e := c.left[c.bucket]
	delete(c.left, c.bucket)
	return e
}

// pass has a cursor that stands on an entry of a bucket, or has left it, go on
// with the next one.
func (t *Table) pass(c *cursor, b, e, next uint32) {
	if c.pos == e {
		t.stand(c, next)
	}
	if c.left[b] != e {
		return
	}
	if c.left[b] = next; next == 0 {
		delete(c.left, b)
	} else {
		t.entries.at(next).set(fHeld)
	}
}

// enter puts a cursor into a bucket.
func (t *Table) enter(c *cursor, b uint32) {
	c.bucket, c.pos = b, 0
	t.buckets[b].held = true
}

// find moves the cursor to the next entry that it has not seen and that o is
// to be told of. It gives 0 when there is none.
func (t *Table) find(c *cursor, o *Out) uint32 {
	for c.bucket != 0 {
		b := &t.buckets[c.bucket]
		if t.sets.has(b.key.to, o.number) && o.takes(b.key.family) && (c.family == 0 || c.family == b.key.family) {
			if c.pos == 0 {
				t.stand(c, c.back())
			}
			if c.pos == 0 {
				t.stand(c, t.after(b.live, c.seen(c.bucket)))
			}
			if c.pos != 0 && t.entries.at(c.pos).version <= c.limit {
				return c.pos
			}
		}
		t.enter(c, b.next)
	}
	return 0
}

// after is the first entry of a bucket with a version above v: from the end,
// since what is new is there.
func (t *Table) after(l list, v uint64) uint32 {
	if v == 0 {
		return l.head
	}
	first := uint32(0)
	for e := l.tail; e != 0; e = t.entries.at(e).prev {
		if t.entries.at(e).version <= v {
			break
		}
		first = e
	}
	return first
}
