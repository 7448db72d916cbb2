// Package inet is all that the families of plain prefixes know, ipv4 and ipv6,
// unicast and multicast: bytes, words, JSON.
package inet

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// Prefix is a prefix of plain forwarding, with its path identifier where
// ADD-PATH gives it one (RFC 7911).
type Prefix struct {
	Net     netip.Prefix // masked
	SAFI    bgp.SAFI     // 0: unicast
	HasPath bool
	PathID  uint32
}

// AFI is the address family of a prefix.
func AFI(p netip.Prefix) bgp.AFI {
	if p.Addr().Is4() {
		return bgp.AFIIPv4
	}
	return bgp.AFIIPv6
}

// Family is the unicast family of a prefix.
func Family(p netip.Prefix) bgp.Family { return bgp.MakeFamily(AFI(p), bgp.SAFIUnicast) }

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI { return Of(r) }

// Of is View without an interface around it.
func Of(r nlri.Raw) Prefix {
	return Prefix{Net: prefixOf(r), SAFI: r.Family.SAFI(), HasPath: r.HasPath, PathID: r.PathID}
}

// Raw is the NLRI in its canonical packed form.
func (p Prefix) Raw() nlri.Raw {
	return nlri.Raw{
		Family: bgp.MakeFamily(AFI(p.Net), max(p.SAFI, bgp.SAFIUnicast)), HasPath: p.HasPath, PathID: p.PathID,
		Body: AppendPrefix(nil, p.Net),
	}
}
