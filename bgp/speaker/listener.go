package speaker

import (
	"errors"
	"maps"
	"net/netip"
	"slices"

	"holdfast/bgp/config"
	"holdfast/netio"
)

// listenKey is where a socket listens.
type listenKey struct {
	addr netip.AddrPort
	link string
}

// listener is one socket, and the keys that peers have there.
type listener struct {
	*netio.Listener
	auth map[netip.Prefix]netio.Auth
}

// listen makes the listening sockets those that the neighbors need: one for
// each local address and port. A socket that stays keeps its connections; its
// keys are changed in place.
func (s *Speaker) listen() error {
	want := s.wantedListeners()
	s.closeKept(want)
	for k, l := range s.listeners {
		if want[k] == nil {
			l.Close()
			delete(s.listeners, k)
		}
	}
	var errs []error
	for k, auth := range want {
		if l := s.listeners[k]; l != nil {
			errs = append(errs, l.SetAuth(auth))
			continue
		}
		l, err := s.loop.Listen(netio.ListenOptions{Addr: k.addr, Auth: auth, Socket: netio.SocketOptions{Device: k.link}, Kept: s.kept(k)}, s.accept)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.listeners[k] = &listener{l, auth}
	}
	return errors.Join(errs...)
}

// closeKept closes the sockets of a life before that no neighbor needs: first, for
// a wanted one may be at the same port.
func (s *Speaker) closeKept(want map[listenKey]map[netip.Prefix]netio.Auth) {
	s.options.Kept = slices.DeleteFunc(s.options.Kept, func(k netio.Kept) bool {
		if want[listenKey{k.Addr, k.Device}] != nil {
			return false
		}
		k.Close()
		return true
	})
}

// kept takes the socket of a life before that listens where it is wanted; nil if
// there is none.
func (s *Speaker) kept(at listenKey) *netio.Kept {
	i := slices.IndexFunc(s.options.Kept, func(k netio.Kept) bool { return listenKey{k.Addr, k.Device} == at })
	if i < 0 {
		return nil
	}
	k := s.options.Kept[i]
	s.options.Kept = slices.Delete(s.options.Kept, i, i+1)
	return &k
}

func (s *Speaker) wantedListeners() map[listenKey]map[netip.Prefix]netio.Auth {
	want := map[listenKey]map[netip.Prefix]netio.Auth{}
	add := func(local, peer netip.Addr, port uint16, link string, p netip.Prefix, a netio.Auth) {
		if !local.IsValid() {
			local = netip.IPv6Unspecified()
			if peer.Is4() {
				local = netip.IPv4Unspecified()
			}
		}
		k := listenKey{netip.AddrPortFrom(local, port), link}
		if want[k] == nil {
			want[k] = map[netip.Prefix]netio.Auth{}
		}
		if a != (netio.Auth{}) {
			want[k][p] = a
		}
	}
	for _, p := range s.order {
		if n := p.config; !p.dynamic && (n.Listen != 0 || n.Passive) {
			add(listenAt(n), n.Peer.Addr(), s.listenPort(n.Listen), n.SourceInterface, n.Peer, p.auth())
		}
	}
	for _, n := range s.ranges {
		add(listenAt(n), n.Peer.Addr(), s.listenPort(n.Listen), n.SourceInterface, n.Peer.Masked(), authOf(n))
	}
	foldListeners(want)
	return want
}

// foldListeners leaves out the sockets of single addresses where one of all
// addresses is wanted at the same port: the kernel lets no two have it.
func foldListeners(want map[listenKey]map[netip.Prefix]netio.Auth) {
	for k, auth := range want {
		all := netip.IPv6Unspecified()
		if k.addr.Addr().Is4() {
			all = netip.IPv4Unspecified()
		}
		wide := want[listenKey{netip.AddrPortFrom(all, k.addr.Port()), k.link}]
		if wide != nil && k.addr.Addr() != all {
			maps.Copy(wide, auth)
			delete(want, k)
		}
	}
}

// listenAt is the address of ours that a neighbor connects to.
func listenAt(n *config.Neighbor) netip.Addr {
	if n.MD5IP.IsValid() {
		return n.MD5IP
	}
	return n.LocalAddress
}

// listenPort is where a passive neighbor that names no port is waited for:
// where BGP speakers connect to.
func (s *Speaker) listenPort(p uint16) uint16 {
	if p != 0 {
		return p
	}
	return s.options.Port
}

// accept finds the neighbor that has connected.
func (s *Speaker) accept(nc *netio.Conn) netio.Handler {
	if s.stopping != nil {
		return nil
	}
	from := nc.Remote().Addr()
	zone := from.Zone()
	from = unmap(from.WithZone(""))
	single := netip.PrefixFrom(from, from.BitLen())
	local := unmap(nc.Local().Addr().WithZone(""))
	p := s.peerAt(single, zone, local)
	if p == nil {
		if n := s.rangeOf(from, local); n != nil {
			p = s.adopt(key{Peer: single, Zone: zone, Local: local}, n)
		}
	}
	if p == nil {
		s.log.Warn("connection from nobody's neighbor refused", "remote", nc.Remote())
		return nil
	}
	return p.newConn()
}

// peerAt is the peer that has connected to an address of ours: best the one that
// names both ends, and its link.
func (s *Speaker) peerAt(from netip.Prefix, zone string, local netip.Addr) (best *peer) {
	most := -1
	for _, p := range s.order {
		if !p.serves(from, zone, local) {
			continue
		}
		fit := 0
		if p.key.Zone != "" {
			fit += 2
		}
		if listenAt(p.config).IsValid() {
			fit++
		}
		if fit > most {
			most, best = fit, p
		}
	}
	return best
}

// serves says whether a peer is the one, or one of those, that has connected to an
// address of ours.
func (p *peer) serves(from netip.Prefix, zone string, local netip.Addr) bool {
	k, at := p.key, listenAt(p.config)
	return k.Peer == from && (k.Zone == "" || k.Zone == zone) && (!at.IsValid() || at.WithZone("") == local)
}

// adopt makes a peer of somebody in a range.
func (s *Speaker) adopt(k key, n *config.Neighbor) *peer {
	p := s.addPeer(k, n)
	p.dynamic = true
	p.name = k.Peer.Addr().String()
	p.renew()
	s.order = append(s.order, p)
	s.lastAudience = audience{}
	diff := newRouteDiff()
	diff.neighbor(p.out, nil, n.Routes)
	diff.apply(s.table)
	p.start()
	return p
}
