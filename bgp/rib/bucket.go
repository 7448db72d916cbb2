package rib

// bucket is the routes that have their attributes, family, audience and group
// in common. Those on the wire are in live, in the order of their versions.
type bucket struct {
	key        bucketKey
	live       list
	prev, next uint32 // in the order of last change
	refs       int    // entries that name it, live or not
	held       bool   // a cursor stands here
}

// bucket finds or makes the bucket of a key.
func (t *Table) bucket(k bucketKey) uint32 {
	if b, ok := t.bucketOf[k]; ok {
		return b
	}
	var b uint32
	if n := len(t.freeBucket); n > 0 {
		b = t.freeBucket[n-1]
		t.freeBucket = t.freeBucket[:n-1]
		t.buckets[b] = bucket{key: k}
	} else {
		b = uint32(len(t.buckets))
		t.buckets = append(t.buckets, bucket{key: k})
	}
	t.bucketOf[k] = b
	t.orderLast(b)
	return b
}

// unref lets go of a bucket that an entry was in; the last one frees it.
// Versions never come back, so a bucket's next life needs no care of the
// versions that cursors have seen in this one.
func (t *Table) unref(b uint32) {
	if b == 0 {
		return
	}
	if t.buckets[b].refs--; t.buckets[b].refs > 0 {
		return
	}
	t.orderCut(b)
	delete(t.bucketOf, t.buckets[b].key)
	t.buckets[b] = bucket{}
	t.freeBucket = append(t.freeBucket, b)
}

// touch makes a bucket the last changed one, and sends the peers that had
// taken everything back to it.
func (t *Table) touch(b uint32) {
	if t.order.tail != b {
		t.orderCut(b)
		t.orderLast(b)
	}
	if len(t.idle) == 0 {
		return
	}
	to := t.buckets[b].key.to
	rest := t.idle[:0]
	for _, o := range t.idle {
		if !t.sets.has(to, o.number) {
			rest = append(rest, o)
			continue
		}
		o.isIdle = false
		t.enter(&o.main, b)
		t.mark(o)
	}
	t.idle = rest
}

func (t *Table) orderLast(b uint32) {
	x := &t.buckets[b]
	x.prev, x.next = t.order.tail, 0
	if x.prev == 0 {
		t.order.head = b
	} else {
		t.buckets[x.prev].next = b
	}
	t.order.tail = b
}

// orderCut takes a bucket out of the order; cursors that stood in it go on
// with the next one, and meet it again if it comes back at the end.
func (t *Table) orderCut(b uint32) {
	x := &t.buckets[b]
	if x.held {
		t.eachCursor(func(o *Out, c *cursor) {
			if c.bucket != b || c == &o.again.cursor {
				return
			}
			c.leave()
			t.enter(c, x.next)
			if x.next == 0 && c == &o.main {
				o.rest()
			}
		})
		x.held = false
	}
	if x.prev == 0 {
		t.order.head = x.next
	} else {
		t.buckets[x.prev].next = x.next
	}
	if x.next == 0 {
		t.order.tail = x.prev
	} else {
		t.buckets[x.next].prev = x.prev
	}
	x.prev, x.next = 0, 0
}
