// Package family is the table of all families.
package family

import (
	"holdfast/bgp"
	"holdfast/bgp/family/evpn"
	"holdfast/bgp/family/flow"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/family/label"
	"holdfast/bgp/family/ls"
	"holdfast/bgp/family/mup"
	"holdfast/bgp/family/mvpn"
	"holdfast/bgp/family/rtc"
	"holdfast/bgp/family/srpolicy"
	"holdfast/bgp/family/vpls"
	"holdfast/bgp/family/vpn"
	"holdfast/bgp/nlri"
)

// Table has a row for each family that can be announced and received. Without a
// section "family", a session offers all of them in this order.
var Table = []*nlri.Codec{
	&inet.IPv4, &inet.IPv6,
	&inet.IPv4Multicast, &inet.IPv6Multicast,
	&label.IPv4, &label.IPv6,
	&vpn.IPv4, &vpn.IPv6,
	&flow.IPv4, &flow.IPv6, &flow.IPv4VPN, &flow.IPv6VPN,
	&vpls.Codec, &evpn.Codec,
	&mvpn.IPv4, &mvpn.IPv6,
	&mup.IPv4, &mup.IPv6,
	&srpolicy.IPv4, &srpolicy.IPv6,
	&ls.Codec, &ls.VPN,
	&rtc.Codec,
}

// All is what "all" means: every family but those that want to be named.
func All() (fs []bgp.Family) {
	for _, c := range Table {
		if !c.OnlyNamed {
			fs = append(fs, c.Family)
		}
	}
	return fs
}

// Lookup finds the row of a family, nil if there is none. The table is short
// and the common families stand first: walking it is faster than a map.
func Lookup(f bgp.Family) *nlri.Codec {
	for _, c := range Table {
		if c.Family == f {
			return c
		}
	}
	return nil
}

// Any finds the row of a family whose AFI may be 0: then the first of the SAFI,
// nil if there is none.
func Any(f bgp.Family) *nlri.Codec {
	if f.AFI() != 0 {
		return Lookup(f)
	}
	for _, c := range Table {
		if c.Family.SAFI() == f.SAFI() {
			return c
		}
	}
	return nil
}
