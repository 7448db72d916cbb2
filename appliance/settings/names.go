package settings

import (
	"net/netip"
	"strings"

	"holdfast/bgp/grammar"
)

// linkName takes the name of a link, as the kernel allows them.
func linkName(c *grammar.Cursor) (string, error) {
	s, err := c.One("a link")
	if err == nil && (s == "" || len(s) > 15 || strings.ContainsAny(s, "/: \t\n")) {
		err = grammar.Wish("a link's name of at most 15 characters", s)
	}
	return s, err
}

// prefix takes "192.0.2.53/32", or an address alone for the whole of it.
func prefix(c *grammar.Cursor) (netip.Prefix, error) {
	const want = "an address like 192.0.2.53/32"
	s, err := c.One(want)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, grammar.Wish(want, s)
	}
	return p, nil
}

// address takes the address of a neighbor.
func address(c *grammar.Cursor) (netip.Addr, error) {
	s, err := c.One("an address")
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, grammar.Wish("an address", s)
	}
	return a.WithZone(""), nil
}
