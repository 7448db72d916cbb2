// Package inet is all that the families ipv4 unicast and ipv6 unicast know:
// bytes, words, JSON.
package inet

import (
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// Prefix is a prefix of plain forwarding, with its path identifier where
// ADD-PATH gives it one (RFC 7911).
type Prefix struct {
	Net     netip.Prefix // masked
	HasPath bool
	PathID  uint32
}

// ParsePrefix reads "10.0.0.0/24", "2001:db8::/32", or an address alone, which
// is a prefix of all its bits. Bits set beyond the length are refused, as
// ExaBGP does: they are a typing error more often than a habit.
func ParsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("want a prefix like 192.0.2.0/24 or 2001:db8::/32, got %q", s)
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set beyond its length, want %s", s, p.Masked())
	}
	return p, nil
}

// Family is the unicast family of a prefix.
func Family(p netip.Prefix) bgp.Family {
	if p.Addr().Is4() {
		return bgp.IPv4Unicast
	}
	return bgp.IPv6Unicast
}

// AppendBody reads a prefix as ParsePrefix does and appends its NLRI.
func AppendBody(b []byte, s string) ([]byte, bgp.Family, error) {
	p, err := ParsePrefix(s)
	if err != nil {
		return b, 0, err
	}
	return AppendPrefix(b, p), Family(p), nil
}

// View is the typed form of a checked NLRI of one of our families.
func View(r nlri.Raw) nlri.NLRI {
	return Prefix{Net: prefixOf(r), HasPath: r.HasPath, PathID: r.PathID}
}

// Raw is the NLRI in its canonical packed form.
func (p Prefix) Raw() nlri.Raw {
	return nlri.Raw{
		Family: Family(p.Net), HasPath: p.HasPath, PathID: p.PathID,
		Body: AppendPrefix(nil, p.Net),
	}
}
