package rib

import "holdfast/bgp/wire"

// A peer that has not agreed on path identifiers (RFC 7911) sees the paths of a
// prefix as one route: each announcement replaces the one before, and a withdraw
// of one path would take the prefix away although another path is wanted. It is
// told such another path in place of the withdraw.

// other is the last said of the routes that the peer was told and that are the
// same for it as a buried one, or 0.
func (o *Out) other(x *entry) (best uint32) {
	t := o.t
	if t.paths == 0 {
		return 0
	}
	n := t.raw(x)
	carried := t.classes[o.class].key.sendPath(n.Family)
	if carried && n.PathID != 0 { // 0 is also what a route without one is sent with
		return 0
	}
	last := uint64(0)
	for e := t.index[x.hash]; e != 0; e = t.entries.at(e).chain {
		y := t.entries.at(e)
		n.HasPath, n.PathID = y.has(fPath), y.path
		if y.has(fLive) && y.version > last && o.main.seen(y.bucket) >= y.version && o.isFor(y) &&
			(!carried || y.path == 0) && t.same(y, n) {
			best, last = e, y.version
		}
	}
	return best
}

// covered says whether the peer knows another path in place of this one, which
// must stay so when this one's group is told again.
func (o *Out) covered(e uint32) bool {
	y := o.other(o.t.entries.at(e))
	return y != 0 && y != e
}

// instead appends the announcement of one live route; false, and b as it was, if
// no message to the peer can carry it.
func (o *Out) instead(b []byte, e uint32) (_ []byte, ok bool) {
	t, start := o.t, len(b)
	x, c := t.entries.at(e), &t.classes[o.class].key
	k := &t.buckets[x.bucket].key
	b, a, ok := wire.BeginAnnounce(b, k.family, t.form(x.bucket, &c.export), &c.export)
	path := c.sendPath(k.family)
	if !ok || a.Len(b)+t.wireLen(x, path) > c.max {
		return b[:start], false
	}
	o.again.mix(k.group)
	return o.packed(a.End(t.raw(x).AppendWire(b, path)), 1), true
}

// isFor says whether an entry is for the peer.
func (o *Out) isFor(x *entry) bool {
	to := o.t.buckets[x.bucket].key.to
	return o.t.sets.has(to, o.number) && !o.t.sets.has(x.except, o.number)
}
