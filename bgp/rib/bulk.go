package rib

import (
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/wire"
)

// class is what makes one peer's bytes differ from another's. Peers of one
// class share frames.
type class struct {
	key   classKey
	users int
}

type classKey struct {
	export attr.Export
	max    int
	single bool
	paths  string // families that carry path identifiers, four octets each
}

func (k *classKey) sendPath(f bgp.Family) bool {
	for p := k.paths; p != ""; p = p[4:] {
		if bgp.Family(p[0])<<24|bgp.Family(p[1])<<16|bgp.Family(p[2])<<8|bgp.Family(p[3]) == f {
			return true
		}
	}
	return false
}

func (t *Table) classOf(s Session) uint32 {
	n := s.Negotiated
	k := classKey{export: s.Export, max: n.MaxLen(), single: s.Single}
	var p []byte
	for _, f := range n.Families {
		if n.SendPath(f) {
			p = append(p, byte(f>>24), byte(f>>16), byte(f>>8), byte(f))
		}
	}
	k.paths = string(p)
	i := slices.IndexFunc(t.classes, func(c class) bool { return c.key == k })
	if i < 0 {
		if i = slices.IndexFunc(t.classes, func(c class) bool { return c.users == 0 }); i < 0 {
			i = len(t.classes)
			t.classes = append(t.classes, class{})
		}
		t.classes[i] = class{key: k}
		t.dropChunks()
	}
	t.classes[i].users++
	return uint32(i)
}

// chunk is a frame that was made for one peer and serves the others of its
// class that stand at the same entry.
type chunk struct {
	frame []byte
	last  uint32 // entry
	n     int    // NLRI
}

type chunkKey struct{ class, first uint32 }

// chunkLimit bounds the octets kept for sharing: peers that go in step need
// the last few frames, not the table.
const chunkLimit = 1 << 20

func (t *Table) dropChunks() {
	if t.chunked != 0 {
		clear(t.chunks)
		t.chunked = 0
	}
}

// Bulk appends announcements, End-of-RIB markers and refresh replays, whole
// frames, until about max octets; more says that some are left. Withdraws must
// have been taken before: see Urgent. With full, it leaves a frame for later
// that has room for more: somebody is still saying routes.
func (o *Out) Bulk(b []byte, max int, full bool) (_ []byte, more bool) {
	if !o.up || o.held {
		return b, false
	}
	end := len(b) + max
	for len(b) < end {
		if len(o.again.jobs) > 0 {
			var look bool
			if b, look = o.retold(b); look {
				return b, true
			}
			continue
		}
		if o.t.find(&o.main, o) != 0 {
			if full && !o.fills(&o.main) {
				return b, true
			}
			b = o.frame(b, &o.main)
			continue
		}
		o.rest()
		if len(o.eor) > 0 {
			f := o.eor[0]
			b = wire.AppendEOR(b, f)
			o.count.Updates++
			o.eor = o.eor[1:]
			o.stale = slices.DeleteFunc(o.stale, func(x bgp.Family) bool { return x == f })
			continue
		}
		var done bool
		if b, done = o.replayed(b); done {
			return b, false
		}
	}
	return b, true
}

// fills says whether the routes from the cursor on are enough for a full frame,
// or for a bucket that nobody adds to any more. It looks at the end of the
// bucket, not at each route.
func (o *Out) fills(c *cursor) bool {
	t := o.t
	b := &t.buckets[c.bucket]
	if c.bucket != t.order.tail || t.alone(&t.classes[o.class].key, c.bucket) {
		return true
	}
	// Versions are counted over all buckets, so this is an upper bound of how
	// many routes wait here; it is exact while one set of attributes is said.
	waiting := t.entries.at(b.live.tail).version - t.entries.at(c.pos).version + 1
	return waiting*uint64(t.wireLen(t.entries.at(c.pos), false)) >= wire.Packed
}

// rest notes that the peer has been told everything.
func (o *Out) rest() {
	if !o.isIdle {
		o.isIdle = true
		o.t.idle = append(o.t.idle, o)
	}
}

