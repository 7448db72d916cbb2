package rib

import (
	"maps"
	"slices"

	"holdfast/bgp/attr"
)

// Gate is the state of a group of routes (ExaBGP's "watchdog").
type Gate uint8

// The states. Routes that carry the word "withdraw" start withdrawn: an open
// gate does not show them, only one that somebody has switched on by hand.
const (
	Open Gate = iota // also the state of a group that nobody has spoken of
	Closed
	Forced // switched on by hand
)

// Stand is how a group of routes stands: whether it is told, and how much worse
// than its routes say.
type Stand struct {
	Gate
	attr.Degrade
}

type group struct {
	gate    Gate
	members map[uint32]struct{}
}

// group finds or makes a group; one that nobody has spoken of is as the rest.
func (t *Table) group(name string) *group {
	g := t.groups[name]
	if g == nil {
		g = &group{gate: t.rest, members: map[uint32]struct{}{}}
		t.groups[name] = g
	}
	return g
}

func (t *Table) leaveGroup(e uint32) {
	name := t.buckets[t.entries.at(e).bucket].key.group
	if name == "" {
		return
	}
	if g := t.groups[name]; g != nil {
		delete(g.members, e)
		if g.gate == t.rest {
			t.dropGroup(name, g)
		}
	}
}

// dropGroup drops a group without routes. It may be one that is as the rest is, as
// it will be again if it comes back.
func (t *Table) dropGroup(name string, g *group) {
	if len(g.members) == 0 {
		delete(t.groups, name)
	}
}

// on says whether an entry's group lets it on the wire.
func (t *Table) on(x *entry) bool {
	name := t.buckets[x.bucket].key.group
	if t.off {
		return false
	}
	if name == "" {
		return true
	}
	gate := t.rest
	if g := t.groups[name]; g != nil {
		gate = g.gate
	}
	return gate == Forced || gate == Open && !x.has(fStartsOff)
}

// Groups switches named groups, and the rest that has no name here, in one
// step. The name "" is that of routes without a group. The withdraws come before
// all announcements that still wait, for every peer.
func (t *Table) Groups(gates map[string]Stand, rest Stand) {
	t.rest = rest.Gate
	for name := range gates {
		t.group(name)
	}
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		state, ok := gates[name]
		if !ok {
			state = rest
		}
		t.Group(name, state.Gate)
		if !ok {
			t.dropGroup(name, t.groups[name])
		}
	}
}

// Off takes everything off the wire, for good: the daemon stops.
func (t *Table) Off() {
	t.off = true
	t.dropAllShades()
	for b := t.order.head; b != 0; b = t.buckets[b].next {
		for e := t.buckets[b].live.head; e != 0; {
			next := t.entries.at(e).next
			t.hide(e)
			e = next
		}
	}
}

// Group switches a named group in one step.
func (t *Table) Group(name string, state Gate) {
	g := t.group(name)
	if g.gate == state {
		return
	}
	g.gate = state
	for _, e := range slices.Sorted(maps.Keys(g.members)) {
		x := t.entries.at(e)
		switch on := t.on(x); {
		case on == x.has(fLive):
		case on:
			if x.version <= t.clearing {
				x.set(fAged)
			}
			t.carry(x)
			t.unlink(e)
			t.show(e)
		default:
			t.hide(e)
		}
	}
}
