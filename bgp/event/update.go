package event

import (
	"encoding/binary"
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
		b = append(append(append(b, `"eor": { "afi": "`...), afi...), `", "safi": "`...)
		return end(append(append(b, safi...), `" } }`...))
	}
	b = append(b, `"update": { `...)
	sep := ""
	if set := u.Handle(false).Value(); set != (attr.Set{}) {
		b = e.attributes(append(b, `"attribute": `...), set, u)
		sep = ", "
	}
	if !u.NLRI.Empty() || !u.Reach.Empty() {
		b = e.announce(append(append(b, sep...), `"announce": { `...), u)
		b, sep = append(b, " }"...), ", "
	}
	if !u.Withdrawn.Empty() || !u.Unreach.Empty() {
		b = e.withdraw(append(append(b, sep...), `"withdraw": { `...), u)
		b = append(b, " }"...)
	}
	return end(append(b, " } }"...))
}

// AppendPlain appends the event of an UPDATE that only announces routes of IPv4
// unicast, checked, whose attributes and next hop were told before.
func (e *Event) AppendPlain(b []byte, attributes, hop string, routes []byte, path bool) []byte {
	b = append(e.begin(b, "update"), `"message": { "update": { "attribute": `...)
	b = append(append(b, attributes...), `, "announce": { "ipv4 unicast": { "`...)
	b = append(append(b, hop...), `": [ `...)
	for sep := ""; len(routes) > 0; sep = ", " {
		raw := nlri.Raw{Family: bgp.IPv4Unicast, HasPath: path}
		if path {
			raw.PathID, routes = binary.BigEndian.Uint32(routes), routes[4:]
		}
		n := 0
		raw.Body, n, _ = inet.IPv4.Next(routes)
		routes = routes[n:]
		b = inet.Of(raw).AppendJSON(append(b, sep...), nil)
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

// announce appends an object of families, each one of next hops, each a list.
func (e *Event) announce(b []byte, u *wire.Update) []byte {
	plain, _ := u.Handle(false).Value().Get(attr.NextHop)
	hop := []byte(plain.Value)
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
	sep := ""
	for raw := range r.All() {
		b = r.View(raw).AppendJSON(append(b, sep...), &how)
		sep = ", "
	}
	return b
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
