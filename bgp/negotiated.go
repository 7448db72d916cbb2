package bgp

import (
	"net/netip"
	"slices"
	"time"
)

// MaxMessage and MaxExtended are the longest messages, header included, in
// octets, without and with extended messages (RFC 4271 section 4, RFC 8654).
const (
	MaxMessage  = 4096
	MaxExtended = 65535
)

// Negotiated is what the two OPENs of a session have in common, and who the
// two speakers are. It does not change while the session is up.
type Negotiated struct {
	LocalAS, PeerAS     ASN
	LocalID, PeerID     ID
	LocalAddr, PeerAddr netip.Addr
	HoldTime            time.Duration // 0: no keepalives (RFC 4271 section 4.2)
	Families            []Family      // in the order that we asked for them
	AddPath             map[Family]Direction
	Hops                Hops // families whose next hops may be of the other address family (RFC 8950)
	AIGP                bool // AIGP is believed and sent: by configuration, not by capability (RFC 7311 section 3.3)
	LinkLocalHop        bool // link-local next hops (draft-ietf-idr-linklocal-capability)
	ASN4                bool // four-octet AS numbers in AS_PATH and AGGREGATOR (RFC 6793)
	Extended            bool // messages of up to 65,535 octets, both ways (RFC 8654)
	Refresh             bool // ROUTE-REFRESH (RFC 2918)
	EnhancedRefresh     bool // with BoRR and EoRR (RFC 7313)
	GracefulRestart     bool // the peer helps us through a restart (RFC 4724)
	GracefulNotify      bool // and NOTIFICATION does not end that (RFC 8538)
	Operational         bool // OPERATIONAL messages (draft-ietf-idr-operational-message)
	MultiSession        bool // sessions are told apart by the same capabilities (draft-ietf-idr-bgp-multisession)
}

// EBGP says whether the two speakers are in different AS.
func (n *Negotiated) EBGP() bool { return n.LocalAS != n.PeerAS }

// Has says whether both asked for the family.
func (n *Negotiated) Has(f Family) bool { return slices.Contains(n.Families, f) }

// MaxLen is the longest message that we may send, in octets, header included.
func (n *Negotiated) MaxLen() int {
	if n.Extended {
		return MaxExtended
	}
	return MaxMessage
}

// SendPath and ReceivePath say whether NLRI of the family carry a path
// identifier on the way out and in (RFC 7911).
func (n *Negotiated) SendPath(f Family) bool { return n.AddPath[f]&Send != 0 }

// ReceivePath is the other way of SendPath.
func (n *Negotiated) ReceivePath(f Family) bool { return n.AddPath[f]&Receive != 0 }

// Hop is a family whose next hops may be addresses of another address family
// (RFC 8950 section 4).
type Hop struct {
	Family Family
	AFI    AFI // of the next hop
}

// Hops is a set of Hop. Families beyond unicast, multicast, labelled unicast
// and VPN have no place in it: RFC 8950 knows none.
type Hops uint8

func (h Hop) bit() Hops {
	i := slices.Index([]SAFI{SAFIUnicast, SAFIMulticast, SAFILabel, SAFIVPN}, h.Family.SAFI())
	switch {
	case i < 0:
	case h.Family.AFI() == AFIIPv4 && h.AFI == AFIIPv6:
		return 1 << i
	case h.Family.AFI() == AFIIPv6 && h.AFI == AFIIPv4:
		return 16 << i
	}
	return 0
}

// MakeHops makes a set.
func MakeHops(list []Hop) (hs Hops) {
	for _, h := range list {
		hs |= h.bit()
	}
	return hs
}

// Has says whether next hops of the family may be of the other address family.
func (hs Hops) Has(f Family, a AFI) bool { return hs&Hop{f, a}.bit() != 0 }

// HasHop says whether next hops of the family may be addresses of a.
func (n *Negotiated) HasHop(f Family, a AFI) bool { return n.Hops.Has(f, a) }
