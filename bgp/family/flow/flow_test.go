package flow

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const web = "11 0118c00002 0220c6336401 038106 048150"

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: "11 0118c00002 0220c6336401 038106 058150",
			Text: "destination-ipv4 192.0.2.0/24 source-ipv4 198.51.100.1/32 protocol =tcp destination-port =80",
			Said: "destination-port 80 protocol tcp source 198.51.100.1 destination 192.0.2.0/24",
			JSON: `{"destination-ipv4": ["192.0.2.0/24"], "source-ipv4": ["198.51.100.1/32"], "protocol": ["=tcp"], "destination-port": ["=80"],
				"string": "flow destination-ipv4 192.0.2.0/24 source-ipv4 198.51.100.1/32 protocol =tcp destination-port =80"}`},
		{Wire: "0d 04 12 1f90 54 1f98 91 0c38 0a 81 64", Text: "port [ >8080&<8088 =3128 ] packet-length =100",
			JSON: `{"port": [">8080&<8088", "=3128"], "packet-length": ["=100"], "string": "flow port [ >8080&<8088 =3128 ] packet-length =100"}`},
		{Wire: "05 06 03 01 85 05", Text: "source-port [ >=1 <=5 ]", JSON: `{"source-port": [">=1", "<=5"], "string": "flow source-port [ >=1 <=5 ]"}`},
		{Wire: "07 0b 06 0a 00 05 87 07", Text: "dscp [ !=10 false:5 true:7 ]", JSON: `{"dscp": ["!=10", "false", "true"], "string": "flow dscp [ !=10 false true ]"}`},
		{Wire: "05 0b 01 c8 81 0a", Text: "dscp [ =0xc8 =10 ]", JSON: `{"dscp": ["=200", "=10"], "string": "flow dscp [ =200 =10 ]"}`},
		{Wire: "09 04 01 35 91 01bb 06 81 50", Text: "port [ =53 =443 ] source-port =80", Said: "port [ domain =HTTPS ] source-port =http",
			JSON: `{"port": ["=53", "=443"], "source-port": ["=80"], "string": "flow port [ =53 =443 ] source-port =80"}`},
		{Wire: "09 02 19 0a000080 03 81 11", Text: "source-ipv4 10.0.0.128/25 protocol =udp", Said: "source 10.0.0.255/25 next-header udp",
			JSON: `{"source-ipv4": ["10.0.0.128/25"], "protocol": ["=udp"], "string": "flow source-ipv4 10.0.0.128/25 protocol =udp"}`},
		{Wire: "03 07 81 0f", Text: "icmp-type =info-request", JSON: `{"icmp-type": ["=info-request"], "string": "flow icmp-type =info-request"}`},
		{Wire: "0d 07 01 03 81 08 08 81 01 09 01 04 81 09",
			Text: "icmp-type [ =unreachable =echo-request ] icmp-code =1 tcp-flags [ =rst =fin+push ]",
			Said: "tcp-flags [ =reset =push+fin ] icmp-type [ unreachable echo-request ] icmp-code host-unreachable",
			JSON: `{"icmp-type": ["=unreachable", "=echo-request"], "icmp-code": ["=1"], "tcp-flags": ["=rst", "=fin+push"],
				"string": "flow icmp-type [ =unreachable =echo-request ] icmp-code =1 tcp-flags [ =rst =fin+push ]"}`},
		{Wire: "09 09 00 10 00 80 42 01 c2 40", Text: "tcp-flags [ ack cwr&!fin&!ece ]", JSON: `{"tcp-flags": ["ack", "cwr&!fin&!ece"], "string": "flow tcp-flags [ ack cwr&!fin&!ece ]"}`},
		{Wire: "05 0c 00 04 83 18", Text: "fragment [ first-fragment !=last-fragment+0x10 ]",
			JSON: `{"fragment": ["first-fragment", "!=last-fragment+0x10"], "string": "flow fragment [ first-fragment !=last-fragment+0x10 ]"}`},
	})
	nlritest.Run(t, &IPv6, []nlritest.Case{
		{Wire: "18 01 20 00 20010db8 02 40 20 0000000000000001 0d a1 000ff000",
			Text: "destination-ipv6 2001:db8::/32/0 source-ipv6 0:0:0:1::/64/32 flow-label =1044480", Said: "destination 2001:db8::/32 source 2001:db8:0:1::/64/32 flow-label 1044480",
			JSON: `{"destination-ipv6": ["2001:db8::/32/0"], "source-ipv6": ["0:0:0:1::/64/32"], "flow-label": ["=1044480"],
				"string": "flow destination-ipv6 2001:db8::/32/0 source-ipv6 0:0:0:1::/64/32 flow-label =1044480"}`},
		{Wire: "06 03 81 11 0b 81 2e", Text: "next-header =udp traffic-class =46", JSON: `{"next-header": ["=udp"], "traffic-class": ["=46"], "string": "flow next-header =udp traffic-class =46"}`},
	})
	nlritest.Run(t, &IPv4VPN, []nlritest.Case{
		{Wire: "0d 0000fde800000001 0118c00002", Text: "destination-ipv4 192.0.2.0/24 rd 65000:1",
			JSON: `{"destination-ipv4": ["192.0.2.0/24"], "rd": "65000:1", "string": "flow destination-ipv4 192.0.2.0/24 rd 65000:1"}`},
	})
	nlritest.NoAllocations(t, &IPv4, web)
}

