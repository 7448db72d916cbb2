package speaker

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
)

// Do applies a helper's commands, sets the errors of those that fail, and sends
// what came of them. The batch is its owner's again when done is called, once
// and on the loop.
func (s *Speaker) Do(b *api.Batch, done func()) {
	(&doing{s: s, batch: b, done: done, said: map[string]bool{}}).run()
}

// doing is a batch on its way: a command that looks at the whole table takes
// several turns, and those behind it wait.
type doing struct {
	s     *Speaker
	batch *api.Batch
	done  func()
	next  int         // of Items
	told  rib.PeerSet // whose peers got something, for Batch.Sync
	clear sweep
	said  map[string]bool // the turn's last word of each group: whether it is on
}

func (d *doing) run() {
	next := d.turn()
	d.close()
	if next != nil {
		d.s.loop.Post(next)
		return
	}
	d.s.wake()
	if d.batch.Sync {
		d.s.sync(d.told, d.done)
		return
	}
	d.done()
}

// turn applies what is for one turn, and gives what goes on with the rest.
func (d *doing) turn() (next func()) {
	for d.next < len(d.batch.Items) {
		it := &d.batch.Items[d.next]
		d.next++
		if it.Err == nil {
			it.Err = d.s.do(d, it)
		}
		switch {
		case d.clear.to != 0:
			return d.sweep
		case d.next%api.AtOnce == 0: // nobody is woken before the end
			return d.run
		}
	}
	return nil
}

// close closes the groups that were withdrawn by hand, before a neighbor can hear of
// the routes that are said behind that. Who is told of the words has the last one of
// each group in its plan from then on.
func (d *doing) close() {
	if len(d.said) == 0 {
		return
	}
	for _, group := range slices.Sorted(maps.Keys(d.said)) {
		if !d.said[group] {
			d.s.await(d.s.table.Close(group), d.s.loop.Now())
			d.told = d.s.table.Union(d.told, d.s.all())
		}
	}
	clear(d.said)
	d.s.options.Said()
}

// sweep is "clear adj-rib out": it takes all routes of some peers away that
// were there when it was said.
type sweep struct {
	to   rib.PeerSet
	pos  uint32
	mark rib.Mark
}

func (d *doing) sweep() {
	c := &d.clear
	if c.pos = d.s.table.Clear(c.to, c.mark, c.pos, sweepAtOnce); c.pos != 0 {
		d.s.wake()
		d.s.loop.Post(d.sweep)
		return
	}
	c.to = 0
	d.run()
}

// ErrNoPeer is the error of a command or a question that names nobody.
var ErrNoPeer = errors.New("no neighbor matches the command")

// Errors of commands.
var (
	errNotListed  = errors.New("no neighbor that is named lists the process in its section api")
	errNoSession  = errors.New("there is no session with a neighbor that the command is for")
	errForeignHop = errors.New("next-hop: want an address of the route's own address family or self: no neighbor has another in its section nexthop")
	errSelfHop    = errors.New(`next-hop: want an address, got "self": no neighbor is reached over the route's own address family, or has the other in its section nexthop`)
	errNotAgreed  = "no neighbor that the command is for has agreed on %s"
)

// do applies one command.
func (s *Speaker) do(d *doing, it *api.Item) error {
	switch it.Kind {
	case api.GroupOn, api.GroupOff:
		err := s.options.Watchdog(it.Route.Group, it.Kind == api.GroupOn)
		if err == nil {
			d.said[it.Route.Group] = it.Kind == api.GroupOn
		}
		return err
	case api.CreatePeer:
		return s.create(it.More.Neighbor)
	}
	if it.Kind < api.Announce || it.Kind > api.RemoveIndex {
		return nil // it is not for us
	}
	to, others := s.peersFor(d.batch.From, it)
	back := s.takeBack(d.batch.From, it, others)
	switch {
	case back:
		d.told = s.table.Union(d.told, others)
	case to == 0 && others != 0 && it.Peers != nil:
		return errNotListed
	case to == 0:
		return ErrNoPeer
	}
	d.told = s.table.Union(d.told, to)
	switch it.Kind {
	case api.Announce:
		if err := s.checkHop(to, &it.Route); err != nil {
			return err
		}
		s.table.Announce(s.owner(d.batch.From), to, it.Route)
	case api.Withdraw:
		s.table.Withdraw(to, it.Route.NLRI, it.Route.Attrs)
	case api.RemoveIndex:
		return s.removeIndex(to, it.More.Index, back)
	case api.ClearOut:
		d.clear = sweep{to: to, mark: s.table.BeginClear()}
	default:
		return s.doPeers(to, it)
	}
	return nil
}

