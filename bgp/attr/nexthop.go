package attr

import "net/netip"

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

func jsonAddress(b []byte, v string) []byte {
	a, _ := netip.AddrFromSlice([]byte(v))
	return append(a.AppendTo(append(b, '"')), '"')
}
