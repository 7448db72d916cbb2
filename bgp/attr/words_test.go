package attr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp/grammar"
)

// say runs words like "med 100 community [ 65000:1 ]" through the leaves, as
// the grammar does.
func say(d *Draft, text string) error {
	words := strings.Fields(text)
	for len(words) > 0 {
		leaf, rest := leafOf(words[0]), words[1:]
		if leaf == nil {
			return fmt.Errorf("no word %q", words[0])
		}
		d.Begin()
		if leaf.Form == Free {
			s := sourceOf(rest)
			if err := leaf.Say(d, &s); err != nil {
				return fmt.Errorf("%s: %w", leaf.Word, err)
			}
			words = rest[len(rest)-len(s):]
			continue
		}
		n := values(leaf.Form, rest)
		if n == 0 && leaf.Form != Bare {
			return fmt.Errorf("%s: want a value", leaf.Word)
		}
		if leaf.Form == One && strings.ContainsAny(rest[0], "[]()") {
			return fmt.Errorf("%s: want a value, got %q", leaf.Word, rest[0])
		}
		for _, w := range rest[:n] {
			if w == "[" || w == "]" || leaf.Form == Paren && strings.Contains("()", w) {
				continue
			}
			if err := leaf.Item(d, w); err != nil {
				return fmt.Errorf("%s: %w", leaf.Word, err)
			}
		}
		if err := leaf.End(d); err != nil {
			return fmt.Errorf("%s: %w", leaf.Word, err)
		}
		words = rest[n:]
	}
	return nil
}

func sourceOf(words []string) (s tokenSource) {
	for _, w := range words {
		s = append(s, grammar.Token{Text: w})
	}
	return s
}

func leafOf(word string) *Leaf {
	for i := range Leaves {
		if Leaves[i].Word == word {
			return &Leaves[i]
		}
	}
	return nil
}

// values is how many words belong to a leaf.
func values(f Form, words []string) int {
	closing := map[string]string{"[": "]", "(": ")"}
	switch {
	case f == Bare || len(words) == 0:
		return 0
	case f != One && closing[words[0]] != "":
		for i, w := range words {
			if w == closing[words[0]] {
				return i + 1
			}
		}
	}
	return 1
}

