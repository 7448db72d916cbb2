package rib

import "math/bits"

// PeerSet is a set of peers, as the number of an interned bit set: equal sets
// are equal numbers. 0 is the empty set.
type PeerSet uint32

type sets struct {
	words [][]uint64 // by PeerSet; without trailing zero words
	index map[string]PeerSet
	tmp   []uint64
	last  struct{ a, b, and PeerSet } // of and: the same two come again and again
}

func newSets() sets {
	return sets{words: make([][]uint64, 1), index: map[string]PeerSet{"": 0}}
}

// intern gives the number of the set in w.
func (s *sets) intern(w []uint64) PeerSet {
	for len(w) > 0 && w[len(w)-1] == 0 {
		w = w[:len(w)-1]
	}
	k := make([]byte, 0, 128)
	for _, v := range w {
		k = append(k, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
	}
	if p, ok := s.index[string(k)]; ok {
		return p
	}
	p := PeerSet(len(s.words))
	s.words = append(s.words, append([]uint64(nil), w...))
	s.index[string(k)] = p
	return p
}

func (s *sets) has(p PeerSet, peer int) bool {
	w := s.words[p]
	return peer>>6 < len(w) && w[peer>>6]&(1<<(peer&63)) != 0
}

// combine interns op of the two sets, word by word.
func (s *sets) combine(a, b PeerSet, op func(x, y uint64) uint64) PeerSet {
	wa, wb := s.words[a], s.words[b]
	s.tmp = s.tmp[:0]
	for i := range max(len(wa), len(wb)) {
		var x, y uint64
		if i < len(wa) {
			x = wa[i]
		}
		if i < len(wb) {
			y = wb[i]
		}
		s.tmp = append(s.tmp, op(x, y))
	}
	return s.intern(s.tmp)
}

func (s *sets) and(a, b PeerSet) PeerSet {
	if a == b {
		return a
	}
	if s.last.a != a || s.last.b != b {
		s.last.and = s.combine(a, b, func(x, y uint64) uint64 { return x & y })
		s.last.a, s.last.b = a, b
	}
	return s.last.and
}

func (s *sets) or(a, b PeerSet) PeerSet {
	if a == 0 || a == b {
		return b
	}
	return s.combine(a, b, func(x, y uint64) uint64 { return x | y })
}

func (s *sets) without(a, b PeerSet) PeerSet {
	return s.combine(a, b, func(x, y uint64) uint64 { return x &^ y })
}

// Peers interns the set of some peers of the table.
func (t *Table) Peers(ps ...*Out) PeerSet {
	var w []uint64
	for _, o := range ps {
		for o.number>>6 >= len(w) {
			w = append(w, 0)
		}
		w[o.number>>6] |= 1 << (o.number & 63)
	}
	return t.sets.intern(w)
}

// Union is the peers of both sets.
func (t *Table) Union(a, b PeerSet) PeerSet { return t.sets.or(a, b) }

// Has says whether a peer is in a set.
func (t *Table) Has(p PeerSet, o *Out) bool { return t.sets.has(p, o.number) }

// Size is how many peers are in a set.
func (t *Table) Size(p PeerSet) int {
	n := 0
	for _, w := range t.sets.words[p] {
		n += bits.OnesCount64(w)
	}
	return n
}
