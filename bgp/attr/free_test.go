package attr

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp/grammar"
)

// sayWords runs statements of leaves that read their values themselves.
func sayWords(text string) (*Draft, error) {
	tokens, _ := grammar.Lex("", text)
	s, d := tokenSource(tokens), new(Draft)
	for s.Peek() != "" {
		w := s.Next()
		leaf := leafOf(w)
		if leaf == nil || leaf.Form != Free {
			return d, grammar.Wish("a word", w)
		}
		d.Begin()
		if err := leaf.Say(d, &s); err != nil {
			return d, err
		}
	}
	return d, nil
}

func TestFreeForms(t *testing.T) {
	const sid = "20010db8000000000000000000000001"
	for _, c := range []struct{ text, want, json string }{
		{"aigp 4294967296", "26/80 01000b0000000100000000", `"aigp": 4294967296`},
		{"pmsi no-tunnel", "22/c0 0000000000", `"pmsi": "pmsi:notunnel:0:0:"`},
		{"pmsi ingress-replication flags 1 label 16 192.0.2.1", "22/c0 0106000100c0000201",
			`"pmsi": "pmsi:ingressreplication:1:16(256):192.0.2.1"`},
		{"pmsi mldp-p2mp vni 5 0x060001", "22/c0 0002000005060001",
			`"pmsi": "pmsi:mldpp2mplsp:0:0:0x060001"`},
		{"pmsi ingress-replication 2001:db8::1", "22/c0 000600000020010db8000000000000000000000001", `"pmsi": "pmsi:ingressreplication:0:0:2001:db8::1"`},
		{"pmsi bier label 1 0xabcd", "22/c0 000a000010abcd", `"pmsi": "pmsi:unknown:0:1:0xABCD"`},
		{"bgp-prefix-sid [ 7 ]", "40/c0 01000700000000000007", `"bgp-prefix-sid": {"sr-label-index": 7}`},
		{"bgp-prefix-sid [ 7 , [ ( 16000 , 8000 ) ( 1 , 2 ) ] ]", "40/c0 01000700000000000007" + "03000e0000003e80001f40000001000002",
			`"bgp-prefix-sid": {"sr-label-index": 7, "sr-srgbs": [[16000, 8000], [1, 2]]}`},
		{"bgp-prefix-sid-srv6 ( l3-service 2001:db8::1 72 [ 64 , 24 , 16 , 0 , 0 , 0 ] )", "40/c0 0500220001001e00" + sid + "0000480001000640181000" + "0000",
			`"bgp-prefix-sid": {"l3-service": [{"sid": "2001:db8::1", "flags": 0, "endpoint_behavior": 72, "structure": {"locator-block-length": 64, "locator-node-length": 24, "function-length": 16, "argument-length": 0, "transposition-length": 0, "transposition-offset": 0}}]}`},
		{"bgp-prefix-sid-srv6 ( l2-service 2001:db8::1 65535 )", "40/c0 0600190001001500" + sid + "00ffff00",
			`"bgp-prefix-sid": {"l2-service": [{"sid": "2001:db8::1", "flags": 0, "endpoint_behavior": 65535}]}`},
		{`preference 7 priority 9 policy-name "two words" candidate-path-name "p"`, "23/c0 000f001e" + "0c06000000000007" + "0f020900" + "82000a0074776f20776f726473" + "810002" + "0070",
			`"tunnel-encap": {"sr-policy": {"preference": 7, "priority": 9, "policy-name": "two words", "candidate-path-name": "p"}}`},
		{"binding-sid mpls 16 srv6-binding-sid 2001:db8::1", "23/c0 000f001c" + "0d06100000010100" + "14120000" + sid,
			`"tunnel-encap": {"sr-policy": {"binding-sid": {"type": "mpls", "label": 16}, "srv6-binding-sid": {"type": "srv6", "sid": "2001:db8::1"}}}`},
		{"segment-list weight 2 segment type-a mpls 16 segment type-b srv6 2001:db8::1 endpoint-behavior 65 32 0 16 0",
			"23/c0 000f0030" + "80002d00" + "0906000000000002" + "0106000000010100" + "0d1a1000" + sid + "0041000020001000",
			`"tunnel-encap": {"sr-policy": {"segment-lists": [{"weight": 2, "segments": [{"type": "A", "label": 16, "tc": 0, "s": true, "ttl": 0}, {"type": "B", "sid": "2001:db8::1", "endpoint-behavior": {"behavior": 65, "lb-length": 32, "ln-length": 0, "fun-length": 16, "arg-length": 0}}]}]}}`},
		{"segment-list segment type-c ipv4 192.0.2.1 algorithm 1 segment type-e local-if-id 3 ipv4 192.0.2.2 sid 16", "23/c0 000f001c" + "80001900" + "03064001c0000201" + "050e200000000003c000020200010100",
			`"tunnel-encap": {"sr-policy": {"segment-lists": [{"segments": [{"type": "C", "ipv4": "192.0.2.1", "algorithm": 1}, {"type": "E", "local-if-id": 3, "ipv4": "192.0.2.2", "label": 16, "tc": 0, "s": true, "ttl": 0}]}]}}`},
	} {
		d, err := sayWords(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		set := d.Handle().Value()
		if diff := cmp.Diff(c.want, octetsOf(set)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.text, diff)
		}
		if got := string(set.AppendText(nil)); got != c.text {
			t.Errorf("said %s\n got %s", c.text, got)
		}
		if got, want := string(set.AppendJSON(nil)), "{ "+c.json+" }"; got != want {
			t.Errorf("%s: JSON\n got %s\nwant %s", c.text, got, want)
		}
	}
}

