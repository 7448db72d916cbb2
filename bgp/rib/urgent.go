package rib

import (
	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/wire"
)

// Urgent appends withdraws, whole frames, until about max octets; more says
// that some are left.
func (o *Out) Urgent(b []byte, max int) (_ []byte, more bool) {
	if !o.up || o.grave == 0 {
		return b, false
	}
	t, start := o.t, len(b)
	if !o.begun && len(o.stale) == 0 {
		b = o.early(b)
		return b, false
	}
	e := o.grave
	for e != 0 && len(b)-start < max {
		b, e = o.withdraws(b, e)
	}
	t.standAtGrave(o, e)
	t.reap()
	return b, e != 0
}

// Withdraws says whether some are left.
func (o *Out) Withdraws() bool { return o.grave != 0 }

// early passes the withdraws that come before the first announcement of a
// session, of a peer that keeps nothing from one before: it knows nothing that
// could be taken back. As in ExaBGP, the
// attributes of those that somebody asked for are all that is left of them.
func (o *Out) early(b []byte) []byte {
	t := o.t
	o.begun = true
	var last attr.Handle
	for e := o.grave; e != 0; e = t.entries.at(e).next {
		x := t.entries.at(e)
		k := &t.buckets[x.bucket].key
		if x.has(fSaid) && o.mourns(x) && !wire.Plain(k.family) && k.attrs != last {
			c, start := &t.classes[o.class].key, len(b)
			last = k.attrs
			if b = wire.AppendAttributes(b, k.family, k.attrs.Value(), &c.export); len(b)-start > c.max {
				b = b[:start] // more than fits, and nobody needs them
				continue
			}
			o.count.Updates++
		}
	}
	t.standAtGrave(o, 0)
	t.reap()
	return b
}

// withdraws appends one frame of withdraws of one family and, where they are
// sent along, one set of attributes, from grave e on, and gives the grave after
// them.
func (o *Out) withdraws(b []byte, e uint32) ([]byte, uint32) {
	t := o.t
	for e != 0 && !o.mourns(t.entries.at(e)) {
		e = t.entries.at(e).next
	}
	if e == 0 {
		return b, 0
	}
	o.heard(t.entries.at(e))
	if y := o.other(t.entries.at(e)); y != 0 {
		if b, ok := o.instead(b, y); ok {
			return b, t.entries.at(e).next
		}
	}
	c := &t.classes[o.class].key
	k := &t.buckets[t.entries.at(e).bucket].key
	f, set := k.family, attr.Set{}
	plain, single := wire.Plain(f), t.alone(c, t.entries.at(e).bucket)
	if !plain {
		set = k.attrs.Value()
	}
	path, limit := c.sendPath(f), min(c.max, wire.Packed)
	start := len(b)
	b, w := wire.BeginWithdraw(b, f, set, &c.export)
	if !plain && w.Len(b)+t.wireLen(t.entries.at(e), path) > c.max {
		b, w = wire.BeginWithdraw(b[:start], f, attr.Set{}, &c.export) // the attributes are more than fits
	}
	for n := 0; e != 0; e = t.entries.at(e).next {
		x := t.entries.at(e)
		if !o.mourns(x) {
			continue
		}
		if now := &t.buckets[x.bucket].key; now.family != f || !plain && now.attrs != k.attrs || n > 0 && (single || o.other(x) != 0 || w.Len(b)+t.wireLen(x, path) > limit) {
			break
		}
		o.heard(x)
		b = appendWithdraw(b, t, x, f, path)
		o.count.Withdrawn++
		n++
	}
	o.count.Updates++
	return w.End(b), e
}

// mourns says whether the peer is to be told that a buried entry is gone.
func (o *Out) mourns(x *entry) bool {
	return (x.has(fTold) || o.knows(x)) && o.takes(o.t.buckets[x.bucket].key.family) && o.isFor(x)
}

func appendWithdraw(b []byte, t *Table, x *entry, f bgp.Family, path bool) []byte {
	r := t.raw(x)
	if f != bgp.IPv4Unicast && f != bgp.IPv6Unicast {
		if c := family.Lookup(f); c != nil && c.Withdraw != nil {
			r.Body = c.Withdraw(nil, r.Body)
		}
	}
	return r.AppendWire(b, path)
}
