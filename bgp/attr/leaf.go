package attr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// Form is how a leaf's values are written.
type Form uint8

// The forms.
const (
	Bare  Form = iota // no value: "atomic-aggregate"
	One               // one: "med 100"
	List              // one, or several in brackets: "community [ 65000:1 no-export ]"
	Paren             // one, also in parentheses: "aggregator ( 65000:192.0.2.1 )"
	Free              // a form of its own, which Say reads
)

// Leaf is a word that sets an attribute, with what can follow it. Configuration,
// API, completion and manual are all made of these rows.
type Leaf struct {
	Word, Help string
	Form       Form
	Arg        string // what one value looks like
	// Item takes one value; a list's parentheses come as values too.
	Item func(d *Draft, value string) error
	// End puts what the values gave.
	End func(d *Draft) error
	// Say, of a leaf that is Free, takes the values itself and puts them.
	Say func(d *Draft, s grammar.Source) error
}

// Draft is a set of attributes while it is being said.
type Draft struct {
	Builder
	list  []byte // what the values of the leaf at hand gave
	count int    // values of the leaf at hand
}

// Put puts an attribute that was not said before: of two, ExaBGP takes the
// first.
func (d *Draft) Put(code, flags uint8, value []byte) {
	if !d.Has(code) {
		d.Builder.Put(code, flags, value)
	}
}

// Begin forgets the values of the leaf before.
func (d *Draft) Begin() {
	d.list, d.count = d.list[:0], 0
}

// Leaves are the words of all attributes.
var Leaves = slices.Concat(plainLeaves, []Leaf{asPathLeaf, aigpLeaf, otcLeaf, pmsiLeaf, lsLeaf}, prefixSIDLeaves, tunnelLeaves)

var plainLeaves = []Leaf{
	{Word: "next-hop", Help: "where packets go (RFC 4271 5.1.3)", Form: One, Arg: "ADDRESS|self", Item: nextHop, End: single(NextHop, Transitive)},
	{Word: "origin", Help: "how the route came into BGP (RFC 4271 5.1.1)", Form: One, Arg: "igp|egp|incomplete", Item: origin, End: single(Origin, Transitive)},
	{Word: "med", Help: "metric among the entries to one AS, less is better (RFC 4271 5.1.4)", Form: One, Arg: "0-4294967295", Item: number, End: single(MED, Optional)},
	{Word: "local-preference", Help: "preference inside our AS, more is better (RFC 4271 5.1.5)", Form: One, Arg: "0-4294967295", Item: number, End: single(LocalPref, Transitive)},
	{Word: "atomic-aggregate", Help: "the path lacks AS numbers of what was aggregated (RFC 4271 5.1.6)", Form: Bare, End: flag(AtomicAggregate, Transitive)},
	{Word: "aggregator", Help: "who aggregated the route (RFC 4271 5.1.7)", Form: Paren, Arg: "ASN:ADDRESS", Item: aggregator, End: single(Aggregator, Optional|Transitive)},
	{Word: "community", Help: "communities (RFC 1997)", Form: List, Arg: "N:N|no-export|no-advertise|blackhole|0xHEX", Item: community, End: putSorted(Community, 4)},
	{Word: "large-community", Help: "large communities (RFC 8092)", Form: List, Arg: "N:N:N", Item: large, End: putSorted(LargeCommunity, 12)},
	{Word: "extended-community", Help: "extended communities (RFC 4360)", Form: List, Arg: "target:N:N|origin:N:N|0xHEX", Item: extended, End: endMerge(ExtCommunity, 8)},
	{Word: "extended-community-ipv6", Help: "extended communities with an IPv6 address (RFC 5701)", Form: List, Arg: "redirect-to-nexthop-ietf:ADDRESS|0xHEX", Item: ipv6Extended, End: endMerge(IPv6Community, 20)},
	{Word: "originator-id", Help: "router-id of the route's originator in our AS (RFC 4456)", Form: One, Arg: "ROUTER-ID", Item: routerID, End: single(OriginatorID, Optional)},
	{Word: "cluster-list", Help: "the clusters that reflected the route (RFC 4456)", Form: List, Arg: "ROUTER-ID", Item: routerID, End: put(ClusterList, Optional)},
	{Word: "attribute", Help: "any attribute: its code, its flags and its octets", Form: List, Arg: "0xCODE 0xFLAGS 0xHEX", Item: generic, End: endGeneric},
}

