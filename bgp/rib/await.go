package rib

import "slices"

// Change is that a group is not told any more, or less wanted.
type Change struct {
	Group  string
	Closed bool // it was withdrawn; else it was degraded
	All    bool // everything was, whatever its group
	from   uint64
}

// await is that somebody wants to know when a peer has been told of a change.
type await struct {
	Change
	to    uint64 // the version when it was made
	told  bool   // the peer knew something of it
	token any
}

// awaitsMost is how many changes are awaited for one peer. One that takes nothing
// for minutes, while gates open and close, must not fill the memory.
const awaitsMost = 256

// Await asks for Passed to tell when the frames for a change that was just made
// have been taken. The token is the caller's.
func (o *Out) Await(c Change, token any) {
	a := await{Change: c, to: o.t.version, token: token}
	if o.up && len(o.awaits) < awaitsMost && o.owes(&a) {
		o.awaits, o.heardIn = append(o.awaits, a), 0
	}
}

// Passed gives the changes for which all frames have been taken since it was
// asked last. Those of which the peer had nothing to hear are left out.
func (o *Out) Passed(f func(c Change, token any)) {
	if len(o.awaits) == 0 {
		return
	}
	o.awaits = slices.DeleteFunc(o.awaits, func(a await) bool {
		if o.owes(&a) {
			return false
		}
		if a.told {
			f(a.Change, a.token)
		}
		return true
	})
}

// owes says whether frames for a change are still to come.
func (o *Out) owes(a *await) bool {
	if !a.Closed {
		return o.again.of(a.Group)
	}
	return o.grave != 0 && o.t.entries.at(o.grave).died <= a.to
}

// heard notes that the peer hears of a buried entry. Those of a bucket that died
// in the same change are looked at once.
func (o *Out) heard(x *entry) {
	if len(o.awaits) == 0 || x.bucket == o.heardIn && x.died <= o.heardTo {
		return
	}
	o.heardIn, o.heardTo = x.bucket, ^uint64(0)
	group := o.t.buckets[x.bucket].key.group
	for i := range o.awaits {
		a := &o.awaits[i]
		for _, edge := range [...]uint64{a.from, a.to} {
			if edge >= x.died {
				o.heardTo = min(o.heardTo, edge)
			}
		}
		if a.Closed && x.died > a.from && x.died <= a.to && (a.All || a.Group == group) {
			a.told = true
		}
	}
}

// Missed gives the changes that the peer has heard of in part, or would have:
// its session ends.
func (o *Out) Missed(f func(c Change, token any)) {
	if len(o.awaits) == 0 {
		return
	}
	for e := o.grave; e != 0; e = o.t.entries.at(e).next {
		if x := o.t.entries.at(e); o.mourns(x) {
			o.heard(x)
		}
	}
	for _, a := range o.awaits {
		if a.told {
			f(a.Change, a.token)
		}
	}
	o.awaits = nil
}

// heardAgain notes that the peer hears of a group that has been degraded.
func (o *Out) heardAgain(group string) {
	for i := range o.awaits {
		if a := &o.awaits[i]; !a.Closed && a.Group == group {
			a.told = true
		}
	}
}
