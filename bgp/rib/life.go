package rib

// An entry is live (in its bucket's list), among the graves, or in neither:
// wanted but off. These are the moves between the three.

// show makes an entry live: at the end of its bucket, with a new version.
func (t *Table) show(e uint32) {
	x := t.entries.at(e)
	if len(t.shadesOf) > 0 {
		t.moved(e, x.bucket)
	}
	t.version++
	x.version = t.version
	x.set(fLive)
	t.push(&t.buckets[x.bucket].live, e)
	t.touch(x.bucket)
}

// hide takes a live entry off the wire; it stays wanted.
func (t *Table) hide(e uint32) {
	x := t.entries.at(e)
	heard := t.heard(x)
	t.unlink(e)
	if heard {
		t.bury(e)
	}
}

// bury puts an unlinked entry at the end of the graves: a withdraw for every
// peer that knows it.
func (t *Table) bury(e uint32) {
	x := t.entries.at(e)
	t.version++
	x.died = t.version
	x.set(fGrave)
	t.push(&t.graves, e)
	for _, o := range t.resting {
		o.grave = e
		t.mark(o)
	}
	t.resting = t.resting[:0]
	if t.upPeers == 0 {
		t.reap()
	}
}

// unlink takes an entry out of the list that it is in. Bytes that were made
// for sharing may hold it, so they are dropped.
func (t *Table) unlink(e uint32) {
	x := t.entries.at(e)
	if len(t.shadesOf) > 0 {
		t.moved(e, 0)
	}
	switch {
	case x.has(fLive):
		t.passCursors(e, x)
		t.cut(&t.buckets[x.bucket].live, x)
		t.dropChunks()
	case x.has(fGrave):
		t.passGraves(e, x)
		t.cut(&t.graves, x)
	}
	x.clear(fLive | fGrave)
}

func (t *Table) passCursors(e uint32, x *entry) {
	if !x.has(fHeld) {
		return
	}
	t.eachCursor(func(_ *Out, c *cursor) {
		t.pass(c, x.bucket, e, x.next)
	})
	x.clear(fHeld)
}

func (t *Table) passGraves(e uint32, x *entry) {
	for _, o := range t.peers {
		if o != nil && o.up && o.grave == e {
			t.standAtGrave(o, x.next)
		}
	}
}

// free gives an unlinked entry's memory back.
func (t *Table) free(e uint32) {
	x := t.entries.at(e)
	if !x.has(fShade) {
		t.entries.unchain(t.index, e)
	}
	if x.has(fPath) {
		t.paths--
	}
	t.unref(x.bucket)
	t.entries.drop(e)
}

// reap frees the graves that every peer has passed.
func (t *Table) reap() {
	if t.graves.head == 0 {
		return
	}
	oldest := t.version + 1
	if len(t.resting) != t.upPeers {
		for _, o := range t.peers {
			if o != nil && o.up && o.grave != 0 {
				oldest = min(oldest, t.entries.at(o.grave).died)
			}
		}
	}
	for e := t.graves.head; e != 0; e = t.graves.head {
		x := t.entries.at(e)
		if x.died >= oldest {
			return
		}
		t.cut(&t.graves, x)
		x.clear(fGrave | fTold)
		if x.has(fUnwanted) {
			t.free(e)
		}
	}
}

func (t *Table) push(l *list, e uint32) {
	x := t.entries.at(e)
	x.prev, x.next = l.tail, 0
	if x.prev == 0 {
		l.head = e
	} else {
		t.entries.at(x.prev).next = e
	}
	l.tail = e
}

func (t *Table) cut(l *list, x *entry) {
	if x.prev == 0 {
		l.head = x.next
	} else {
		t.entries.at(x.prev).next = x.next
	}
	if x.next == 0 {
		l.tail = x.prev
	} else {
		t.entries.at(x.next).prev = x.prev
	}
	x.prev, x.next = 0, 0
}
