package speaker

import (
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/capability"
	"holdfast/bgp/config"
	"holdfast/bgp/rib"
	"holdfast/bgp/route"
	"holdfast/bgp/wire"
)

// Neighbors is what can be shown of the neighbors that a question is for, and
// their configurations, in the configuration's order.
func (s *Speaker) Neighbors(sel *api.Selector) (vs []api.PeerView, cs []*config.Neighbor) {
	for _, p := range s.order {
		if who := p.who(); sel.Match(who) {
			vs, cs = append(vs, p.view(who)), append(cs, p.config)
		}
	}
	return vs, cs
}

func (p *peer) view(who api.Peer) api.PeerView {
	n := p.config
	v := api.PeerView{Peer: who, Description: n.Description, State: p.machine.State().String(), Age: p.s.loop.Now().Sub(p.turned),
		LastError: p.lastError, Hold: [2]time.Duration{n.HoldTime}}
	ours, theirs := p.capabilities(), []capability.Capability(nil)
	agreed := &bgp.Negotiated{}
	if p.session != nil {
		agreed, theirs = p.session.Negotiated, p.session.Open.Capabilities
		ours = p.session.Sent.Capabilities
		v.PeerID, v.Hold[1] = agreed.PeerID, p.session.Open.HoldTime
	}
	v.Offers = offers(ours, theirs, p.session != nil)
	v.Families = familyViews(n.Families, theirs, agreed)
	v.Messages = p.messages()
	return v
}

// shownOffers are the capabilities that ExaBGP shows.
var shownOffers = []struct {
	name string
	code uint8
}{
	{"asn4", capability.ASN4}, {"route-refresh", capability.RouteRefresh}, {"multi-session", capability.MultiSession},
	{"operational", capability.Operational}, {"add-path", capability.AddPath}, {"extended-message", capability.ExtendedMessage},
	{"graceful-restart", capability.GracefulRestart},
}

func offers(ours, theirs []capability.Capability, session bool) (os []api.Offer) {
	for _, o := range shownOffers {
		has := func(c capability.Capability) bool { return c.Code == o.code }
		os = append(os, api.Offer{Name: o.name, Local: side(slices.ContainsFunc(ours, has), true), Peer: side(slices.ContainsFunc(theirs, has), session)})
	}
	return os
}

func side(has, known bool) api.Side {
	switch {
	case !known:
		return api.Unknown
	case has:
		return api.On
	}
	return api.Off
}

// familyViews are the families of either side, ours first. Without a session
// only ours are known.
func familyViews(ours []bgp.Family, caps []capability.Capability, agreed *bgp.Negotiated) (vs []api.FamilyView) {
	session := agreed.PeerID != 0
	all, theirs := slices.Clone(ours), []bgp.Family(nil)
	if session {
		theirs = capability.Families(caps)
	}
	for _, f := range theirs {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	for _, f := range all {
		o := api.Offer{Name: f.String(), Local: side(slices.Contains(ours, f), true), Peer: side(slices.Contains(theirs, f), session)}
		vs = append(vs, api.FamilyView{Offer: o, AddPath: agreed.AddPath[f]})
	}
	return vs
}

// tally is the messages of a neighbor's connection, by type; the UPDATEs that
// we send are counted by the table.
type tally struct{ sent, received counts }

type counts [wire.TypeRefresh + 1]uint64

func (c *counts) count(t wire.Type) {
	if int(t) < len(c) {
		c[t]++
	}
}

func (p *peer) messages() (cs []api.Count) {
	for _, m := range []struct {
		name string
		kind wire.Type
	}{{"open", wire.TypeOpen}, {"notification", wire.TypeNotification}, {"keepalive", wire.TypeKeepalive}, {"update", wire.TypeUpdate}, {"refresh", wire.TypeRefresh}} {
		c := api.Count{Name: m.name, Sent: p.tally.sent[m.kind], Received: p.tally.received[m.kind]}
		if m.kind == wire.TypeUpdate {
			c.Sent = p.out.Counters().Updates
		}
		cs = append(cs, c)
	}
	return cs
}

// Part is some routes of the table, copied for who shows them away from the
// loop. Its memory is used again for the next part.
type Part struct {
	Question *api.Question
	Peers    *api.Selector
	Routes   []api.RouteView

	who    map[*peer]*api.Peer // whom the question is for
	bodies []byte
	pos    uint32
	peer   int // of what was received: the number of the neighbor that is looked at
}

// partSize is how many places of the table are looked at in one turn of the
// loop: about as long as a batch of a helper's commands takes.
const partSize = 512

// Part fills p with the routes that come next, on the loop, and says whether there
// may be more: wanted ones that are on, for each neighbor that takes their
// family, or those that were received and kept.
func (s *Speaker) Part(p *Part) (more bool) {
	p.Routes, p.bodies, p.who = p.Routes[:0], p.bodies[:0], map[*peer]*api.Peer{}
	for _, n := range s.order {
		if who := n.who(); p.Peers.Match(who) {
			p.who[n] = &who
		}
	}
	if p.Question.In {
		return s.received(p)
	}
	p.pos = s.table.Walk(p.pos, partSize, p.wanted)
	return p.pos != 0
}

func (p *Part) wanted(v rib.View) {
	if !v.On || !p.Question.HasFamily(v.Route.NLRI.Family) {
		return
	}
	r := p.keep(v.Route)
	for _, t := range v.Peers {
		n := t.Peer.Owner.(*peer)
		if who := p.who[n]; who != nil && slices.Contains(n.config.Families, r.NLRI.Family) {
			told := r
			told.Attrs = t.Peer.Attrs(&r)
			p.Routes = append(p.Routes, api.RouteView{Peer: who, Route: told})
		}
	}
}

// received goes on with the neighbor that it is at, or begins with the next one
// that keeps what it is told.
func (s *Speaker) received(p *Part) (more bool) {
	for _, n := range s.sorted() {
		if n.number < p.peer || p.who[n] == nil || n.in == nil {
			continue
		}
		if n.number > p.peer {
			p.peer, p.pos = n.number, 0
		}
		p.pos = n.in.Walk(p.pos, partSize, func(r route.Route) {
			if p.Question.HasFamily(r.NLRI.Family) {
				p.Routes = append(p.Routes, api.RouteView{Peer: p.who[n], Route: p.keep(r)})
			}
		})
		if p.pos == 0 {
			p.peer++
		}
		return true
	}
	return false
}

// keep is a route whose body is ours.
func (p *Part) keep(r route.Route) route.Route {
	at := len(p.bodies)
	p.bodies = append(p.bodies, r.NLRI.Body...)
	r.NLRI.Body = p.bodies[at:len(p.bodies):len(p.bodies)]
	return r
}