// replayed appends the next part of a refresh replay; done says that there is
// none.
func (o *Out) replayed(b []byte) (_ []byte, done bool) {
	if o.replay == nil {
		if len(o.refresh) == 0 {
			return b, true
		}
		f := o.refresh[0]
		o.refresh = o.refresh[1:]
		o.replay = &replay{cursor{family: f, limit: o.t.version}, o.enhanced && !slices.Contains(o.heldEOR, f)}
		o.t.enter(&o.replay.cursor, o.t.order.head)
		if o.replay.marked {
			b = wire.AppendRefresh(b, wire.Refresh{Family: f, Subtype: wire.BoRR})
		}
		return b, false
	}
	if o.t.find(&o.replay.cursor, o) != 0 {
		return o.frame(b, &o.replay.cursor), false
	}
	if o.replay.marked {
		b = wire.AppendRefresh(b, wire.Refresh{Family: o.replay.family, Subtype: wire.EoRR})
	}
	o.replay = nil
	return b, false
}

// frame appends one UPDATE with the routes from the cursor on, and moves it
// past them. The cursor stands on an entry.
func (o *Out) frame(b []byte, c *cursor) []byte {
	t := o.t
	o.begun = true
	key := chunkKey{class: o.class, first: c.pos}
	shared := t.classes[o.class].users > 1 && (c.limit == ^uint64(0) || c == &o.again.cursor && t.paths == 0)
	if k, ok := t.chunks[key]; shared && ok && t.entries.at(k.last).version <= c.limit {
		o.count.Announced += uint64(k.n)
		o.count.Updates++
		o.pass(c, k.last)
		return append(b, k.frame...)
	}
	start := len(b)
	b, last, n, own := o.pack(b, c)
	if shared && !own && n > 0 {
		if t.chunked > chunkLimit {
			t.dropChunks()
		}
		t.chunks[key] = chunk{frame: slices.Clone(b[start:]), last: last, n: n}
		t.chunked += len(b) - start
	}
	o.pass(c, last)
	return b
}

// pass moves a cursor behind an entry of its bucket.
func (o *Out) pass(c *cursor, last uint32) {
	x := o.t.entries.at(last)
	if c == &o.again.cursor {
		o.again.at(o.t, x.next)
		return
	}
	c.saw(c.bucket, x.version)
	o.t.stand(c, x.next)
}

// aloneMost is how many routes of one set of attributes are sent one to an UPDATE
// in families other than IPv4 unicast: ExaBGP sends all of them so, and its
// cases compare the bytes; a table is packed.
const aloneMost = 8

// alone says whether the routes of a bucket are sent and withdrawn one by one.
func (t *Table) alone(k *classKey, b uint32) bool {
	x := &t.buckets[b]
	return k.single || x.key.family != bgp.IPv4Unicast && x.refs <= aloneMost
}

// pack appends the frame and gives the last entry that it passed, how many NLRI
// are in it, and whether it is this peer's own: an entry on the way is not for
// everyone in the bucket's audience.
func (o *Out) pack(b []byte, c *cursor) (_ []byte, last uint32, n int, own bool) {
	t := o.t
	k := &t.classes[o.class].key
	f := t.buckets[c.bucket].key.family
	path := k.sendPath(f)
	start := len(b)
	b, a, ok := wire.BeginAnnounce(b, f, t.form(c.bucket, &k.export), &k.export)
	limit, single := min(k.max, wire.Packed), t.alone(k, c.bucket)
	for e := c.pos; e != 0; {
		x := t.entries.at(e)
		if x.version > c.limit {
			break
		}
		size := a.Len(b) + t.wireLen(x, path)
		own = own || x.except != 0
		switch {
		case t.sets.has(x.except, o.number):
		case c == &o.again.cursor && o.covered(e):
			own = true
		case !ok || n == 0 && size > k.max:
			o.count.Unsendable++
			own = true
			if x.has(fTold) || c == &o.again.cursor {
				return o.takeBack(b[:start], x, f), e, 0, true
			}
		case n > 0 && (single || size > limit):
			return o.packed(a.End(b), n), last, n, own
		default:
			b = t.raw(x).AppendWire(b, path)
			n++
		}
		last, e = e, x.next
	}
	if n == 0 {
		return b[:start], last, 0, own
	}
	return o.packed(a.End(b), n), last, n, own
}

// takeBack appends the withdraw of a route that is wanted in a way which no
// message to this peer can carry: it must not keep what it was told before.
func (o *Out) takeBack(b []byte, x *entry, f bgp.Family) []byte {
	k := &o.t.classes[o.class].key
	b, w := wire.BeginWithdraw(b, f, attr.Set{}, &k.export)
	b = appendWithdraw(b, o.t, x, f, k.sendPath(f))
	o.count.Withdrawn++
	o.count.Updates++
	return w.End(b)
}

func (o *Out) packed(b []byte, n int) []byte {
	o.count.Announced += uint64(n)
	o.count.Updates++
	return b
}
