package speaker

import (
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
	valid    bool
}

// peersFor resolves a command's selector: without one, all neighbors that list
// the helper; a command that no helper sent (the control socket's) reaches all.
// Routes of a helper are for neighbors that list it, even if others are named.
func (s *Speaker) peersFor(from string, it *api.Item) rib.PeerSet {
	listed := from != "" && (it.Peers == nil || it.Kind == api.Announce || it.Kind == api.Withdraw || it.Kind == api.RemoveIndex)
	last := &s.lastAudience
	if last.valid && last.selector == it.Peers && last.from == from && last.listed == listed {
		return last.set
	}
	var outs []*rib.Out
	for _, p := range s.order {
		if (!listed || slices.Contains(p.config.Processes, from)) && it.Peers.Match(p.who()) {
			outs = append(outs, p.out)
		}
	}
	*last = audience{from, it.Peers, listed, s.table.Peers(outs...), true}
	return last.set
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
