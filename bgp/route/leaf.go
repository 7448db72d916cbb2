package route

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Leaf is a word of a route, beside those of its attributes and its family.
type Leaf struct {
	Word, Help, Arg string
	Form            attr.Form
	say             func(d *Draft, s grammar.Source) error
}

// Leaves are the words of a route beside those of its attributes.
var Leaves = []Leaf{
	{Word: "rd", Help: "route distinguisher: the route is one of a VPN (RFC 4364)", Form: attr.One, Arg: "ASN:NUMBER|ADDRESS:NUMBER", say: sayRD},
	{Word: "route-distinguisher", Help: "the same as rd", Form: attr.One, Arg: "ASN:NUMBER|ADDRESS:NUMBER", say: sayRD},
	{Word: "label", Help: "MPLS labels, the top one first (RFC 8277)", Form: attr.List, Arg: "0-1048575", say: sayLabel},
	{Word: "path-information", Help: "path identifier, where ADD-PATH was agreed (RFC 7911)", Form: attr.One, Arg: "NUMBER|A.B.C.D", say: sayPath},
	{Word: "watchdog", Help: "the group that switches this route on and off", Form: attr.One, Arg: "NAME", say: sayWatchdog},
	{Word: "withdraw", Help: "the route's group begins switched off", Form: attr.Bare, say: func(d *Draft, _ grammar.Source) error { d.off = true; return nil }},
	{Word: "split", Help: "announce the prefixes of this length that it consists of", Form: attr.One, Arg: "/LENGTH", say: saySplit},
	{Word: "name", Help: "a name for people; it has no effect", Form: attr.One, Arg: "NAME", say: func(_ *Draft, s grammar.Source) error { _, err := grammar.Value(s, "a name"); return err }},
}

func sayRD(d *Draft, s grammar.Source) (err error) {
	d.rd, err = nlri.SayRD(s)
	d.hasRD = err == nil
	return err
}

func sayLabel(d *Draft, s grammar.Source) (err error) {
	d.labels, err = nlri.SayLabels(s)
	return err
}

func sayPath(d *Draft, s grammar.Source) error {
	w, err := grammar.Value(s, "a path identifier")
	if err != nil {
		return err
	}
	id, ok := nlri.ParsePath(w)
	if !ok {
		return fmt.Errorf("want a number or four like 0.0.0.10, got %q", w)
	}
	d.hasPath, d.pathID = true, id
	return nil
}

func sayWatchdog(d *Draft, s grammar.Source) (err error) {
	d.group, err = grammar.Value(s, "a name")
	return err
}

func saySplit(d *Draft, s grammar.Source) error {
	w, err := grammar.Value(s, "a length like /24")
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(w, "/"), 10, 8)
	if err != nil || n > 128 {
		return fmt.Errorf("want a length like /24, got %q", w)
	}
	d.split, d.hasSplit = int(n), true
	return nil
}
