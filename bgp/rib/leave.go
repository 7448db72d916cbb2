package rib

// leaving is the peers that were dropped and that routes still name. Their
// numbers are given to others once no route does.
type leaving struct {
	all PeerSet
	now PeerSet // those that this sweep is for
	pos uint32  // where it goes on
}

// DropPeer ends a peer's session and forgets the peer. The routes that were
// wanted for it are not any more; Sweep has to take them away.
func (t *Table) DropPeer(o *Out) {
	o.Down()
	o.left = true
	t.dropAllShades()
	t.leaving.all = t.sets.or(t.leaving.all, t.Peers(o))
}

// Sweep takes dropped peers out of at most so many places of the table, which
// may be a million, and says whether it has to be called again.
func (t *Table) Sweep(most int) (more bool) {
	l := &t.leaving
	if l.now == 0 {
		l.now, l.pos = l.all, 0
	}
	if l.now == 0 {
		return false
	}
	first, last, next := t.entries.stretch(l.pos, most)
	t.walk(first, last, t.leave)
	if l.pos = next; next != 0 {
		return true
	}
	for i, o := range t.peers {
		if o != nil && t.sets.has(l.now, i) {
			t.peers[i] = nil
		}
	}
	l.all, l.now = t.sets.without(l.all, l.now), 0
	return l.all != 0
}

// leave takes those that the sweep is for out of an entry.
func (t *Table) leave(e uint32, x *entry) {
	named := t.named(x)
	switch both := t.sets.and(named, t.leaving.now); both {
	case 0:
	case named:
		t.unwant(e, false)
	default:
		t.exclude(x, both)
	}
}
