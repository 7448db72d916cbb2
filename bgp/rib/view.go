package rib

import (
	"bytes"

	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// View is one wanted route, for people.
type View struct {
	Route route.Route
	Owner Owner
	On    bool // its group lets it on the wire
	// Degrade is how much worse than Route says its group has it told.
	Degrade attr.Degrade
	Peers   []Told
}

// Told is how far a peer is with a route.
type Told struct {
	Peer  *Out
	State ToldState
}

// ToldState is what a peer knows of a route.
type ToldState uint8

// What a peer can know.
const (
	NoSession   ToldState = iota
	NotTold               // the route is off, or the peer does not take its family
	Waiting               // the announcement is on its way
	Announced             // it has left
	Withdrawing           // the withdraw is on its way
)

func (s ToldState) String() string {
	return [...]string{"no session", "not told", "waiting", "announced", "withdraw waiting"}[s]
}

// Lookup gives the wanted routes of an NLRI; with any, those with any path
// identifier.
func (t *Table) Lookup(n nlri.Raw, any bool) (vs []View) {
	for e := t.index[t.hasher.prefix(n)]; e != 0; e = t.entries.at(e).chain {
		x := t.entries.at(e)
		if any {
			n.HasPath, n.PathID = x.has(fPath), x.path
		}
		if !x.has(fUnwanted) && t.same(x, n) {
			vs = append(vs, t.view(x))
		}
	}
	return vs
}

// Walk visits wanted routes in the order of the memory that they are in: those
// in at most so many places from pos on, where 0 is the beginning. It gives where
// to go on, 0 at the end. The table may change between two calls: a route that
// does not, is met exactly once. What a view points at is the table's, and
// holds until f returns.
func (t *Table) Walk(pos uint32, most int, f func(View)) (next uint32) {
	var peers []Told
	first, last, next := t.entries.stretch(pos, most)
	t.walk(first, last, func(_ uint32, x *entry) {
		v := t.look(x, peers[:0])
		peers = v.Peers
		f(v)
	})
	return next
}

// walk visits the wanted routes in a range of places.
func (t *Table) walk(first, last uint32, f func(uint32, *entry)) {
	for e := first; e <= last; e++ {
		if x := t.entries.at(e); x.bucket != 0 && !x.has(fUnwanted|fShade) {
			f(e, x)
		}
	}
}

// view is a look at an entry that may be kept.
func (t *Table) view(x *entry) View {
	v := t.look(x, nil)
	v.Route.NLRI.Body = bytes.Clone(v.Route.NLRI.Body)
	return v
}

// look is a view of an entry whose body is the table's, and whose peers are
// appended to peers.
func (t *Table) look(x *entry, peers []Told) View {
	k := &t.buckets[x.bucket].key
	v := View{Owner: x.owner, On: t.on(x), Degrade: t.standOf(k.group).Degrade, Peers: peers,
		Route: route.Route{NLRI: t.raw(x), Attrs: k.attrs, Group: k.group, Withdraw: x.has(fStartsOff)}}
	for _, o := range t.peers {
		if o != nil && !o.left && t.sets.has(k.to, o.number) && !t.sets.has(x.except, o.number) {
			v.Peers = append(v.Peers, Told{o, o.told(x)})
		}
	}
	return v
}

func (o *Out) told(x *entry) ToldState {
	switch {
	case !o.up:
		return NoSession
	case !o.takes(o.t.buckets[x.bucket].key.family):
		return NotTold
	case x.has(fGrave) && o.grave != 0 && o.t.entries.at(o.grave).died <= x.died:
		return Withdrawing
	case !x.has(fLive):
		return NotTold
	case o.main.seen(x.bucket) >= x.version && !o.again.comesTo(o.t, x):
		return Announced
	}
	return Waiting
}

// GroupLen is how many wanted routes carry a group's name.
func (t *Table) GroupLen(name string) int {
	if g := t.groups[name]; g != nil {
		return len(g.members)
	}
	return 0
}

// GroupNames are the groups that routes carry or that somebody has spoken of.
func (t *Table) GroupNames() []string {
	var names []string
	for name := range t.groups {
		names = append(names, name)
	}
	return names
}
