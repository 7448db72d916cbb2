// Package rib is what is wanted, what each peer was told, and the next bytes
// that close the gap.
//
// There is one Table for all peers. A route in it has a version: the number of
// its last change. Routes hang in buckets by what is equal about them
// (attributes, family, audience, group), each bucket in the order of versions,
// and the buckets in the order of their last change. What a peer was told is
// then not a copy of the table but a place in it: one version per bucket. A
// change moves a route to the end, so that a peer which lags behind meets it
// once, in its last state, and an announcement which was taken back before a
// peer came to it never leaves.
//
// Routes that are to be withdrawn wait in one list of their own, the graves,
// until each peer that was told of them has taken the withdraw.
package rib

import (
	"bytes"
	"hash/maphash"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// Owner is who wanted a route last.
type Owner uint8

// The owners. The last writer owns a route; what the configuration loses on a
// reload is only taken away if a helper has not said it again since. Numbers
// beyond API are for its user to give to those who speak it.
const (
	Config Owner = iota
	API
)

// Table is what is wanted, for all peers. It belongs to one goroutine.
type Table struct {
	entries slab
	index   map[uint64]uint32 // hash of the prefix → first of a chain
	paths   int               // entries with a path identifier
	hasher  hasher

	buckets    []bucket // 0 is none
	bucketOf   map[bucketKey]uint32
	freeBucket []uint32
	order      list // buckets by last change

	groups map[string]*group
	rest   Stand // of groups that nobody has spoken of
	// ungated is how routes without a group stand.
	ungated  Stand
	degraded bool // some of them are told otherwise than they say
	lastForm form // see again.go
	scratch  []byte
	off      bool        // nothing is told any more
	bare     attr.Handle // no attributes
	sets     sets
	graves   list
	// shadesOf is the shades of entries: see shade.go.
	shadesOf map[uint32][]uint32
	shadesIn places
	version  uint64
	clearing uint64 // the version of the last BeginClear
	routes   int    // wanted, on or off

	peers   []*Out // by number; nil where a number is free
	leaving leaving
	upPeers int
	idle    []*Out  // peers that have taken all announcements
	resting []*Out  // peers that have taken all withdraws
	dirty   []*Out  // peers that got something to take since the last Dirty
	classes []class // what makes peers' bytes differ
	chunks  map[chunkKey]chunk
	chunked int // octets in chunks
}

// list is the two ends of an intrusive list; 0 is none.
type list struct{ head, tail uint32 }

// NewTable makes an empty table.
func NewTable() *Table {
	return &Table{
		index:    map[uint64]uint32{},
		hasher:   newHasher(),
		buckets:  make([]bucket, 1),
		bucketOf: map[bucketKey]uint32{},
		groups:   map[string]*group{},
		sets:     newSets(),
		shadesOf: map[uint32][]uint32{},
		shadesIn: places{},
		chunks:   map[chunkKey]chunk{},
		bare:     (&attr.Builder{}).Handle(),
	}
}

// Len is how many routes are wanted, on the wire or not.
func (t *Table) Len() int { return t.routes }

// Announce wants a route for some peers. What they were to be told of the same
// NLRI before, by whomever, is replaced. It says whether that changes anything:
// a route that is wanted already is not told again.
func (t *Table) Announce(o Owner, to PeerSet, r route.Route) bool {
	if to == 0 {
		return false
	}
	h := t.hasher.prefix(r.NLRI)
	told := false
	for e := t.index[h]; e != 0; {
		x := t.entries.at(e)
		next := x.chain
		if !x.has(fUnwanted) && t.same(x, r.NLRI) {
			have := t.audience(x)
			switch both := t.sets.and(have, to); both {
			case 0:
			case have:
				if have == to {
					return t.replace(e, o, r)
				}
				told = t.carry(x) || told
				t.unwant(e, false)
			default:
				told = t.carry(x) || told
				t.exclude(x, both)
			}
		} else if x.has(fUnwanted) && !x.has(fSaid) && t.same(x, r.NLRI) && t.sets.and(t.audience(x), to) == t.audience(x) {
			// Its withdraw has not been taken by all: the announcement replaces it.
			// One that somebody asked for is told first, as ExaBGP does.
			told = true
			t.unlink(e)
			t.free(e)
		}
		e = next
	}
	t.add(o, to, r, h, told)
	return true
}

// replace changes a route in place.
func (t *Table) replace(e uint32, o Owner, r route.Route) bool {
	x := t.entries.at(e)
	x.owner = o
	b := &t.buckets[x.bucket].key
	if b.attrs == r.Attrs && b.group == r.Group && x.has(fStartsOff) == r.Withdraw && bytes.Equal(t.entries.body(x), r.NLRI.Body) {
		return false
	}
	to := t.audience(x)
	if t.shades(x, o, r) {
		t.shade(e, o, to, r)
		return true
	}
	t.carry(x)
	t.unlink(e)
	t.leaveGroup(e)
	t.entries.setBody(e, r.NLRI.Body)
	t.attach(e, bucketKey{attrs: r.Attrs, family: r.NLRI.Family, to: to, group: r.Group}, r.Withdraw)
	return true
}

// add makes a new entry; told says that a peer may have heard of the NLRI
// through entries that this one replaces.
func (t *Table) add(o Owner, to PeerSet, r route.Route, h uint64, told bool) uint32 {
	e := t.newEntry(r.NLRI, h)
	x := t.entries.at(e)
	x.owner = o
	if told {
		x.set(fTold)
	}
	t.routes++
	t.attach(e, bucketKey{attrs: r.Attrs, family: r.NLRI.Family, to: to, group: r.Group}, r.Withdraw)
	return e
}

// newEntry makes an entry of an NLRI that is in no bucket yet.
func (t *Table) newEntry(n nlri.Raw, h uint64) uint32 {
	e := t.entries.new()
	x := t.entries.at(e)
	t.entries.setNLRI(e, n)
	x.hash = h
	x.chain = t.index[h]
	t.index[h] = e
	if n.HasPath {
		t.paths++
	}
	return e
}

// exclude takes peers out of a live entry's audience without moving it, so that
// the others do not hear of it again.
func (t *Table) exclude(x *entry, gone PeerSet) {
	x.except = t.sets.or(x.except, gone)
	t.dropAllShades()
	t.dropChunks()
}

// unwant removes a route; with tell, peers that know it get a withdraw.
func (t *Table) unwant(e uint32, tell bool) {
	x := t.entries.at(e)
	x.set(fUnwanted)
	t.routes--
	t.leaveGroup(e)
	if tell && x.has(fGrave) {
		return
	}
	heard := t.heard(x)
	t.unlink(e)
	if tell && heard {
		t.bury(e)
		return
	}
	t.free(e)
}

// attach puts an unlinked entry into the bucket of key, on or off.
func (t *Table) attach(e uint32, key bucketKey, startsOff bool) {
	b := t.bucket(key)
	x := t.entries.at(e)
	old := x.bucket
	x.bucket, x.except = b, 0
	t.buckets[b].refs++
	t.unref(old)
	x.clear(fStartsOff | fAged)
	if startsOff {
		x.set(fStartsOff)
	}
	if key.group != "" {
		t.group(key.group).members[e] = struct{}{}
	}
	if t.on(x) {
		t.show(e)
		return
	}
	t.version++
	if x.version = t.version; x.has(fTold) {
		t.bury(e)
	}
}

// carry remembers, before an entry changes, whether a peer knows it.
func (t *Table) carry(x *entry) bool {
	if t.heard(x) {
		x.set(fTold)
	}
	return x.has(fTold)
}

// heard says whether a peer may know of an entry.
func (t *Table) heard(x *entry) bool {
	if x.has(fTold | fGrave) {
		return true
	}
	if !x.has(fLive) {
		return false
	}
	for _, o := range t.peers {
		if o != nil && o.up && o.knows(x) {
			return true
		}
	}
	return false
}

// audience is the peers that an entry is for.
func (t *Table) audience(x *entry) PeerSet {
	to := t.named(x)
	if t.leaving.all == 0 {
		return to
	}
	return t.sets.without(to, t.leaving.all)
}

// named is an entry's audience with those that were dropped.
func (t *Table) named(x *entry) PeerSet {
	to := t.buckets[x.bucket].key.to
	if x.except == 0 {
		return to
	}
	return t.sets.without(to, x.except)
}

// hasher makes a number of family, path and key.
type hasher struct {
	seed    maphash.Seed
	scratch []byte
}

func newHasher() hasher { return hasher{seed: maphash.MakeSeed()} }

func (h *hasher) hash(n nlri.Raw) uint64 {
	b := append(h.scratch[:0], byte(n.Family>>16), byte(n.Family>>8), byte(n.Family))
	b = append(b, byte(n.PathID>>24), byte(n.PathID>>16), byte(n.PathID>>8), byte(n.PathID))
	b = append(b, key(n.Family, n.Body)...)
	h.scratch = b
	return maphash.Bytes(h.seed, b)
}

// prefix is the hash that all paths of a prefix have in common.
func (h *hasher) prefix(n nlri.Raw) uint64 {
	n.PathID = 0
	return h.hash(n)
}

// same says whether an entry is of the NLRI: the hash only brought us near.
func (t *Table) same(x *entry, n nlri.Raw) bool {
	return t.buckets[x.bucket].key.family == n.Family && t.entries.same(x, n)
}

func (t *Table) raw(x *entry) nlri.Raw { return t.entries.raw(x, t.buckets[x.bucket].key.family) }

// key is the part of a body by which routes are told apart.
func key(f bgp.Family, body []byte) []byte {
	if f == bgp.IPv4Unicast || f == bgp.IPv6Unicast {
		return body
	}
	if c := family.Lookup(f); c != nil && c.Key != nil {
		return c.Key(nil, body)
	}
	return body
}

// bucketKey is what the routes of a bucket have in common.
type bucketKey struct {
	attrs  attr.Handle
	family bgp.Family
	to     PeerSet
	group  string
}