// doPeers applies a command that is not about routes.
func (s *Speaker) doPeers(to rib.PeerSet, it *api.Item) error {
	switch it.Kind {
	case api.EOR:
		return s.live(to, it.Family.String(), func(p *peer) bool { return p.out.SendEOR(it.Family) })
	case api.Refresh:
		return s.live(to, "route-refresh of "+it.Family.String(), func(p *peer) bool { return p.askRefresh(it.Family) })
	case api.Operational:
		return s.live(to, "operational", func(p *peer) bool { return p.operate(it.More) })
	case api.Flush:
		s.each(to, func(p *peer) { p.out.Flush() })
	case api.ClearIn:
		s.each(to, func(p *peer) { p.in.Reset() })
	case api.Teardown:
		return s.teardown(to, it.More.Subcode)
	case api.DeletePeer:
		return s.deconfigure(to)
	}
	return nil
}

// all is every peer.
func (s *Speaker) all() rib.PeerSet {
	var outs []*rib.Out
	for _, p := range s.order {
		outs = append(outs, p.out)
	}
	return s.table.Peers(outs...)
}

// each visits the peers of a set, which may go meanwhile.
func (s *Speaker) each(set rib.PeerSet, f func(*peer)) {
	for _, p := range slices.Clone(s.order) {
		if s.table.Has(set, p.out) {
			f(p)
		}
	}
}

// live visits the peers of a set that have a session. It is an error if there is
// none, or if f says of all of them that what is asked for was not agreed on.
func (s *Speaker) live(set rib.PeerSet, what string, f func(*peer) bool) error {
	err := errNoSession
	s.each(set, func(p *peer) {
		switch {
		case p.live == nil:
		case f(p):
			err = nil
		case err == errNoSession:
			err = fmt.Errorf(errNotAgreed, what)
		}
	})
	return err
}

// askRefresh has a peer tell us everything of a family again (RFC 2918).
func (p *peer) askRefresh(f bgp.Family) bool {
	if p.live == nil {
		return false
	}
	n := p.session.Negotiated
	if !n.Refresh || !n.Has(f) {
		return false
	}
	p.live.push(wire.AppendRefresh(nil, wire.Refresh{Family: f}))
	return true
}

func (p *peer) operate(m *api.More) bool {
	n := p.session.Negotiated
	if n.Operational {
		p.live.push(wire.AppendOperational(nil, m.Operational, n.LocalID))
	}
	return n.Operational
}

// ceases are ExaBGP's texts for the subcodes of Cease (RFC 4486).
var ceases = [...]string{wire.MaxPrefixes: "Maximum Number of Prefixes Reached", wire.AdminShutdown: "Administrative Shutdown",
	wire.Deconfigured: "Peer De-configured", wire.AdminReset: "Administrative Reset", wire.Rejected: "Connection Rejected",
	wire.OtherChange: "Other Configuration Change", wire.Collision: "Connection Collision Resolution", wire.OutOfResource: "Out of Resources"}

// teardown ends sessions, which then come back. A neighbor without one is left
// alone.
func (s *Speaker) teardown(to rib.PeerSet, subcode uint8) error {
	if subcode == 0 {
		return errors.New("teardown: want a subcode of Cease, 1 to 255")
	}
	text := ""
	if int(subcode) < len(ceases) {
		text = ceases[subcode]
	}
	s.each(to, func(p *peer) {
		if p.live == nil {
			return
		}
		p.stop(subcode, text)
		if s.peers[p.key] == p && s.stopping == nil { // a dynamic one is gone
			p.start()
		}
	})
	return nil
}

// removeIndex withdraws the route that an index names, with the attributes that
// it was announced with; found says that it was taken back from others.
func (s *Speaker) removeIndex(to rib.PeerSet, index string, found bool) error {
	raws, err := api.Indexed(index)
	if err != nil {
		return err
	}
	for _, n := range raws {
		for _, v := range s.table.Lookup(n, false) {
			if slices.ContainsFunc(v.Peers, func(p rib.Told) bool { return s.table.Has(to, p.Peer) }) {
				found = s.table.Withdraw(to, n, v.Route.Attrs) || found
			}
		}
	}
	if !found {
		return fmt.Errorf("index: there is no route %q", index)
	}
	return nil
}
