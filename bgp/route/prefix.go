package route

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/family/label"
	"holdfast/bgp/family/vpn"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// splitMax bounds how many routes one statement may make.
const splitMax = 1 << 16

// Prefix adds a prefix, which must be of the address family that the statement
// named, if it did.
func (d *Draft) Prefix(s string) error {
	p, err := grammar.ParsePrefix(s)
	if err != nil {
		return err
	}
	if d.codec != nil && inet.AFI(p) != d.codec.Family.AFI() {
		return fmt.Errorf("want a prefix of %s, got %q", d.codec.Family, s)
	}
	d.prefixes = append(d.prefixes, p)
	return nil
}

// familyOf is the family of a prefix with the words of the statement.
func (d *Draft) familyOf(p netip.Prefix) bgp.Family {
	switch {
	case d.codec != nil:
		return d.codec.Family
	case d.hasRD:
		return bgp.MakeFamily(inet.AFI(p), bgp.SAFIVPN)
	case d.labels != nil:
		return bgp.MakeFamily(inet.AFI(p), bgp.SAFILabel)
	case p.Addr().Is4() && p.Addr().IsMulticast():
		return bgp.IPv4Multicast // as ExaBGP takes it
	}
	return inet.Family(p)
}

// checkWords says whether the words that are there go with the family.
func (d *Draft) checkWords(f bgp.Family, withdraw bool) error {
	labelled := f.SAFI() == bgp.SAFILabel || f.SAFI() == bgp.SAFIVPN
	switch {
	case d.hasRD && f.SAFI() != bgp.SAFIVPN:
		return fmt.Errorf("rd: routes of %s have none", f)
	case !d.hasRD && f.SAFI() == bgp.SAFIVPN:
		return fmt.Errorf("want rd for a route of %s", f)
	case d.labels != nil && !labelled:
		return fmt.Errorf("label: routes of %s have none", f)
	case d.labels == nil && labelled && !withdraw:
		return fmt.Errorf("want label for a route of %s", f)
	}
	return nil
}

// prefixRoutes appends a route like r for each prefix.
func (d *Draft) prefixRoutes(out []Route, r Route, withdraw bool) ([]Route, error) {
	hop, said := d.Get(attr.NextHop)
	r.SelfHop = said && len(hop) == 0
	for _, p := range d.prefixes {
		f := d.familyOf(p)
		if err := d.checkWords(f, withdraw); err != nil {
			return out, err
		}
		r.ForeignHop = len(hop) > 0 && (len(hop) == 4) != p.Addr().Is4()
		to, err := d.length(p)
		if err != nil {
			return out, err
		}
		for i := range 1 << (to - p.Bits()) {
			body, err := d.appendBody(f, part(p, to, uint32(i)))
			if err != nil {
				return out, err
			}
			r.NLRI = nlri.Raw{Family: f, HasPath: d.hasPath, PathID: d.pathID, Body: body}
			out = append(out, r)
		}
	}
	return out, nil
}

// length is how long the prefixes get that a prefix is announced as.
func (d *Draft) length(p netip.Prefix) (int, error) {
	switch to := d.split; {
	case !d.hasSplit:
		return p.Bits(), nil
	case to < p.Bits() || to > p.Addr().BitLen():
		return 0, fmt.Errorf("split: want a length from /%d to /%d for %s, got /%d", p.Bits(), p.Addr().BitLen(), p, to)
	case to-p.Bits() > 16:
		return 0, fmt.Errorf("split: want at most %d routes, so at most /%d for %s, got /%d", splitMax, p.Bits()+16, p, to)
	default:
		return to, nil
	}
}

var errTooManyLabels = errors.New("label: more labels than fit before the prefix")

func (d *Draft) appendBody(f bgp.Family, p netip.Prefix) ([]byte, error) {
	n := len(d.labels) / 3
	switch f.SAFI() {
	case bgp.SAFILabel:
		if n > label.MaxLabels(0, p) {
			return nil, errTooManyLabels
		}
		return label.AppendBody(nil, d.labels, p), nil
	case bgp.SAFIVPN:
		if n > label.MaxLabels(len(d.rd), p) {
			return nil, errTooManyLabels
		}
		return vpn.AppendBody(nil, d.labels, d.rd, p), nil
	}
	return inet.AppendPrefix(nil, p), nil
}

// part is the i-th prefix of a length in p.
func part(p netip.Prefix, length int, i uint32) netip.Prefix {
	if i == 0 {
		return netip.PrefixFrom(p.Addr(), length)
	}
	a := p.Addr().AsSlice()
	for bit := length - 1; i > 0; bit, i = bit-1, i>>1 {
		a[bit/8] |= byte(i&1) << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(a) // has 4 or 16 octets
	return netip.PrefixFrom(addr, length)
}
