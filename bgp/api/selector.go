package api

import (
	"net/netip"

	"holdfast/bgp"
)

// Peer is what a selector can tell peers apart by.
type Peer struct {
	Address, Local  netip.Addr
	LocalAS, PeerAS bgp.ASN
	RouterID        bgp.ID
}

// Selector says which peers a command is for: those that any of its terms
// matches. It is not changed once made; equal texts of one Parser give the same
// pointer for as long as it is cached.
type Selector struct{ terms []term }

// term is one "neighbor ADDRESS [key value]…": all that is set has to match.
type term struct {
	any             bool // "*"
	address, local  netip.Addr
	localAS, peerAS bgp.ASN // with hasLocalAS, hasPeerAS
	routerID        bgp.ID  // 0: not said

	hasLocalAS, hasPeerAS bool
	// never: "family-allowed F" other than "in-open" names a session of its own
	// for that family (multi-session), which nobody here has.
	never bool
}

// Match says whether the command is for the peer. A nil selector is for every
// peer.
func (s *Selector) Match(p Peer) bool {
	if s == nil {
		return true
	}
	for i := range s.terms {
		if s.terms[i].match(p) {
			return true
		}
	}
	return false
}

func (t *term) match(p Peer) bool {
	return !t.never &&
		(t.any || t.address == p.Address) &&
		(!t.local.IsValid() || t.local == p.Local) &&
		(!t.hasLocalAS || t.localAS == p.LocalAS) &&
		(!t.hasPeerAS || t.peerAS == p.PeerAS) &&
		(t.routerID == 0 || t.routerID == p.RouterID)
}
