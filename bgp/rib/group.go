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
	Stand
	members map[uint32]struct{}
}

// group finds or makes a group; one that nobody has spoken of is as the rest.
func (t *Table) group(name string) *group {
	g := t.groups[name]
	if g == nil {
		g = &group{Stand: t.rest, members: map[uint32]struct{}{}}
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
		if g.Stand == t.rest {
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

// standOf is how a group stands; "" is that of routes without one.
func (t *Table) standOf(name string) Stand {
	if name == "" {
		return t.ungated
	}
	if g := t.groups[name]; g != nil {
		return g.Stand
	}
	return t.rest
}

// on says whether an entry's group lets it on the wire. The word "withdraw"
// means nothing without a group.
func (t *Table) on(x *entry) bool {
	if t.off {
		return false
	}
	name := t.buckets[x.bucket].key.group
	gate := t.standOf(name).Gate
	return gate == Forced || gate == Open && (name == "" || !x.has(fStartsOff))
}

// Groups has named groups, and the rest that has no name here, stand as they
// are to, in one step. The name "" is that of routes without a group; they are
// open if it is not there. The withdraws come before all announcements that
// still wait, for every peer, and what is told with other attributes right after
// them. What is not told any more, or less wanted, is given: see Await.
func (t *Table) Groups(stands map[string]Stand, rest Stand) (worse []Change) {
	from := t.version
	t.rest = rest
	for name := range stands {
		if name != "" {
			t.group(name)
		}
	}
	note := func(name string, old, now Stand) {
		if old.Gate != Closed && now.Gate == Closed {
			worse = append(worse, Change{Group: name, Closed: true, from: from})
		} else if now.Gate != Closed && now.Degrade != old.Degrade && now.Degrade != (attr.Degrade{}) {
			worse = append(worse, Change{Group: name, from: from})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		now, ok := stands[name]
		if !ok {
			now = rest
		}
		note(name, t.standOf(name), now)
		t.become(name, now)
		if !ok {
			t.dropGroup(name, t.groups[name])
		}
	}
	note("", t.ungated, stands[""])
	t.become("", stands[""])
	t.countDegraded()
	return worse
}

// countDegraded notes whether anything is told otherwise than its routes say:
// while nothing is, nobody has to look.
func (t *Table) countDegraded() {
	none := attr.Degrade{}
	t.degraded = t.ungated.Degrade != none || t.rest.Degrade != none
	for _, g := range t.groups {
		t.degraded = t.degraded || g.Degrade != none
	}
	t.lastForm = form{}
}

// become changes how a group stands.
func (t *Table) become(name string, now Stand) {
	old := t.standOf(name)
	if old == now {
		return
	}
	if name == "" {
		t.ungated = now
	} else {
		t.group(name).Stand = now
	}
	if old.Gate != now.Gate {
		t.gate(name)
	}
	if old.Degrade != now.Degrade {
		t.degraded = true // until countDegraded
		t.retell(name, old.Degrade, now.Degrade)
	}
}

// Off takes everything off the wire, for good: the daemon stops.
func (t *Table) Off() Change {
	c := Change{Closed: true, All: true, from: t.version}
	t.off = true
	t.hideAll(func(string) bool { return true })
	return c
}

// hideAll takes whole buckets off the wire, by their groups.
func (t *Table) hideAll(which func(group string) bool) {
	t.dropAllShades()
	for b := t.order.head; b != 0; b = t.buckets[b].next {
		if !which(t.buckets[b].key.group) {
			continue
		}
		for e := t.buckets[b].live.head; e != 0; {
			next := t.entries.at(e).next
			t.hide(e)
			e = next
		}
	}
}

// Group switches a named group in one step.
func (t *Table) Group(name string, state Gate) {
	now := t.standOf(name)
	now.Gate = state
	t.become(name, now)
}

// Close closes a named group before Groups does, which then has nothing to give.
func (t *Table) Close(name string) (worse []Change) {
	if t.standOf(name).Gate == Closed {
		return nil
	}
	from := t.version
	t.Group(name, Closed)
	return []Change{{Group: name, Closed: true, from: from}}
}

// gate has the routes of a group be on the wire, or off it, as its gate says.
// Routes without a group have no index of their own, and are looked for.
func (t *Table) gate(name string) {
	switch {
	case name != "":
		for _, e := range slices.Sorted(maps.Keys(t.groups[name].members)) {
			t.settle(e, t.entries.at(e))
		}
	case t.ungated.Gate == Closed:
		t.hideAll(func(group string) bool { return group == "" })
	default:
		t.walk(1, t.entries.used, func(e uint32, x *entry) {
			if t.buckets[x.bucket].key.group == "" {
				t.settle(e, x)
			}
		})
	}
}

// settle has a wanted entry be on the wire, or off it, as its gate says.
func (t *Table) settle(e uint32, x *entry) {
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
