package attr

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

func number(d *Draft, s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return fmt.Errorf("want a number 0-4294967295, got %q", s)
	}
	return d.add(binary.BigEndian.AppendUint32(nil, uint32(n))...)
}

// parseHex reads "0x" and pairs of digits.
func parseHex(s string) ([]byte, error) {
	h, ok := strings.CutPrefix(strings.ToLower(s), "0x")
	b, err := hex.DecodeString(h)
	if !ok || err != nil {
		return nil, fmt.Errorf("want octets like 0x00FF, got %q", s)
	}
	return b, nil
}

// sorted puts the items of a list of equal sizes in order, each once: ExaBGP
// sends them so, and equal sets are then equal octets.
func sorted(list []byte, size int) []byte {
	items := make([]string, 0, len(list)/size)
	for ; len(list) >= size; list = list[size:] {
		items = append(items, string(list[:size]))
	}
	slices.Sort(items)
	return []byte(strings.Join(slices.Compact(items), ""))
}
