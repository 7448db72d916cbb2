package speaker

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/bgp/rib"
)

// Status is a copy of what the speaker does, which anybody may keep.
type Status struct {
	Peers  []PeerStatus
	Routes int            // wanted, on the wire or not
	Groups map[string]int // routes of each named group
}

// PeerStatus is one neighbor.
type PeerStatus struct {
	Name        string
	Address     netip.Addr
	Description string
	LocalAS     bgp.ASN
	PeerAS      bgp.ASN
	RouterID    bgp.ID // the neighbor's; 0 without a session
	State       string // as ExaBGP spells it
	Since       time.Time
	LastError   string
	HoldTime    time.Duration
	Families    []bgp.Family
	Sent        rib.Counters
	UpdatesIn   uint64
	RoutesIn    uint64
	Sessions    uint64
	Caught      bool // it has been told everything
}

// Status looks at everything, on the loop.
func (s *Speaker) Status() Status {
	st := Status{Routes: s.table.Len(), Groups: map[string]int{}}
	for _, name := range s.table.GroupNames() {
		st.Groups[name] = s.table.GroupLen(name)
	}
	for _, p := range s.order {
		st.Peers = append(st.Peers, p.status())
	}
	return st
}

func (p *peer) status() PeerStatus {
	n := p.config
	st := PeerStatus{Name: p.name, Address: p.key.Peer.Addr(), Description: n.Description, LocalAS: n.LocalAS, PeerAS: n.PeerAS,
		State: p.machine.State().String(), Since: p.since, LastError: p.lastError, HoldTime: n.HoldTime, Families: n.Families,
		UpdatesIn: p.counters.updates, RoutesIn: p.counters.routes, Sessions: p.sessions}
	if p.session != nil {
		g := p.session.Negotiated
		st.LocalAS, st.PeerAS, st.RouterID, st.HoldTime, st.Families = g.LocalAS, g.PeerAS, g.PeerID, g.HoldTime, g.Families
		st.Sent, st.Caught = p.out.Counters(), p.out.Caught()
	}
	return st
}

// Knows says whether there is a neighbor of a name.
func (s *Speaker) Knows(name string) bool {
	return slices.ContainsFunc(s.order, func(p *peer) bool { return p.name == name })
}

// Lookup is every wanted route of an NLRI, whatever its path identifier.
func (s *Speaker) Lookup(n nlri.Raw) []RouteView {
	var vs []RouteView
	for _, v := range s.table.Lookup(n, true) {
		vs = append(vs, routeView(v, nil))
	}
	return vs
}

// Walk is rib.Table's, with the names of the neighbors.
func (s *Speaker) Walk(pos uint32, most int, f func(RouteView)) (next uint32) {
	var told []ToldView
	return s.table.Walk(pos, most, func(v rib.View) {
		r := routeView(v, told[:0])
		told = r.Told
		f(r)
	})
}

func routeView(v rib.View, told []ToldView) RouteView {
	for _, t := range v.Peers {
		p := t.Peer.Owner.(*peer)
		told = append(told, ToldView{Neighbor: p.name, Session: p.machine.State().String(), State: t.State})
	}
	return RouteView{v, told}
}

// RouteView is one wanted route, and what each neighbor knows of it.
type RouteView struct {
	rib.View
	Told []ToldView
}

// ToldView is one neighbor's side of a route.
type ToldView struct {
	Neighbor, Session string
	State             rib.ToldState
}
