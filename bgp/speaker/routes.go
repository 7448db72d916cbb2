package speaker

import (
	"math"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/attr"
	"holdfast/bgp/rib"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// said is a configured route without its body: what has to be equal for two
// neighbors to have the same one.
type said struct {
	id       routeID
	attrs    attr.Handle
	group    string
	withdraw bool
}

// routeID is what tells the routes of one neighbor apart.
type routeID struct {
	family uint32
	path   uint32
	has    bool
	body   string
}

func idOf(r *route.Route) routeID {
	return routeID{uint32(r.NLRI.Family), r.NLRI.PathID, r.NLRI.HasPath, string(r.NLRI.Body)}
}

func saidOf(r *route.Route) said {
	return said{idOf(r), r.Attrs, r.Group, r.Withdraw}
}

// routeDiff collects what changes between two configurations, over all
// neighbors, so that a route which many have in common is one in the table.
type routeDiff struct {
	gone, come   map[said][]*rib.Out
	order        []said // of come: as the file says them
	goneOrder    []said
	goneR, comeR map[said]*route.Route
}

func newRouteDiff() *routeDiff {
	return &routeDiff{gone: map[said][]*rib.Out{}, come: map[said][]*rib.Out{},
		goneR: map[said]*route.Route{}, comeR: map[said]*route.Route{}}
}

// neighbor adds what one neighbor loses and gets.
func (d *routeDiff) neighbor(o *rib.Out, old, now []route.Route) {
	before := make(map[routeID]said, len(old))
	for i := range old {
		s := saidOf(&old[i])
		before[s.id] = s
	}
	after := make(map[routeID]int, len(now)) // where each stands last: that one counts
	for i := range now {
		after[idOf(&now[i])] = i
	}
	for i := range now {
		s := saidOf(&now[i])
		was, there := before[s.id]
		if was == s || there && after[s.id] != i {
			continue
		}
		if d.comeR[s] == nil {
			d.order = append(d.order, s)
			d.comeR[s] = &now[i]
		}
		d.come[s] = append(d.come[s], o)
	}
	for i := range old {
		s := saidOf(&old[i])
		if _, stays := after[s.id]; !stays {
			if d.goneR[s] == nil {
				d.goneOrder = append(d.goneOrder, s)
				d.goneR[s] = &old[i]
			}
			d.gone[s] = append(d.gone[s], o)
		}
	}
}

// apply changes the table.
func (d *routeDiff) apply(t *rib.Table) {
	for _, s := range d.goneOrder {
		t.Remove(rib.Config, t.Peers(d.gone[s]...), d.goneR[s].NLRI)
	}
	for _, s := range d.order {
		t.Announce(rib.Config, t.Peers(d.come[s]...), *d.comeR[s])
	}
}

// checkHop is the error of a route with a next hop that none of its neighbors can
// be told.
func (s *Speaker) checkHop(to rib.PeerSet, r *route.Route) error {
	if !r.ForeignHop && !r.SelfHop {
		return nil
	}
	f, other := r.NLRI.Family, bgp.AFIIPv6
	if f.AFI() == bgp.AFIIPv6 {
		other = bgp.AFIIPv4
	}
	for _, p := range s.order {
		own := r.SelfHop && p.key.Peer.Addr().Is4() == (other == bgp.AFIIPv6)
		if s.table.Has(to, p.out) && (own || p.config.Hops().Has(f, other)) {
			return nil
		}
	}
	if r.SelfHop {
		return errSelfHop
	}
	return errForeignHop
}

// audience is the peers that a helper's command is for. Helpers say thousands
// of commands for the same ones, so the last answer is kept until the set of
// peers changes.
type audience struct {
	from     string
	selector *api.Selector
	listed   bool // only neighbors that list the helper
	set      rib.PeerSet
	others   rib.PeerSet // that are selected, and do not list it
	valid    bool
}

// peersFor resolves a command's selector: without one, all neighbors that list
// the helper; a command that no helper sent (the control socket's) reaches all.
// Routes of a helper are for neighbors that list it, even if others are named.
func (s *Speaker) peersFor(from string, it *api.Item) (to, others rib.PeerSet) {
	listed := from != "" && (it.Peers == nil || it.Kind == api.Announce || it.Kind == api.Withdraw || it.Kind == api.RemoveIndex)
	last := &s.lastAudience
	if last.valid && last.selector == it.Peers && last.from == from && last.listed == listed {
		return last.set, last.others
	}
	var outs, rest []*rib.Out
	for _, p := range s.order {
		switch {
		case !it.Peers.Match(p.who()):
		case !listed || slices.Contains(p.config.Processes, from):
			outs = append(outs, p.out)
		default:
			rest = append(rest, p.out)
		}
	}
	*last = audience{from, it.Peers, listed, s.table.Peers(outs...), s.table.Peers(rest...), true}
	return last.set, last.others
}

// owner is the number of who announces a route. The socket has none of its own, and
// neither have helpers beyond the first 254.
func (s *Speaker) owner(from string) rib.Owner {
	o, known := s.owners[from]
	switch {
	case known:
		return o
	case from == "" || len(s.owners) == math.MaxUint8-int(rib.API):
		return rib.API
	}
	o = rib.API + 1 + rib.Owner(len(s.owners))
	s.owners[from] = o
	return o
}

// takeBack withdraws what a helper has announced to peers that do not list it any
// more, and nobody has said again since. A reload has taken it off them; one that
// takes it out is at work before the helper, as it ends, can withdraw.
func (s *Speaker) takeBack(from string, it *api.Item, others rib.PeerSet) (found bool) {
	if others == 0 {
		return false
	}
	o, known := s.owners[from]
	switch {
	case !known: // it has announced nothing
	case it.Kind == api.Withdraw:
		return s.table.Remove(o, others, it.Route.NLRI)
	case it.Kind == api.RemoveIndex:
		raws, _ := api.Indexed(it.More.Index)
		for _, n := range raws {
			found = s.table.Remove(o, others, n) || found
		}
	}
	return found
}

// hear keeps what an UPDATE says.
func (p *peer) hear(u *wire.Update) {
	for _, gone := range u.Withdraws() {
		for n := range gone.All() {
			p.in.Remove(n)
		}
	}
	plain, mp := u.Announced()
	p.hearAll(plain, u, false)
	p.hearAll(mp, u, true)
}

func (p *peer) hearAll(rs wire.Routes, u *wire.Update, mp bool) {
	if rs.Empty() {
		return
	}
	attrs := u.Handle(mp)
	for n := range rs.All() {
		p.in.Set(n, attrs)
	}
}
