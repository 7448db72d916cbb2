package event

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/wire"
)

// AppendUpdate appends the event of an UPDATE that was parsed with Keep: what it
// says, not what became of it (RFC 7606 may have had its routes withdrawn).
func (e *Event) AppendUpdate(b []byte, u *wire.Update) []byte {
	b = append(e.begin(b, "update"), `"message": { `...)
	if u.EOR != 0 {
		afi, safi := u.EOR.Words()
		b = append(append(e.blank(append(b, `"eor": { "afi"`...)), `: "`...), afi...)
		b = append(append(e.blank(append(b, `", "safi"`...)), `: "`...), safi...)
		return end(append(b, `" } }`...))
	}
	b = append(b, `"update": { `...)
	sep := ""
	set := u.Set()
	if set != (attr.Set{}) {
		b = e.attributes(append(b, `"attribute": `...), set, u)
		sep = ", "
	}
	if !u.NLRI.Empty() || !u.Reach.Empty() {
		b = e.announce(append(append(b, sep...), `"announce": { `...), u, hopOf(set))
		b, sep = append(b, " }"...), ", "
	}
	if !u.Withdrawn.Empty() || !u.Unreach.Empty() {
		b = e.withdraw(append(append(b, sep...), `"withdraw": { `...), u)
		b = append(b, " }"...)
	}
	return end(append(b, " } }"...))
}

// AppendPlain appends the event of an UPDATE whose attributes were told before.
func (e *Event) AppendPlain(b []byte, k *Known, p Plain) []byte {
	b = append(e.begin(b, "update"), `"message": { "update": { "attribute": `...)
	b = append(append(b, k.attributes...), `, "announce": { "ipv4 unicast": { "`...)
	b = append(append(b, k.hop...), `": [ `...)
	sep := ""
	for route := range p.all {
		b = e.prefix(append(b, sep...), route)
		sep = ", "
	}
	return end(append(b, " ] } } } }"...))
}

// attributes appends them; a next hop that belongs to no route that is announced
// stands among them where routes are withdrawn.
func (e *Event) attributes(b []byte, set attr.Set, u *wire.Update) []byte {
	at := len(b)
	b = set.AppendJSON(b)
	hop, _, _ := set.NextHop()
	if !hop.IsValid() || !u.NLRI.Empty() || !u.Reach.Empty() || u.Withdrawn.Empty() && u.Unreach.Empty() {
		return b
	}
	empty := len(b)-at == len("{ }")
	b = append(b[:len(b)-len(" }")], `, "next-hop": "`...)
	if empty {
		b = append(b[:at], `{ "next-hop": "`...)
	}
	return append(hop.AppendTo(b), `" }`...)
}

// hopOf is the next hop among attributes, nil: there is none.
func hopOf(set attr.Set) []byte {
	hop, _ := set.Get(attr.NextHop)
	return []byte(hop.Value)
}

// announce appends an object of families, each one of next hops, each a list.
func (e *Event) announce(b []byte, u *wire.Update, hop []byte) []byte {
	if u.NLRI.Empty() {
		return append(e.reach(appendFamily(b, u.Reach.Family), u.Reach, u.NextHop), " }"...)
	}
	b = e.reach(appendFamily(b, u.NLRI.Family), u.NLRI, hop)
	switch {
	case u.Reach.Empty():
	case u.Reach.Family == u.NLRI.Family && string(u.NextHop) == string(hop):
		b = e.list(append(b[:len(b)-len(" ]")], ", "...), u.Reach, hop)
		b = append(b, " ]"...)
	case u.Reach.Family == u.NLRI.Family:
		b = e.reach(append(b, ", "...), u.Reach, u.NextHop)
	default:
		b = e.reach(appendFamily(append(b, " }, "...), u.Reach.Family), u.Reach, u.NextHop)
	}
	return append(b, " }"...)
}

// reach appends a next hop and the list of its routes. A link-local address
// beside a global one (RFC 2545 section 3) is a next hop with the same list, as
// ExaBGP has it.
func (e *Event) reach(b []byte, r wire.Routes, hop []byte) []byte {
	b = append(b, '"')
	if a := address(r.HopAddress(hop)); a.IsValid() {
		b = a.AppendTo(b)
	} else {
		b = append(b, "no-nexthop"...)
	}
	b = append(e.list(append(b, `": [ `...), r, hop), " ]"...)
	if both := r.HopAddress(hop); len(both) == 32 {
		return e.reach(append(b, ", "...), r, both[16:])
	}
	return b
}

func (e *Event) withdraw(b []byte, u *wire.Update) []byte {
	first, second := u.Withdrawn, u.Unreach
	if first.Empty() {
		first, second = second, wire.Routes{}
	}
	b = e.list(append(appendKey(b, first.Family), "[ "...), first, nil)
	switch {
	case second.Empty():
	case second.Family == first.Family:
		b = e.list(append(b, ", "...), second, nil)
	default:
		b = e.list(append(appendKey(append(b, " ], "...), second.Family), "[ "...), second, nil)
	}
	return append(b, " ]"...)
}

// list appends routes, with commas between them.
func (e *Event) list(b []byte, r wire.Routes, hop []byte) []byte {
	how := nlri.JSON{Legacy: e.Legacy, NextHop: r.HopAddress(hop)}
	plain := plain(r.Family)
	sep := ""
	for raw := range r.All() {
		b, sep = append(b, sep...), ", "
		if plain {
			b = e.prefix(b, inet.Of(raw))
		} else {
			b = r.View(raw).AppendJSON(b, &how)
		}
	}
	return b
}

// prefix appends a plain one.
func (e *Event) prefix(b []byte, p inet.Prefix) []byte {
	if !e.Compact || p.HasPath {
		return p.AppendJSON(b, nil)
	}
	return append(p.Net.AppendTo(append(b, '"')), '"')
}

// plain says whether routes of a family are plain prefixes: those are many, and
// told without an interface around each.
func plain(f bgp.Family) bool {
	return f == bgp.IPv4Unicast || f == bgp.IPv6Unicast || f == bgp.IPv4Multicast || f == bgp.IPv6Multicast
}

// appendKey appends "ipv4 unicast": .
func appendKey(b []byte, f bgp.Family) []byte {
	afi, safi := f.Words()
	b = append(append(append(b, '"'), afi...), ' ')
	return append(append(b, safi...), `": `...)
}

func appendFamily(b []byte, f bgp.Family) []byte { return append(appendKey(b, f), "{ "...) }

// address is the first, global one of a next hop.
func address(hop []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(hop[:min(len(hop), 16)])
	return a
}
