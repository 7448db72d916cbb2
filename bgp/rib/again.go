package rib

import (
	"slices"
	"unique"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// When a group is degraded, or not any more, its routes stay as they are, and
// each peer is told once more those that it knows. The others it meets later
// anyway, and is told them as the group stands then. So nothing is noted of a
// route, nor of a bucket: a peer has a list of the groups that it is to be told
// again, and a place in the buckets. This comes after the withdraws and before
// all announcements, so that what the peer knows stands still meanwhile.

// again is what a peer is to be told again because groups stand otherwise.
type again struct {
	jobs   []job
	next   uint32 // the bucket that the first of them looks at next
	cursor        // where it stands: in no bucket if pos is 0
}

// job is one group.
type job struct {
	group   string
	was     attr.Degrade // how the peer has been told what it knows
	mixed   bool         // not all of it
	begun   bool
	version uint64 // of the change
}

// form is the attributes of the last bucket that was degraded: the frames of a
// bucket come one after the other.
type form struct {
	attrs   attr.Handle
	degrade attr.Degrade
	as      bgp.ASN
	ebgp    bool
	set     attr.Set
}

// form is the attributes of a bucket as a peer is to be told of them.
func (t *Table) form(b uint32, e *attr.Export) attr.Set {
	k := &t.buckets[b].key
	if !t.degraded {
		return k.attrs.Value()
	}
	return t.formOf(k.attrs, t.standOf(k.group).Degrade, e)
}

func (t *Table) formOf(h attr.Handle, d attr.Degrade, e *attr.Export) attr.Set {
	if d == (attr.Degrade{}) {
		return h.Value()
	}
	f := &t.lastForm
	if f.attrs != h || f.degrade != d || f.as != e.LocalAS || f.ebgp != e.EBGP {
		*f = form{h, d, e.LocalAS, e.EBGP, h.Value().Degraded(&d, e)}
	}
	return f.set
}

// retell has all peers told again what they know of a group.
func (t *Table) retell(group string, old, now attr.Degrade) {
	t.version++
	t.dropChunks()
	for _, o := range t.peers {
		if o != nil && o.up && !o.held { // one that is held knows nothing
			o.again.add(job{group: group, was: old, version: t.version}, now)
			t.mark(o)
		}
	}
}

// add notes a group. If it has changed back before the peer was told anything,
// there is nothing to say.
func (a *again) add(j job, now attr.Degrade) {
	i := slices.IndexFunc(a.jobs, func(x job) bool { return x.group == j.group })
	if i < 0 {
		a.jobs = append(a.jobs, j)
		return
	}
	x := &a.jobs[i]
	x.version = j.version
	switch {
	case x.begun:
		x.mixed, x.begun = true, false
		a.next, a.pos = 1, 0
	case !x.mixed && x.was == now:
		a.jobs = slices.Delete(a.jobs, i, i+1)
	}
}

// mix notes that a route of a group is told out of its turn.
func (a *again) mix(group string) {
	for i := range a.jobs {
		a.jobs[i].mixed = a.jobs[i].mixed || a.jobs[i].group == group
	}
}

// waits says whether there is a change that is not newer than a version.
func (a *again) waits(version uint64) bool {
	return slices.ContainsFunc(a.jobs, func(j job) bool { return j.version <= version })
}

// of says whether a group is to be told again.
func (a *again) of(group string) bool {
	return slices.ContainsFunc(a.jobs, func(j job) bool { return j.group == group })
}

// comesTo says whether an entry that the peer knows is to be told again.
func (a *again) comesTo(t *Table, x *entry) bool {
	if len(a.jobs) == 0 || !a.of(t.buckets[x.bucket].key.group) {
		return false
	}
	first := &a.jobs[0]
	if first.group != t.buckets[x.bucket].key.group || !first.begun || x.bucket >= a.next {
		return true
	}
	return a.pos != 0 && x.bucket == a.bucket && x.version >= t.entries.at(a.pos).version
}

// at goes on with an entry of the bucket that it is in.
func (a *again) at(t *Table, e uint32) {
	if e != 0 && t.entries.at(e).version > a.limit {
		e = 0
	}
	t.stand(&a.cursor, e)
}

// lookAtOnce bounds how many buckets retold looks at before the loop has another
// turn.
const lookAtOnce = 4096

// retold appends the next frame of what is to be told again; look says that it
// has looked at many buckets, and has to be asked once more.
func (o *Out) retold(b []byte) (_ []byte, look bool) {
	t, a := o.t, &o.again
	j := &a.jobs[0]
	if !j.begun {
		j.begun, a.next, a.pos = true, 1, 0
	}
	a.at(t, a.pos) // the entry may have moved on
	for n := 0; a.pos == 0; n++ {
		if int(a.next) >= len(t.buckets) {
			a.jobs = slices.Delete(a.jobs, 0, 1)
			return b, false
		}
		if n == lookAtOnce {
			return b, true
		}
		o.stepInto(j)
	}
	start := len(b)
	if b = o.frame(b, &a.cursor); len(b) > start {
		o.heardAgain(j.group)
	}
	return b, false
}

// stepInto goes to the next bucket, and stands in it if the peer knows routes in
// it that are told otherwise now.
func (o *Out) stepInto(j *job) {
	t, a := o.t, &o.again
	a.bucket = a.next
	a.next++
	b := &t.buckets[a.bucket]
	a.limit = o.main.seen(a.bucket)
	if b.key.group != j.group || b.live.head == 0 || a.limit < t.entries.at(b.live.head).version ||
		!t.sets.has(b.key.to, o.number) || !o.takes(b.key.family) {
		return
	}
	e := &t.classes[o.class].key.export
	now := t.form(a.bucket, e)
	if !j.mixed && now == b.key.attrs.Value().Degraded(&j.was, e) {
		return
	}
	head, _, ok := wire.BeginAnnounce(t.scratch[:0], b.key.family, now, e)
	if t.scratch = head[:0]; !ok {
		return // it was never told
	}
	a.at(t, b.live.head)
}

// Attrs is the attributes of a route as the peer is told of it: degraded if its
// group is. Without a session they are the route's own.
func (o *Out) Attrs(r *route.Route) attr.Handle {
	d := o.t.standOf(r.Group).Degrade
	if !o.up || d == (attr.Degrade{}) {
		return r.Attrs
	}
	return unique.Make(o.t.formOf(r.Attrs, d, &o.t.classes[o.class].key.export))
}
