package capability

import (
	"encoding/binary"
	"slices"

	"holdfast/bgp"
)

// list is the well formed capabilities of one speaker.
type list []Capability

func (l list) has(code uint8) bool {
	return slices.ContainsFunc(l, func(c Capability) bool { return c.Code == code && c.Valid() })
}

// each visits the well formed capabilities of a code.
func (l list) each(code uint8, f func(Capability)) {
	for _, c := range l {
		if c.Code == code && c.Valid() {
			f(c)
		}
	}
}

// families is what a speaker announced; one that says nothing of families
// speaks IPv4 unicast (RFC 4760 section 8).
func (l list) families() (fs []bgp.Family) {
	l.each(MultiProtocol, func(c Capability) {
		fs = append(fs, bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(c.Value)), bgp.SAFI(c.Value[3])))
	})
	if fs == nil {
		fs = []bgp.Family{bgp.IPv4Unicast}
	}
	return fs
}

// Families is what a speaker with these capabilities speaks.
func Families(cs []Capability) []bgp.Family { return list(cs).families() }

func (l list) paths() map[bgp.Family]bgp.Direction {
	m := map[bgp.Family]bgp.Direction{}
	l.each(AddPath, func(c Capability) {
		for _, p := range c.Paths() {
			if _, said := m[p.Family]; !said {
				m[p.Family] = p.Direction
			}
		}
	})
	return m
}

// AS is the AS number of a four-octet capability, if there is one.
func AS(cs []Capability) (a bgp.ASN, ok bool) {
	list(cs).each(ASN4, func(c Capability) { a, ok = bgp.ASN(binary.BigEndian.Uint32(c.Value)), true })
	return a, ok
}

// Negotiate fills what two lists of capabilities have in common into n.
func Negotiate(n *bgp.Negotiated, local, remote []Capability) {
	l, r := list(local), list(remote)
	both := func(code uint8) bool { return l.has(code) && r.has(code) }
	theirs := r.families()
	n.Families = slices.DeleteFunc(l.families(), func(f bgp.Family) bool { return !slices.Contains(theirs, f) })
	n.ASN4 = both(ASN4)
	n.Extended = both(ExtendedMessage)
	n.Refresh = l.has(RouteRefresh) && (r.has(RouteRefresh) || r.has(CiscoRefresh))
	n.EnhancedRefresh = n.Refresh && both(EnhancedRefresh)
	n.GracefulRestart = both(GracefulRestart)
	n.GracefulNotify = n.GracefulRestart && l.notify() && r.notify()
	n.Hops = l.hops() & r.hops()
	n.LinkLocalHop = both(LinkLocalNextHop)
	n.Operational = both(Operational)
	n.MultiSession = both(MultiSession) && slices.Equal(l.sessionID(), r.sessionID())
	n.AddPath = paths(l.paths(), r.paths(), n.Families)
}

// sessionID is the codes of the capabilities that tell one session of a speaker
// from another (draft-ietf-idr-bgp-multisession-07 section 4); none stand for
// the families.
func (l list) sessionID() (codes []byte) {
	l.each(MultiSession, func(c Capability) { codes = append(codes, c.SessionID()...) })
	if codes == nil {
		codes = []byte{MultiProtocol}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func (l list) notify() (yes bool) {
	l.each(GracefulRestart, func(c Capability) { yes = c.Restart().Notify })
	return yes
}

// hops is the families whose next hops a speaker takes from the other address
// family.
func (l list) hops() (hs bgp.Hops) {
	l.each(ExtendedNextHop, func(c Capability) { hs |= bgp.MakeHops(c.Hops()) })
	return hs
}

// paths is what of ADD-PATH works: one side sends what the other receives (RFC
// 7911 section 4).
func paths(local, remote map[bgp.Family]bgp.Direction, fs []bgp.Family) map[bgp.Family]bgp.Direction {
	m := map[bgp.Family]bgp.Direction{}
	for _, f := range fs {
		var d bgp.Direction
		if local[f]&bgp.Send != 0 && remote[f]&bgp.Receive != 0 {
			d |= bgp.Send
		}
		if local[f]&bgp.Receive != 0 && remote[f]&bgp.Send != 0 {
			d |= bgp.Receive
		}
		if d != 0 {
			m[f] = d
		}
	}
	return m
}
