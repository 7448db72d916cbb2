package route

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// splitMax bounds how many routes one statement may make.
const splitMax = 1 << 16

// Draft is a route statement while it is being said: prefixes, and all that
// they have in common.
type Draft struct {
	attr.Draft
	prefixes []netip.Prefix
	group    string
	off      bool
	hasPath  bool
	pathID   uint32
	split    int  // the length to de-aggregate to
	hasSplit bool // "split" was said
}

// Reset makes the draft empty.
func (d *Draft) Reset() {
	d.Draft.Reset()
	d.prefixes = d.prefixes[:0]
	d.group, d.off, d.hasPath, d.pathID, d.split, d.hasSplit = "", false, false, 0, 0, false
}

// Prefix adds a prefix.
func (d *Draft) Prefix(s string) error {
	p, err := grammar.ParsePrefix(s)
	if err == nil {
		d.prefixes = append(d.prefixes, p)
	}
	return err
}

// PrefixOf adds a prefix, which must be of an address family.
func (d *Draft) PrefixOf(afi bgp.AFI, s string) error {
	p, err := grammar.ParsePrefix(s)
	if err != nil {
		return err
	}
	if f := inet.Family(p); f.AFI() != afi {
		return fmt.Errorf("want a prefix of %s, got %q", bgp.MakeFamily(afi, bgp.SAFIUnicast), s)
	}
	d.prefixes = append(d.prefixes, p)
	return nil
}

// Leaf is a word of a route, beside those of its attributes.
type Leaf struct {
	Word, Help, Arg string
	Form            attr.Form
	Item            func(d *Draft, value string) error
}

// Leaves are the words of a route beside those of its attributes.
var Leaves = []Leaf{
	{Word: "path-information", Help: "path identifier, where ADD-PATH was agreed (RFC 7911)", Form: attr.One, Arg: "NUMBER|A.B.C.D", Item: pathInformation},
	{Word: "watchdog", Help: "the group that switches this route on and off", Form: attr.One, Arg: "NAME", Item: watchdog},
	{Word: "withdraw", Help: "the route's group begins switched off", Form: attr.Bare, Item: withdraw},
	{Word: "split", Help: "announce the prefixes of this length that it consists of", Form: attr.One, Arg: "/LENGTH", Item: split},
	{Word: "name", Help: "a name for people; it has no effect", Form: attr.One, Arg: "NAME", Item: func(*Draft, string) error { return nil }},
}

func pathInformation(d *Draft, s string) error {
	id, ok := nlri.ParsePath(s)
	if !ok {
		return fmt.Errorf("want a number or four like 0.0.0.10, got %q", s)
	}
	d.hasPath, d.pathID = true, id
	return nil
}

func watchdog(d *Draft, s string) error {
	d.group = s
	return nil
}

func withdraw(d *Draft, _ string) error {
	d.off = true
	return nil
}

func split(d *Draft, s string) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "/"), 10, 8)
	if err != nil || n > 128 {
		return fmt.Errorf("want a length like /24, got %q", s)
	}
	d.split, d.hasSplit = int(n), true
	return nil
}

// Withdrawn appends the routes of a statement that takes routes back: nothing
// but prefixes and path identifiers matters, and a next hop may be left out.
func (d *Draft) Withdrawn(out []Route) ([]Route, error) {
	return d.routes(out, Route{Attrs: d.Handle()})
}

// Routes appends the routes of the statement. Each has a next hop of its
// prefix's own address family (RFC 4271 section 5.1.3, RFC 4760 section 3).
func (d *Draft) Routes(out []Route) ([]Route, error) {
	if err := d.checkHop(); err != nil {
		return out, err
	}
	return d.routes(out, Route{Attrs: d.Handle(), Group: d.group, Withdraw: d.off})
}

func (d *Draft) checkHop() error {
	hop, ok := d.Get(attr.NextHop)
	if !ok {
		return fmt.Errorf("want next-hop")
	}
	for _, p := range d.prefixes {
		if len(hop) > 0 && len(hop) != len(p.Addr().AsSlice()) {
			a, _ := netip.AddrFromSlice(hop)
			return fmt.Errorf("next-hop: want an %s address or self for %s, got %q", version(p.Addr()), p, a)
		}
	}
	return nil
}

func version(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// routes appends a route like r for each prefix.
func (d *Draft) routes(out []Route, r Route) ([]Route, error) {
	for _, p := range d.prefixes {
		to := p.Bits()
		if d.hasSplit {
			if to = d.split; to < p.Bits() || to > p.Addr().BitLen() {
				return out, fmt.Errorf("split: want a length from /%d to /%d for %s, got /%d", p.Bits(), p.Addr().BitLen(), p, to)
			}
			if to-p.Bits() > 16 {
				return out, fmt.Errorf("split: want at most %d routes, so at most /%d for %s, got /%d", splitMax, p.Bits()+16, p, to)
			}
		}
		for i := range 1 << (to - p.Bits()) {
			r.NLRI = d.raw(part(p, to, uint32(i)))
			out = append(out, r)
		}
	}
	return out, nil
}

func (d *Draft) raw(p netip.Prefix) nlri.Raw {
	return inet.Prefix{Net: p, HasPath: d.hasPath, PathID: d.pathID}.Raw()
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