// add appends what one value gave.
func (d *Draft) add(b ...byte) error {
	if len(d.list)+len(b) > listMax {
		return fmt.Errorf("want a list that fits an attribute of %d octets", listMax)
	}
	d.list = append(d.list, b...)
	d.count++
	return nil
}

// single puts the one value that there must be.
func single(code, flags uint8) func(*Draft) error {
	return func(d *Draft) error {
		if d.count != 1 {
			return fmt.Errorf("want one value, got %d", d.count)
		}
		d.Put(code, flags, d.list)
		return nil
	}
}

// put puts what the values gave; nothing, if there are none.
func put(code, flags uint8) func(*Draft) error {
	return func(d *Draft) error {
		if d.count > 0 {
			d.Put(code, flags, d.list)
		}
		return nil
	}
}

// flag puts an attribute that has no value.
func flag(code, flags uint8) func(*Draft) error {
	return func(d *Draft) error {
		d.Put(code, flags, nil)
		return nil
	}
}

// putSorted puts a list of values of one size in order; an empty one is no
// attribute at all (RFC 7606 section 7 calls such a one malformed).
func putSorted(code uint8, size int) func(*Draft) error {
	return func(d *Draft) error {
		if len(d.list) > 0 {
			d.Put(code, Optional|Transitive, sorted(d.list, size))
		}
		return nil
	}
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

func origin(d *Draft, s string) error {
	v, err := ParseOrigin(s)
	if err != nil {
		return err
	}
	return d.add(v)
}

func number(d *Draft, s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return fmt.Errorf("want a number 0-4294967295, got %q", s)
	}
	return d.add(binary.BigEndian.AppendUint32(nil, uint32(n))...)
}

func aggregator(d *Draft, s string) error {
	v, err := ParseAggregator(s)
	if err != nil {
		return err
	}
	return d.add(v...)
}

func community(d *Draft, s string) error {
	v, err := ParseCommunity(s)
	if err != nil {
		return err
	}
	return d.add(binary.BigEndian.AppendUint32(nil, v)...)
}

func large(d *Draft, s string) error {
	v, err := ParseLarge(s)
	if err != nil {
		return err
	}
	b := make([]byte, 0, 12)
	for _, n := range v {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return d.add(b...)
}

func extended(d *Draft, s string) error {
	v, err := ParseExtended(s)
	if err != nil {
		return err
	}
	return d.add(v[:]...)
}

func routerID(d *Draft, s string) error {
	id, err := bgp.ParseID(s)
	if err != nil {
		return err
	}
	return d.add(binary.BigEndian.AppendUint32(nil, uint32(id))...)
}

// generic takes the code, the flags, and then the value.
func generic(d *Draft, s string) error {
	b, err := ParseHex(s)
	if err != nil {
		return err
	}
	if d.count < 2 && len(b) != 1 {
		return fmt.Errorf("want one octet like 0x20, got %q", s)
	}
	if d.count == 3 {
		return fmt.Errorf("want no more than code, flags and value, got %q", s)
	}
	return d.add(b...)
}

func endGeneric(d *Draft) error {
	if d.count != 3 {
		return errors.New("want code, flags and value like [ 0x20 0xC0 0x000000010000000200000003 ]")
	}
	code, flags, value := d.list[0], d.list[1], d.list[2:]
	if err := checkGeneric(code, value); err != nil {
		return fmt.Errorf("code 0x%02X: %w", code, err)
	}
	if size := itemSizes[code]; size > 0 {
		value = sorted(value, size)
	}
	d.Put(code, flags, value)
	return nil
}

// itemSizes is the size of one item of the attributes that are sorted lists.
var itemSizes = map[uint8]int{Community: 4, ExtCommunity: 8, IPv6Community: 20, LargeCommunity: 12}

// checkGeneric refuses octets that no peer could read, and attributes that are
// made for each peer.
func checkGeneric(code uint8, value []byte) error {
	switch code {
	case MPReach, MPUnreach, AS4Path, AS4Aggregator:
		return errors.New("is made for each peer; want next-hop, as-path or aggregator in words")
	}
	if check := table[code].check; check != nil {
		if f := check(value, Source{ASN4: true, Own: true}); f != nil {
			return errors.New(f.reason)
		}
	}
	return nil
}
