package rib

import (
	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// In is what one peer has told us (its Adj-RIB-In, RFC 4271 section 3.2). It is
// as large as the peer likes: a router with the Internet sends a million
// routes. So it is only made for neighbors of which the configuration says
// "adj-rib-in".
//
// Like the entries of a Table, those of In hold no pointers. What routes have
// in common is kept once.
type In struct {
	entries slab // bucket is the place in sets
	index   map[uint64]uint32
	hasher  hasher
	sets    []inSet // 0 is none
	setOf   map[inKey]uint32
	freeSet []uint32
	routes  int
}

type inKey struct {
	attrs  attr.Handle // with the next hop
	family bgp.Family
}

type inSet struct {
	inKey
	refs int
}

// NewIn makes an empty one.
func NewIn() *In {
	in := &In{}
	in.Reset()
	return in
}

// Reset forgets everything. A nil In has nothing to forget.
func (in *In) Reset() {
	if in != nil {
		*in = In{index: map[uint64]uint32{}, hasher: newHasher(), sets: make([]inSet, 1), setOf: map[inKey]uint32{}}
	}
}

// Len is how many routes there are.
func (in *In) Len() int { return in.routes }

// Set is what the peer announced, in place of what it said of the NLRI before.
func (in *In) Set(n nlri.Raw, attrs attr.Handle) {
	h := in.hasher.hash(n)
	e := in.find(h, n)
	if e == 0 {
		e = in.entries.new()
		x := in.entries.at(e)
		x.hash, x.chain = h, in.index[h]
		in.index[h] = e
		in.routes++
	}
	set := in.ref(inKey{attrs, n.Family})
	in.entries.setNLRI(e, n)
	x := in.entries.at(e)
	in.unref(x.bucket)
	x.bucket = set
}

// Remove is what the peer withdrew.
func (in *In) Remove(n nlri.Raw) {
	h := in.hasher.hash(n)
	e := in.find(h, n)
	if e == 0 {
		return
	}
	in.entries.unchain(in.index, e)
	in.unref(in.entries.at(e).bucket)
	in.entries.drop(e)
	in.routes--
}

func (in *In) find(h uint64, n nlri.Raw) uint32 {
	for e := in.index[h]; e != 0; e = in.entries.at(e).chain {
		if x := in.entries.at(e); in.sets[x.bucket].family == n.Family && in.entries.same(x, n) {
			return e
		}
	}
	return 0
}

// ref finds or makes the place of what a route has in common with others.
func (in *In) ref(k inKey) uint32 {
	s, ok := in.setOf[k]
	if !ok {
		if n := len(in.freeSet); n > 0 {
			s = in.freeSet[n-1]
			in.freeSet = in.freeSet[:n-1]
		} else {
			s = uint32(len(in.sets))
			in.sets = append(in.sets, inSet{})
		}
		in.setOf[k] = s
		in.sets[s].inKey = k
	}
	in.sets[s].refs++
	return s
}

func (in *In) unref(s uint32) {
	if s == 0 {
		return
	}
	if in.sets[s].refs--; in.sets[s].refs == 0 {
		delete(in.setOf, in.sets[s].inKey)
		in.sets[s] = inSet{}
		in.freeSet = append(in.freeSet, s)
	}
}

// Walk is as that of a Table. What a route points at is ours, and holds until f
// returns.
func (in *In) Walk(pos uint32, most int, f func(route.Route)) (next uint32) {
	first, last, next := in.entries.stretch(pos, most)
	for e := first; e <= last; e++ {
		if x := in.entries.at(e); x.bucket != 0 {
			set := &in.sets[x.bucket]
			f(route.Route{NLRI: in.entries.raw(x, set.family), Attrs: set.attrs})
		}
	}
	return next
}

// Has says whether the peer has announced an NLRI.
func (in *In) Has(n nlri.Raw) bool { return in.find(in.hasher.hash(n), n) != 0 }
