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
	ASN4                bool // four-octet AS numbers in AS_PATH and AGGREGATOR (RFC 6793)
	Extended            bool // messages of up to 65,535 octets, both ways (RFC 8654)
	Refresh             bool // ROUTE-REFRESH (RFC 2918)
	EnhancedRefresh     bool // with BoRR and EoRR (RFC 7313)
	GracefulRestart     bool // the peer helps us through a restart (RFC 4724)
	GracefulNotify      bool // and NOTIFICATION does not end that (RFC 8538)
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
