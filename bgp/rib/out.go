package rib

import (
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/attr"
)

// Out is one peer's side of the table: what it was told, and what comes next.
type Out struct {
	Owner any // for whoever made it: the table does not look

	t       *Table
	number  int
	up      bool
	isIdle  bool
	isDirty bool
	left    bool // dropped: see leave.go
	begun   bool // it was told something in this session

	families []bgp.Family
	enhanced bool // BoRR and EoRR around replays (RFC 7313)
	class    uint32
	main     cursor
	again    again
	awaits   []await
	heardIn  uint32 // the bucket of the last entry that heard looked at
	heardTo  uint64 // up to there it needs not look again
	grave    uint32 // the next withdraw; 0: none
	replay   *replay
	refresh  []bgp.Family // replays that wait
	eor      []bgp.Family // End-of-RIB markers that are due
	heldEOR  []bgp.Family // those that wait for ReleaseEOR
	stale    []bgp.Family // it may know any route of them from a session before
	held     bool
	count    Counters
}

// Counters is what a peer was told since its session came up.
type Counters struct {
	Announced  uint64 // NLRI
	Withdrawn  uint64 // NLRI
	Updates    uint64 // messages
	Unsendable uint64 // NLRI that no message to this peer can carry
}

// replay answers a ROUTE-REFRESH: everything that the peer was told of a
// family, once more.
type replay struct {
	cursor
	marked bool // with BoRR and EoRR: not before End-of-RIB (RFC 7313 section 4)
}

// Session is what of a session the table needs to know.
type Session struct {
	Negotiated *bgp.Negotiated
	Export     attr.Export
	Single     bool // one route in an UPDATE: "group-updates false"
	HoldEOR    bool // no End-of-RIB until ReleaseEOR
	NoEOR      bool // "manual-eor"
	Hold       bool // no announcements until Flush: "auto-flush false"
	Stale      bool // the peer may keep what a session before told it, until End-of-RIB (RFC 4724)
}

// AddPeer gives a new peer a place. It is told nothing until Up.
func (t *Table) AddPeer() *Out {
	o := &Out{t: t, number: slices.Index(t.peers, nil)}
	if o.number < 0 {
		o.number = len(t.peers)
		t.peers = append(t.peers, nil)
	}
	t.peers[o.number] = o
	return o
}

// Up starts a session: the peer knows nothing yet.
func (o *Out) Up(s Session) {
	o.Down()
	o.up = true
	o.families, o.enhanced = s.Negotiated.Families, s.Negotiated.EnhancedRefresh
	o.class = o.t.classOf(s)
	o.count = Counters{}
	o.held, o.begun = s.Hold, false
	switch {
	case s.NoEOR:
	case s.HoldEOR:
		o.heldEOR = o.families
	default:
		o.eor = slices.Clone(o.families)
	}
	if s.Stale {
		o.stale = slices.Clone(o.families)
	}
	o.main = cursor{limit: ^uint64(0)}
	o.t.upPeers++
	o.t.resting = append(o.t.resting, o)
	o.t.enter(&o.main, o.t.order.head)
	if o.main.bucket == 0 {
		o.rest()
	}
	o.t.mark(o)
}

// Down ends a session.
func (o *Out) Down() {
	if !o.up {
		return
	}
	t := o.t
	same := func(x *Out) bool { return x == o }
	t.idle = slices.DeleteFunc(t.idle, same)
	t.resting = slices.DeleteFunc(t.resting, same)
	t.classes[o.class].users--
	t.upPeers--
	o.up, o.isIdle = false, false
	o.main, o.grave, o.replay = cursor{}, 0, nil
	o.again, o.awaits = again{}, nil
	o.refresh, o.eor, o.heldEOR, o.stale = nil, nil, nil, nil
	t.reap()
}

// Counters is what the peer was told in this session.
func (o *Out) Counters() Counters { return o.count }

// Refresh tells the peer everything of a family again, after what is new.
func (o *Out) Refresh(f bgp.Family) {
	if o.up && o.takes(f) && !slices.Contains(o.refresh, f) {
		o.refresh = append(o.refresh, f)
		o.t.mark(o)
	}
}

// ReleaseEOR lets the End-of-RIB markers go, each after the table.
func (o *Out) ReleaseEOR() {
	if len(o.heldEOR) > 0 {
		o.eor, o.heldEOR = append(o.eor, o.heldEOR...), nil
		o.t.mark(o)
	}
}

// Flush lets announcements go that "auto-flush false" holds, and tells
// everything again.
func (o *Out) Flush() {
	o.held = false
	for _, f := range o.families {
		o.Refresh(f)
	}
	o.t.mark(o)
}

// SendEOR tells the peer End-of-RIB of a family, after what waits; the others
// stay held. False: it does not take the family.
func (o *Out) SendEOR(f bgp.Family) bool {
	if !o.up || !o.takes(f) {
		return false
	}
	o.eor = append(o.eor, f)
	o.t.mark(o)
	return true
}

// Caught says that the peer has taken all that there is, End-of-RIB included.
func (o *Out) Caught() bool {
	return o.up && o.grave == 0 && o.isIdle && len(o.again.jobs) == 0 && o.replay == nil && len(o.refresh) == 0 && len(o.eor) == 0 && len(o.heldEOR) == 0
}

// knows says whether the peer may have been told of a live or buried entry as
// it is: in this session, or in one before whose routes it still keeps.
func (o *Out) knows(x *entry) bool {
	return o.main.seen(x.bucket) >= x.version || o.stale != nil && slices.Contains(o.stale, o.t.buckets[x.bucket].key.family)
}

func (o *Out) takes(f bgp.Family) bool { return slices.Contains(o.families, f) }

// mark notes that a peer has something to take.
func (t *Table) mark(o *Out) {
	if o.up && !o.isDirty {
		o.isDirty = true
		t.dirty = append(t.dirty, o)
	}
}

// Dirty visits the peers that have got something to take since the last visit.
func (t *Table) Dirty(f func(*Out)) {
	for i := 0; i < len(t.dirty); i++ {
		o := t.dirty[i]
		o.isDirty = false
		if o.up {
			f(o)
		}
	}
	t.dirty = t.dirty[:0]
}

// standAtGrave puts a peer on a grave.
func (t *Table) standAtGrave(o *Out, e uint32) {
	if o.grave != 0 && e == 0 {
		t.resting = append(t.resting, o)
	}
	o.grave = e
}

// wireLen is how many octets an entry's NLRI takes in a message.
func (t *Table) wireLen(x *entry, path bool) int {
	n := int(x.n)
	if x.n == over {
		n = len(t.entries.body(x))
	}
	if path {
		n += 4
	}
	return n
}
