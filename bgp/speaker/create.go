package speaker

import (
	"errors"
	"fmt"

	"holdfast/bgp/config"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
)

// deconfigure ends peers for good.
func (s *Speaker) deconfigure(to rib.PeerSet) error {
	s.each(to, func(p *peer) {
		p.stop(wire.Deconfigured, "")
		if s.peers[p.key] == p { // else it was dynamic, and went with its session
			s.log.Info("neighbor removed", "neighbor", p.name)
			s.drop(p)
		}
	})
	return s.listen()
}

// create makes a neighbor of a helper's words. It lives until the configuration
// is read again, as ExaBGP's do.
func (s *Speaker) create(section string) error {
	if s.stopping != nil {
		return errors.New("create: the daemon stops")
	}
	c, err := config.Parse("command", []byte(section), config.Options{Processes: s.processes})
	if err != nil {
		return err
	}
	if len(c.Neighbors) != 1 || !c.Neighbors[0].Peer.IsSingleIP() {
		return errors.New("create: want one neighbor, by its address")
	}
	n := &c.Neighbors[0]
	if s.peers[n.Ends()] != nil {
		return fmt.Errorf("create: there is a neighbor %s already", s.neighborName(n))
	}
	p := s.addPeer(n.Ends(), n)
	s.order = append(s.order, p)
	s.lastAudience = audience{}
	if err := s.listen(); err != nil {
		s.drop(p)
		return errors.Join(err, s.listen())
	}
	diff := newRouteDiff()
	diff.neighbor(p.out, nil, n.Routes)
	diff.apply(s.table)
	s.log.Info("neighbor created", "neighbor", p.name)
	p.start()
	return nil
}
