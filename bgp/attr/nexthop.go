package attr

import (
	"fmt"
	"net/netip"
	"strings"
)

var nextHopRow = row{
	name: "next-hop", flags: Transitive, bad: Withdraw,
	check: checkNextHop, text: textNextHop, json: jsonAddress,
}

// checkNextHop refuses what can't be a host's address: 0.0.0.0 and multicast
// (RFC 4271 section 6.3).
func checkNextHop(v []byte, from Source) *fault {
	if f := fourOctets(v, from); f != nil {
		return f
	}
	if a := netip.AddrFrom4([4]byte(v)); a.IsUnspecified() || a.IsMulticast() {
		return &fault{InvalidNextHop, 0, "want the address of a host, got " + a.String()}
	}
	return nil
}

var fourOctets = fixed(4)

// textNextHop leaves out the link-local address that may go along: it is made
// for each peer.
func textNextHop(b []byte, v string) []byte {
	if v == "" {
		return append(b, " self"...)
	}
	return textAddress(b, v[:min(len(v), 16)])
}

func nextHop(d *Draft, s string) error {
	if strings.EqualFold(s, "self") {
		return d.add() // no octets: each peer's local address stands for it
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return fmt.Errorf("want an address or self, got %q", s)
	}
	return d.add(a.AsSlice()...)
}
