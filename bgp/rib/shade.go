package rib

import (
	"holdfast/bgp"
	"holdfast/bgp/route"
)

// ExaBGP tells two flow specifications of its configuration that match the same
// and do different things one after the other, although the second takes the
// first one's place with the peer. A shade is the first of such two: an entry
// that is on its way only, that nothing finds and nobody withdraws. It goes
// where its turn could come after that of the route which took its place: when
// that one moves, or when anything joins its bucket, which then moves to the end.

// shades says whether the route that r takes the place of is told before it.
func (t *Table) shades(x *entry, o Owner, r route.Route) bool {
	f := r.NLRI.Family
	return o == Config && x.owner == Config && r.Group == "" && t.buckets[x.bucket].key.group == "" && x.has(fLive) && !t.heard(x) &&
		(f == bgp.IPv4Flow || f == bgp.IPv6Flow) && t.buckets[x.bucket].key.attrs != r.Attrs
}

// shade makes an entry one, and gives r a new entry.
func (t *Table) shade(e uint32, o Owner, to PeerSet, r route.Route) {
	x := t.entries.at(e)
	t.entries.unchain(t.index, e)
	x.set(fShade)
	before := t.shadesOf[e]
	t.forgetShades(e)
	t.routes--
	n := t.add(o, to, r, x.hash, true) // who has been told the shade, knows it
	t.shadesOf[n] = append(before, e)
	for _, s := range t.shadesOf[n] {
		t.shadesIn.put(t.entries.at(s).bucket, n)
	}
}

// places is for each bucket the entries that have shades in it.
type places map[uint32]map[uint32]struct{}

func (p places) put(bucket, n uint32) {
	if p[bucket] == nil {
		p[bucket] = map[uint32]struct{}{}
	}
	p[bucket][n] = struct{}{}
}

func (p places) drop(bucket, n uint32) {
	if delete(p[bucket], n); len(p[bucket]) == 0 {
		delete(p, bucket)
	}
}

// moved drops the shades that an entry's move would leave behind it, and those
// in a bucket that is to be the last one.
func (t *Table) moved(e, bucket uint32) {
	t.dropShades(e)
	for n := range t.shadesIn[bucket] {
		t.dropShades(n)
	}
}

// forgetShades has an entry's shades be nobody's.
func (t *Table) forgetShades(n uint32) {
	for _, s := range t.shadesOf[n] {
		t.shadesIn.drop(t.entries.at(s).bucket, n)
	}
	delete(t.shadesOf, n)
}

func (t *Table) dropShades(n uint32) {
	shades := t.shadesOf[n]
	t.forgetShades(n)
	for _, s := range shades {
		t.unlink(s)
		t.free(s)
	}
}

func (t *Table) dropAllShades() {
	for n := range t.shadesOf {
		t.dropShades(n)
	}
}