// TestEverySegmentType says one of each, with and without its SID.
func TestEverySegmentType(t *testing.T) {
	for _, text := range []string{
		"segment type-d ipv6 2001:db8::1 algorithm 0", "segment type-d ipv6 2001:db8::1 algorithm 0 sid 9",
		"segment type-f local 192.0.2.1 remote 192.0.2.2 sid 9",
		"segment type-g local-if-id 1 local-ipv6 fe80::1 remote-if-id 2 remote-ipv6 fe80::2",
		"segment type-h local 2001:db8::1 remote 2001:db8::2 sid 9",
		"segment type-i ipv6 2001:db8::1 algorithm 0 sid 2001:db8::2 endpoint-behavior 1 2 3 4 5",
		"segment type-j local-if-id 1 local-ipv6 fe80::1 remote-if-id 2 remote-ipv6 fe80::2 algorithm 0 sid 2001:db8::2",
		"segment type-k local 2001:db8::1 remote 2001:db8::2 algorithm 128",
	} {
		d, err := sayWords("segment-list " + text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(d.Handle().Value().AppendText(nil)); got != "segment-list "+text {
			t.Errorf("said %s\n got %s", text, got)
		}
	}
}

func TestFreeFormsRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"aigp x":                                       `want a number 0-18446744073709551615, got "x"`,
		"pmsi tin-can":                                 `want a tunnel type like ingress-replication, or 0-255, got "tin-can"`,
		"pmsi ingress-replication 0x01":                "want an address for ingress replication",
		"pmsi pim-sm":                                  `want an address, or octets as 0xHEX, got nothing`,
		"bgp-prefix-sid [ 7 , [ ] ]":                   "want an SRGB like ( 800000,4096 )",
		"bgp-prefix-sid [ 7 , [ ( 1 ) ] ]":             `want a number 0-16777215, got ")"`,
		"bgp-prefix-sid-srv6 ( l4-service ::1 )":       `want l3-service or l2-service, got "l4-service"`,
		"bgp-prefix-sid-srv6 ( l3-service 192.0.2.1 )": `want an IPv6 address, got "192.0.2.1"`,
		"preference 1 preference 2":                    "want it once",
		"binding-sid mpls 1048576":                     `want a number 0-1048575, got "1048576"`,
		"segment-list segment type-z":                  `want a type type-a to type-k, got "type-z"`,
		"segment-list segment type-f local ::1":        `segment type-f: want an IPv4 address, got "::1"`,
		"segment-list segment type-c ipv4 1.2.3.4":     `segment type-c: want algorithm, got nothing`,
	} {
		if _, err := sayWords(text); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzAttribute holds that what passes an attribute's check has JSON that is
// JSON, and text that says the same octets.
func FuzzAttribute(f *testing.F) {
	for _, seed := range []struct {
		code uint8
		v    string
	}{
		{TunnelEncap, "000f00100c0600000000000780000600090600000001"}, {TunnelEncap, "000800040102abcd"},
		{PrefixSID, "01000700000000000007"}, {PrefixSID, "0500220001001e0020010db800000000000000000000000100004800010006401810000000"},
		{AIGP, "01000b0000000100000000"}, {PMSITunnel, "0106000100c0000201"}, {29, "040100020102"},
	} {
		v, _ := hex.DecodeString(seed.v)
		f.Add(seed.code, v)
	}
	f.Fuzz(func(t *testing.T, code uint8, v []byte) {
		r := &table[code]
		if r.check == nil || r.check(v, Source{ASN4: true, Own: true}) != nil || len(v) > listMax {
			return
		}
		var b Builder
		b.PutKnown(code, v)
		set := b.Handle().Value()
		if j := set.AppendJSON(nil); !json.Valid(j) {
			t.Fatalf("%d %x: no JSON: %s", code, v, j)
		}
		text := string(set.AppendText(nil))
		if r.words == nil || strings.HasPrefix(text, "attribute ") {
			return
		}
		d, err := sayWords(text)
		if err != nil {
			t.Fatalf("%x: %s: %v", v, text, err)
		}
		if got := d.Handle().Value(); got != set {
			t.Fatalf("%x: %s: got %s", v, text, octetsOf(got))
		}
	})
}