// TestCanonical: what other speakers may write differently is one route.
func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		codec    *nlri.Codec
		in, want string
	}{
		{&IPv4, "f003 038106", "03038106"},                                                        // a short length in two octets
		{&IPv4, "04 03910006", "03038106"},                                                        // a value longer than it needs
		{&IPv4, "03 03c106", "03038106"},                                                          // "and" without anything before it
		{&IPv4, "03 038906", "03038106"},                                                          // a reserved bit
		{&IPv4, "04 0109c0ff", "040109c080"},                                                      // host bits
		{&IPv6, "0b 024020 20010db800000001", "0b 024020 0000000000000001"},                       // bits before the offset
		{&IPv6, "07 024020 00000001", "0b 024020 0000000000000001"},                               // RFC 8956: the pattern alone
		{&IPv6, "0a 02403c 10 03 81 11 0d 81 05", "11 02403c 0000000000000001 03 81 11 0d 81 05"}, // its four bits are shifted
		{&IPv6, "0b 012004 00010db8 0a 910040", "0a 012004 00010db8 0a 8140"},                     // a long value says nothing of the prefix
		{&IPv6, "08 01200020010db8 00", ""},                                                       // neither form
	} {
		b := octets(t, c.in)
		body, n, err := c.codec.Next(b)
		if got := hex.EncodeToString(body); got != hex.EncodeToString(octets(t, c.want)) || n != len(b) || (err != nil) != (c.want == "") {
			t.Errorf("%s: got %s of %d octets, %v, want %s", c.in, got, n, err, c.want)
		}
	}
}

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrong(t *testing.T) {
	nlritest.Wrong(t, &IPv4, map[string]string{
		"":                         "want what matches, such as destination 192.0.2.0/24",
		"port 65536":               `want a value like =80 or >1024&<2048, at most 65535, got "65536"`,
		"protocol bogus":           `want a value like =icmp, at most 255, got "bogus"`,
		"port &80":                 `want a value like =80 or >1024&<2048, at most 65535, got "&80"`,
		"destination 2001::/16":    "want what is of ipv4 flow",
		"flow-label 5":             "want what is of ipv4 flow",
		"dscp 64":                  `want a value like =80 or >1024&<2048, at most 63, got "64"`,
		"destination 10.0.0.0/8/4": `an offset is for IPv6, got "10.0.0.0/8/4"`,
		"destination 10.0.0.0/8 destination 11.0.0.0/8": "want one prefix",
	})
	nlritest.Wrong(t, &IPv6VPN, map[string]string{"next-header tcp": "want rd"})
	for in, want := range map[string]string{
		"\x03\x0e\x81\x06":             "component type 14 is not known",
		"\x06\x04\x81\x06\x03\x81\x06": "component type 3 after 4, want ascending types",
		"\x03\x03\x01\x06":             "component protocol: a list of operators without end in 2 octets",
		"\x03\x03\x91\x06":             "component protocol: a value wants 2 octets, 1 left",
		"\x02\x01\x21":                 "component destination-ipv4: want a prefix of at most 32 bits, got 21",
		"\x05\x01":                     "a flow specification of 5 octets, 1 left",
		"\xf0":                         "want the length of a flow specification, 1 octets left",
	} {
		if _, _, err := IPv4.Next([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", in, err, want)
		}
	}
}

func TestActions(t *testing.T) {
	for text, want := range map[string]string{
		"accept":                               "",
		"discard":                              "extended-community [ rate-limit:0 ]",
		"rate-limit 9600":                      "extended-community [ rate-limit:9600 ]",
		"rate-limit 100 packets":               "extended-community [ rate-limit-packets:100 ]",
		"redirect 65500:12345 mark 46":         "extended-community [ redirect:65500:12345 mark:46 ]",
		"redirect 192.0.2.1":                   "next-hop 192.0.2.1 extended-community [ redirect-to-nexthop ]",
		"copy 2001:db8::1":                     "next-hop 2001:db8::1 extended-community [ copy-to-nexthop ]",
		"redirect 2001:db8::1":                 "next-hop 2001:db8::1 extended-community [ redirect-to-nexthop ]",
		"redirect [ 2001:db8::1 ]":             "next-hop 2001:db8::1 extended-community [ redirect-to-nexthop ]",
		"redirect [ 2001:db8::1 ] :7":          "extended-community-ipv6 [ redirect:-2001:db8::1-:7 ]",
		"rate-limit 99999999999999":            "extended-community [ rate-limit:1000000000000 ]",
		"redirect-to-nexthop":                  "extended-community [ redirect-to-nexthop ]",
		"redirect-to-nexthop-ietf 192.0.2.1":   "extended-community [ redirect-to-nexthop-ietf:192.0.2.1 ]",
		"redirect-to-nexthop-ietf 2001:db8::1": "extended-community-ipv6 [ redirect-to-nexthop-ietf:2001:db8::1 ]",
		"action sample-terminal":               "extended-community [ action:sample-terminal ]",
		"action terminal-sample":               "extended-community [ action:sample-terminal ]",
		"interface-set [ transitive:input:1:2 non-transitive:output:3:4 ]": "extended-community [ interface-set:transitive:input:1:2 interface-set:non-transitive:output:3:4 ]",
	} {
		var a attr.Draft
		s := nlritest.Words(strings.Fields(text))
		d := Form.Begin(bgp.IPv4Flow)
		for s.Peek() != "" {
			if mine, err := d.Say(s.Next(), &s, &a); !mine || err != nil {
				t.Errorf("%s: %v %v", text, mine, err)
			}
		}
		if diff := cmp.Diff(want, string(a.Handle().Value().AppendText(nil))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"rate-limit x":            `want octets a second, got "x"`,
		"redirect [ 1.2.3.4 ] :7": `want a route target like [2001:db8::1]:1, got "[1.2.3.4]:7"`,
		"redirect [ ::1 :7":       `want ], got ":7"`,
		"redirect x":              `want a route target like 65000:1 or an address, got "x"`,
		"mark 64":                 `want a number 0-63, got "64"`,
		"action x":                `want sample, terminal or sample-terminal, got "x"`,
		"interface-set x":         `want interface-set:transitive:input:65000:1, got "interface-set:x"`,
	} {
		var a attr.Draft
		s := nlritest.Words(strings.Fields(text))
		if _, err := Form.Begin(bgp.IPv4Flow).Say(s.Next(), &s, &a); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestLegacy: the next hop stands in the specification too.
func TestLegacy(t *testing.T) {
	j := &nlri.JSON{Legacy: true, NextHop: []byte{192, 0, 2, 1}}
	spec := View(nlri.Raw{Family: bgp.IPv4FlowVPN, Body: []byte("\x0b\x00\x00\xfd\xe8\x00\x00\x00\x01\x03\x81\x06")})
	const want = `{ "protocol": [ "=tcp" ], "rd": "65000:1", "next-hop": "192.0.2.1", "string": "flow protocol =tcp rd 65000:1 next-hop 192.0.2.1" }`
	if diff := cmp.Diff(want, string(spec.AppendJSON(nil, j))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6, &IPv4VPN, &IPv6VPN}, web, "0d04121f90541f98910c380a8164", "0909001000804201c240",
		"14012000 20010db8024020000000010da1000ff000", "0d0000fde8000000010118c00002", "f003038106")
}

func BenchmarkNext(b *testing.B) {
	in, err := hex.DecodeString(strings.ReplaceAll(web, " ", ""))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := IPv4.Next(in); err != nil {
			b.Fatal(err)
		}
	}
}