func TestWordsGiveOctets(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"next-hop 10.0.0.1", "3/40 0a000001"},
		{"next-hop self", "3/40 "},
		{"next-hop 2001:db8::1", "3/40 20010db8000000000000000000000001"},
		{"med 200 origin incomplete", "1/40 02;4/80 000000c8"},
		{"med 1 med 2", "4/80 00000001"},
		{"attribute [ 0x08 0xc0 0xfde80001 ] community 65000:2", "8/c0 fde80001"},
		{"extended-community target:1:2 extended-community target:3:4", "16/c0 00020001000000020002000300000004"},
		{"next-hop SELF origin IGP", "1/40 00;3/40 "},
		{"local-preference 4294967295", "5/40 ffffffff"},
		{"as-path [ ]", "2/40 "},
		{"as-path 65000", "2/40 02010000fde8"},
		{"as-path [ 1 1.1 ( 3 4 ) 5 ]", "2/40 0202000000010001000101020000000300000004020100000005"},
		{"as-path [ 1 [ 2 ] , { 3 4 } { ( 5 ) } { [ 6 ] } 7 ]", "2/40 02010000000101010000000203020000000300000004040100000005040100000006020100000007"},
		{"as-path ( 1 2 ) med 3", "2/40 01020000000100000002;4/80 00000003"},
		{"as-path { 1 2 }", "2/40 03020000000100000002"},
		{"as-path [ ( ) ]", "2/40 "},
		{"only-to-customer 65000", "35/c0 0000fde8"},
		{"community [ NO_EXPORT NoPeer route-filter-v4 standby-pe ]", "8/c0 ffff0003ffff0009ffffff01ffffff04"},
		{"attribute [ 0x03 0x40 0xc0000201 ]", "3/40 c0000201"},
		{"atomic-aggregate aggregator ( 18144:219.118.225.189 )", "6/40 ;7/c0 000046e0db76e1bd"},
		{"community [ 65000:2 65000:1 65000:2 no-export ]", "8/c0 fde80001fde80002ffffff01"},
		{"community blackhole", "8/c0 ffff029a"},
		{"community [ 0xFDE80001 ]", "8/c0 fde80001"},
		{"community [ ]", ""},
		{"large-community [ 10:11:12 1:2:3 ]", "32/c0 0000000100000002000000030000000a0000000b0000000c"},
		{"originator-id 57.35.2.240 cluster-list [ 2.2.2.2 1.1.1.1 ]", "9/80 392302f0;10/80 0202020201010101"},
		{"attribute [ 0x04 0x80 0x00000064 ]", "4/80 00000064"},
		{"attribute [ 0x99 0x60 0x00000064 ]", "153/60 00000064"},
		{"attribute [ 0x99 0xc0 0x ]", "153/c0 "},
		{"attribute [ 0x20 0xc0 0x0000000100000002000000030000000A0000000B0000000C ]", "32/c0 0000000100000002000000030000000a0000000b0000000c"},
	} {
		var d Draft
		if err := say(&d, c.text); err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := octetsOf(d.Handle().Value()); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func octetsOf(s Set) string {
	var parts []string
	for a := range s.All() {
		parts = append(parts, fmt.Sprintf("%d/%02x %x", a.Code, a.Flags&^Extended, a.Value))
	}
	return strings.Join(parts, ";")
}

func TestExtendedCommunities(t *testing.T) {
	for _, c := range []struct{ text, octets string }{
		{"origin:100:1000", "00030064000003e8"},
		{"target:200:2000", "000200c8000007d0"},
		{"target:400:74000", "0002019000012110"},
		{"origin:70500:5000", "0103000113641388"},
		{"origin:7.7.7.7:7000", "0103070707071b58"},
		{"origin:9000:9.9.9.9", "0003232809090909"},
		{"target4:71200:12000", "0102000116202ee0"},
		{"redirect:1300:83000", "8008051400014438"},
		{"l2info:1:2:13398:30864", "800a010234567890"},
		{"target:120000L:123", "02020001d4c0007b"},
		{"72:0.0.0.1", "0002004800000001"},
		{"0x0002fde800000001", "0002fde800000001"},
		{"bandwidth:65000:125000000", "4004fde84cee6b28"},
		{"color:100", "030b000000000064"},
		{"color:10:100", "030b800000000064"},
		{"redirect:70000:1", "8208000111700001"},
		{"redirect:192.0.2.1:1", "8108c00002010001"},
		{"rate-limit:9600", "8006000046160000"},
		{"rate-limit:65000:0", "8006fde800000000"},
		{"rate-limit-packets:100", "800c000042c80000"},
		{"action:sample", "8007000000000002"},
		{"action:sample-terminal", "8007000000000003"},
		{"mark:46", "800900000000002e"},
		{"redirect-to-nexthop", "0800000000000000"},
		{"copy-to-nexthop", "0800000000000001"},
		{"redirect-to-nexthop-ietf:192.0.2.1", "010cc00002010000"},
		{"copy-to-nexthop-ietf:192.0.2.1", "010cc00002010001"},
		{"interface-set:transitive:input:65000:255", "07020000fde840ff"},
		{"interface-set:non-transitive:input-output:65000:1", "47020000fde8c001"},
		{"encapsulation:vxlan", "030c000000000008"},
		{"encapsulation:99", "030c000000000063"},
		{"chso:100", "0314000000640000"},
		{"mac-mobility:7:sticky", "0600010000000007"},
		{"mup:10:10", "0c00000a0000000a"},
		{"rtrecord:65000:1", "0013fde800000001"},
	} {
		v, err := ParseExtended(c.text)
		if got := fmt.Sprintf("%x", v[:]); err != nil || got != c.octets {
			t.Errorf("%s: got %s, %v, want %s", c.text, got, err, c.octets)
			continue
		}
		if back, err := ParseExtended(string(v.AppendText(nil))); err != nil || back != v {
			t.Errorf("%s: said as %s, which is %x, %v", c.text, v.AppendText(nil), back[:], err)
		}
	}
}

// TestExtendedShown: helpers see ExaBGP's spellings, as Debian's writes them, and
// octets of kinds that have no word.
func TestExtendedShown(t *testing.T) {
	for octets, want := range map[string]string{
		"80060000 46160000": "rate-limit:9600", "8006fde8 46160000": "rate-limit:9600", "80070000 00000003": "action sample-terminal",
		"010cc000 02010000": "redirect-to-nexthop-ietf 192.0.2.1", "030c0000 00000008": "encap:VXLAN", "80090000 0000000a": "mark 10",
		"07020000 fde840ff": "interface-set:input:65000:255", "47020000 fde8c001": "interface-set:input-output:65000:1",
		"07020000 fde80001": "interface-set:0:65000:1", "99010000 00000000": "0x9901000000000000",
		"80070100 00000003": "action sample-terminal", "80070000 00000000": "action ", "80060000 c6160000": "rate-limit:-9600",
		"80060000 ffffffff": "rate-limit:NaN", "80090000 000000ff": "mark 255", "80090100 00000001": "mark 1",
		"4002fde8 00000001": "target:65000:1", "42030001 11700001": "origin:70000L:1", "0013fde8 00000001": "rtrecord:65000:1",
		"08000102 03040000": "redirect-to-nexthop", "08000000 0000000f": "copy-to-nexthop", "010c0102 03040003": "copy-to-nexthop-ietf 1.2.3.4 (with copy)",
		"0004fde8 47c35000": "bandwidth:65000:100000", "030c0102 03040008": "encap:VXLAN", "030c0000 00000000": "encap:Default",
		"030c0000 0000000d": "encap:MPLS-in-UDP", "030c0000 0000000f": "encap:encap:UNKNOWN-15", "03140000 00640000": "consistentHashSortOrder:100",
		"06000100 00000001": "mac-mobility:1:sticky", "0009fde8 00000001": "0x0009FDE800000001",
	} {
		b, err := parseHex("0x" + strings.ReplaceAll(octets, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(ExtendedCommunity(b).appendShown(nil)); got != want {
			t.Errorf("%s: got %s, want %s", octets, got, want)
		}
	}
}

func TestIPv6Extended(t *testing.T) {
	for text, octets := range map[string]string{
		"redirect-to-nexthop-ietf:2001:db8::1":       "000c20010db80000000000000000000000010000",
		"copy-to-nexthop-ietf:2001:db8::1":           "000c20010db80000000000000000000000010001",
		"target:-2001:db8::1-:7":                     "000220010db80000000000000000000000010007",
		"0x990220010db80000000000000000000000010007": "990220010db80000000000000000000000010007",
	} {
		v, err := parseIPv6Extended(text)
		if got := fmt.Sprintf("%x", v[:]); err != nil || got != octets || string(v.AppendText(nil)) != text {
			t.Errorf("%s: got %s %v, said as %s", text, got, err, v.AppendText(nil))
		}
	}
	for _, text := range []string{"", "target:1", "redirect-to-nexthop-ietf:192.0.2.1", "0x00", "target:-fe80::1%a-:7"} {
		if v, err := parseIPv6Extended(text); err == nil {
			t.Errorf("%q: got %x", text, v)
		}
	}
}

func TestBadWordsAreRefusedWithTheWish(t *testing.T) {
	for text, want := range map[string]string{
		"next-hop nowhere":                     `next-hop: want an address or self, got "nowhere"`,
		"next-hop fe80::1%eth0":                `next-hop: want an address or self, got "fe80::1%eth0"`,
		"origin maybe":                         `origin: want igp, egp or incomplete, got "maybe"`,
		"med x":                                `med: want a number 0-4294967295, got "x"`,
		"med 4294967296":                       `med: want a number 0-4294967295, got "4294967296"`,
		"as-path [ 65000 x ]":                  `as-path: want an AS number 0-4294967295 or N.N, got "x"`,
		"as-path [ ( 1 ]":                      `as-path: want an AS number or ), got "]"`,
		"as-path [ 1 ) ]":                      `as-path: want an AS number or ], got ")"`,
		"as-path [ { ( 1 ) 2 } ]":              `as-path: want }, got "2"`,
		"as-path [ { { 1 } } ]":                `as-path: want an AS number or }, got "{"`,
		"as-path [ 0 ]":                        `as-path: want an AS number, got 0, which is nobody's (RFC 7607)`,
		"as-path":                              `as-path: want an AS number, got nothing`,
		"aggregator ( 65000 )":                 `aggregator: want ASN:ADDRESS like 65000:192.0.2.1, got "65000"`,
		"community [ 65536:1 ]":                `community: want a community like 65000:1, no-export or 0xFDE80001, got "65536:1"`,
		"large-community [ 1:2 ]":              `large-community: want a large community like 65000:1:2, got "1:2"`,
		"extended-community [ target:x ]":      `extended-community: want target:65000:1, got "target:x"`,
		"extended-community [ 0x00 ]":          `extended-community: want eight octets like 0x0002FDE800000001, got "0x00"`,
		"extended-community [ x ]":             `extended-community: want an extended community like target:65000:1 or 0x0002FDE800000001, got "x"`,
		"originator-id 1":                      `originator-id: want a router-id like 192.0.2.1, got "1"`,
		"attribute [ 0x99 0x60 xyz ]":          `attribute: want octets like 0x00FF, got "xyz"`,
		"attribute [ 0x9999 0x60 0x ]":         `attribute: want one octet like 0x20, got "0x9999"`,
		"attribute [ 0x99 0x60 ]":              `attribute: want code, flags and value like [ 0x20 0xC0 0x000000010000000200000003 ]`,
		"attribute [ 0x99 0x60 0x 0x ]":        `attribute: want no more than code, flags and value, got "0x"`,
		"attribute [ 0x0e 0x80 0x0001 ]":       `attribute: code 0x0E: is made for each peer; want next-hop, as-path or aggregator in words`,
		"attribute [ 0x04 0x80 0x0001 ]":       `attribute: code 0x04: want 4 octets, got 2`,
		"attribute [ 0x08 0xc0 0x000000 ]":     `attribute: code 0x08: want a multiple of 4 octets, not zero, got 3`,
		"attribute [ 0x02 0x40 0x0202000001 ]": `attribute: code 0x02: segment wants 2 AS numbers, 3 octets left`,
	} {
		var d Draft
		got := ""
		if err := say(&d, text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestLongPathHasSeveralSegments(t *testing.T) {
	var d Draft
	if err := say(&d, "as-path [ "+strings.Repeat("65000 ", 300)+"]"); err != nil {
		t.Fatal(err)
	}
	v, _ := d.Get(ASPath)
	if v[0] != ASSequence || v[1] != 255 || v[2+4*255] != ASSequence || v[3+4*255] != 45 {
		t.Errorf("got % x…", v[:8])
	}
	if err := say(&d, "as-path [ "+strings.Repeat("65000 ", 20000)+"]"); err == nil {
		t.Error("a path that fits no attribute was taken")
	}
}

// FuzzWords: no words panic, and what is taken says the same again.
func FuzzWords(f *testing.F) {
	f.Add("med 200 origin incomplete as-path [ 1 ( 2 3 ) { 4 } { ( 5 ) } ] community [ 65000:1 blackhole ]")
	f.Add("attribute [ 0x20 0xc0 0x000000010000000200000003 ] extended-community [ target:1:1 l2info:1:2:3:4 ]")
	f.Add("aggregator ( 1:1.2.3.4 ) atomic-aggregate originator-id 1.1.1.1 cluster-list [ 1.1.1.1 ]")
	f.Fuzz(func(t *testing.T, text string) {
		var d, again Draft
		if say(&d, text) != nil {
			return
		}
		d.Drop(NextHop) // is not in a set's text
		first := d.Handle().Value()
		said := string(first.AppendText(nil))
		if strings.Contains(text, "attribute") {
			return // flags that no word can say
		}
		if err := say(&again, said); err != nil {
			t.Fatalf("%q says %q, which is refused: %v", text, said, err)
		}
		if v, ok := first.Get(ASPath); ok && v.Value == "" {
			again.Put(ASPath, v.Flags, nil) // an empty path is told like none
		}
		if diff := cmp.Diff(octetsOf(first), octetsOf(again.Handle().Value())); diff != "" {
			t.Errorf("%q says %q:\n%s", text, said, diff)
		}
	})
}

// TestGrow has an attribute grow where another was put behind it, and where not.
func TestGrow(t *testing.T) {
	var b Builder
	b.grow(PrefixSID, Optional, []byte{1})
	b.grow(PrefixSID, Optional, []byte{2})
	b.Put(MED, Optional, []byte{0, 0, 0, 7})
	b.grow(PrefixSID, Optional, []byte{3})
	b.Drop(MED)
	b.grow(MED, Optional, []byte{9})
	got := map[uint8]string{}
	for a := range b.Handle().Value().All() {
		got[a.Code] = a.Value
	}
	if diff := cmp.Diff(map[uint8]string{PrefixSID: "\x01\x02\x03", MED: "\t"}, got); diff != "" {
		t.Error(diff)
	}
}
