package rib

// Mark is a moment: after some changes of the table, and before others.
type Mark uint64

// Mark is now.
func (t *Table) Mark() Mark { return Mark(t.version) }

// BeginClear is the mark for a Clear of what is there now.
func (t *Table) BeginClear() Mark {
	t.clearing = t.version
	return t.Mark()
}

// Clear takes those routes of some peers away, whoever wanted them, that nobody
// has said since BeginClear; a gate that opens meanwhile saves none. Like Walk,
// it looks at a few places and gives where to go on.
func (t *Table) Clear(from PeerSet, m Mark, pos uint32, most int) (next uint32) {
	first, last, next := t.entries.stretch(pos, most)
	t.walk(first, last, func(e uint32, x *entry) {
		if x.version <= uint64(m) || x.has(fAged) {
			t.removeFrom(e, from)
		}
	})
	return next
}

// lookAhead bounds how many buckets Took looks at.
const lookAhead = 64

// Took says whether the peer has taken all that was for it at a mark, but for
// what "auto-flush false" holds back. It may say no although it has, while many
// other changes wait; it says yes when those are fewer.
func (o *Out) Took(m Mark) bool {
	t := o.t
	if !o.up {
		return true
	}
	if o.grave != 0 && t.entries.at(o.grave).died <= uint64(m) || o.again.waits(uint64(m)) {
		return false
	}
	b, n := o.main.bucket, 0
	for ; b != 0 && !o.held && n < lookAhead; n++ {
		if o.waits(b, uint64(m)) {
			return false
		}
		b = t.buckets[b].next
	}
	return b == 0 || o.held
}

// waits says whether a bucket may have routes for the peer that it has not seen
// and that are not newer than a version.
func (o *Out) waits(b uint32, version uint64) bool {
	t := o.t
	x, seen := &t.buckets[b], o.main.seen(b)
	if x.live.head == 0 || seen >= version || !o.takes(x.key.family) || !t.sets.has(x.key.to, o.number) {
		return false
	}
	return t.entries.at(x.live.head).version <= version && t.entries.at(x.live.tail).version > seen
}
