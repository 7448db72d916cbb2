package speaker

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
)

// Asked is a prefix of unicast of which somebody wants to know whether a
// neighbor announces it.
type Asked struct {
	Neighbor netip.Addr
	Prefix   netip.Prefix
}

// watching is what is asked for, and what was told of it.
type watching struct {
	of   map[netip.Addr][]netip.Prefix
	told map[Asked]bool
}

// Watch says for which routes Options.Learned is called: once for each as soon
// as something is known of it, and when that changes. A neighbor without a
// session announces nothing. One that has a session when it is first asked for a
// route has to tell all its routes again (RFC 2918), if they are not kept
// anyway; until it has told of this one, or all of them, nothing is known. One
// that has not agreed to do so is not asked, and known of when it says something.
func (s *Speaker) Watch(asked []Asked) {
	s.watching.of = map[netip.Addr][]netip.Prefix{}
	told := map[Asked]bool{}
	for _, a := range asked {
		s.watching.of[a.Neighbor] = append(s.watching.of[a.Neighbor], a.Prefix)
		if there, ok := s.watching.told[a]; ok {
			told[a] = there
		}
	}
	s.watching.told = told
	for _, p := range s.sorted() {
		p.watch()
	}
	for _, a := range asked {
		s.tellLearned(a)
	}
}

// tellLearned tells of a route if something else is known of it than was told.
// With several sessions to one address, it is there if one of them has it.
func (s *Speaker) tellLearned(a Asked) {
	if s.options.Learned == nil {
		return
	}
	now := rib.Absent
	for _, p := range s.order {
		if p.key.Peer.Addr() != a.Neighbor {
			continue
		}
		switch p.learned.Of(a.Prefix) {
		case rib.Announces:
			now = rib.Announces
		case rib.Unknown:
			if now == rib.Absent {
				now = rib.Unknown
			}
		}
	}
	there := now == rib.Announces
	if was, ok := s.watching.told[a]; now == rib.Unknown || ok && was == there {
		return
	}
	s.watching.told[a] = there
	s.options.Learned(a.Neighbor, a.Prefix, there)
}

// answerTime is how long a neighbor may take to tell everything again, if it does
// not say when it has (RFC 7313).
const answerTime = time.Minute

// watch has the peer look for what is asked for of its address.
func (p *peer) watch() {
	fresh := p.learned.Want(p.s.watching.of[p.key.Peer.Addr()], p.live != nil)
	if p.live == nil {
		return
	}
	ask := map[bgp.Family]bool{}
	for _, prefix := range fresh {
		f := unicast(prefix)
		n := p.session.Negotiated
		switch {
		case !n.Has(f):
			p.learned.Know(prefix, false)
		case p.inWhole && !n.ReceivePath(f): // by paths one would have to look for all of them
			p.learned.Know(prefix, p.in.Has(rawOf(prefix)))
		default:
			ask[f] = true
		}
	}
	for _, f := range []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast} {
		if ask[f] && p.askRefresh(f) {
			p.answer.Reset(p.s.loop.Now().Add(answerTime))
		}
	}
}

func unicast(p netip.Prefix) bgp.Family {
	if p.Addr().Is4() {
		return bgp.IPv4Unicast
	}
	return bgp.IPv6Unicast
}

func rawOf(p netip.Prefix) nlri.Raw {
	p = p.Masked()
	return nlri.Raw{Family: unicast(p), Body: append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)}
}

// learn tells of prefixes of which the peer has said something else.
func (p *peer) learn(changed []netip.Prefix) {
	for _, prefix := range changed {
		p.s.tellLearned(Asked{p.key.Peer.Addr(), prefix})
	}
}

// unlearn is the end of a session or its start.
func (p *peer) unlearn() {
	p.answer.Stop()
	p.learned.Reset()
	var all []netip.Prefix
	p.learned.All(func(prefix netip.Prefix) { all = append(all, prefix) })
	slices.SortFunc(all, netip.Prefix.Compare)
	p.learn(all)
}

// replayed is a neighbor's mark around everything that it tells again.
func (p *peer) replayed(r wire.Refresh) {
	switch r.Subtype {
	case wire.BoRR:
		p.learned.Begin(r.Family)
	case wire.EoRR:
		p.learn(p.learned.End(r.Family))
	}
}
