package rib

import (
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// Withdraw takes a route away from some peers, whoever wanted it, and has them
// told, those too that never heard of it: ExaBGP does, and who says so may know
// what a peer has from elsewhere. attrs go along in families that have a use
// for them; the zero Handle is none. It says whether there was such a route.
func (t *Table) Withdraw(from PeerSet, n nlri.Raw, attrs attr.Handle) (found bool) {
	if from == 0 {
		return false
	}
	if attrs == (attr.Handle{}) || wire.Plain(n.Family) {
		attrs = t.bare
	}
	h := t.hasher.prefix(n)
	for e := t.index[h]; e != 0; {
		x := t.entries.at(e)
		next := x.chain
		if t.same(x, n) {
			found = t.forget(e, from) || found
		}
		e = next
	}
	if t.upPeers > 0 {
		t.mourn(from, n, attrs, h)
	}
	return found
}

// forget takes peers away from an entry, wanted or on its way out, without a
// word: a withdraw of its NLRI is to follow. It says whether it was wanted.
func (t *Table) forget(e uint32, from PeerSet) bool {
	x := t.entries.at(e)
	have := t.audience(x)
	both, wanted := t.sets.and(have, from), !x.has(fUnwanted)
	switch {
	case both == 0:
		return false
	case both == have && wanted:
		t.unwant(e, false)
	case both == have:
		t.unlink(e)
		t.free(e)
	case wanted:
		t.exclude(x, both)
	}
	return wanted
}

// mourn buries an entry that was never wanted.
func (t *Table) mourn(from PeerSet, n nlri.Raw, attrs attr.Handle, h uint64) {
	e := t.newEntry(n, h)
	x := t.entries.at(e)
	x.set(fUnwanted | fTold | fSaid)
	x.bucket = t.bucket(bucketKey{attrs: attrs, family: n.Family, to: from})
	t.buckets[x.bucket].refs++
	t.bury(e)
}

// Remove takes a route away from those peers that know it, if the owner wanted
// it last. It says whether there was one.
func (t *Table) Remove(o Owner, from PeerSet, n nlri.Raw) (found bool) {
	for e := t.index[t.hasher.prefix(n)]; e != 0; {
		x := t.entries.at(e)
		next := x.chain
		if !x.has(fUnwanted) && x.owner == o && t.same(x, n) {
			found = t.removeFrom(e, from) || found
		}
		e = next
	}
	return found
}

// removeFrom takes peers away from a wanted entry.
func (t *Table) removeFrom(e uint32, from PeerSet) bool {
	have := t.audience(t.entries.at(e))
	switch both := t.sets.and(have, from); both {
	case 0:
		return false
	case have:
		t.unwant(e, true)
	default:
		t.split(e, both)
	}
	return true
}

// split takes some of a route's peers away: for them the route gets an entry
// of its own, which is buried.
func (t *Table) split(e uint32, gone PeerSet) {
	x := t.entries.at(e)
	told := t.carry(x)
	key := t.buckets[x.bucket].key
	r := route.Route{NLRI: t.raw(x), Attrs: key.attrs, Group: key.group, Withdraw: x.has(fStartsOff)}
	t.exclude(x, gone)
	t.unwant(t.add(x.owner, gone, r, x.hash, told), true)
}
