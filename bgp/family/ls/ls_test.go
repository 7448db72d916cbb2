package ls

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const (
	wireNode = "0001 0027 01 0000000000000004 0100 001a 0200 0004 0000fde8 0201 0004 0000008b 0203 0006 192168251231"
	wireLink = "0002 0057 03 0000000000000000 0100 000c 0200 0004 0000fde9 0999 0000" +
		"0101 000c 0203 0008 0a010401 0a010102 0102 0008 00000010 00000000 0103 0004 0a010101 0105 0010 20010db8000000000000000000000001 0107 0002 0002"
	wirePrefix = "0003 0020 02 00000000000002bc 0100 0008 0203 0004 0a000001 0108 0001 01 0109 0002 080a"
)

func TestPlain(t *testing.T) {
	nlritest.Run(t, &Codec, []nlritest.Case{
		{
			Text: "node protocol isis-l1 identifier 4 local [ as 65000 bgp-ls-id 139 router-id 1921.6825.1231 ]",
			Wire: wireNode,
			JSON: `{"ls-nlri-type": "bgpls-node", "l3-routing-topology": 4, "protocol-id": 1, "node-descriptors": [
				{"autonomous-system": 65000}, {"bgp-ls-identifier": "139"}, {"router-id": "192168251231"}]}`,
		},
		{
			Text: "link protocol ospfv2 identifier 0 local [ as 65001 tlv 2457 0x ] remote [ router-id 10.1.4.1-10.1.1.2 ] link-id 16 0 interface-address 10.1.1.1 interface-address 2001:db8::1 multi-topology [ 2 ]",
			Said: "link multi-topology 2 interface-address 2001:db8::1 interface-address 10.1.1.1 link-id 16 0 remote [ router-id 10.1.4.1-10.1.1.2 ] local [ tlv 2457 0x as 65001 ] protocol 3",
			Wire: wireLink,
			JSON: `{"ls-nlri-type": "bgpls-link", "l3-routing-topology": 0, "protocol-id": 3,
				"local-node-descriptors": [{"autonomous-system": 65001}, {"tlv-2457": "0x"}],
				"remote-node-descriptors": [{"router-id": "10.1.4.1", "designated-router-id": "10.1.1.2"}],
				"interface-addresses": ["10.1.1.1", "2001:db8::1"], "neighbor-addresses": [],
				"multi-topology-ids": [2], "link-identifiers": [{"link-local-id": 16, "link-remote-id": 0}]}`,
		},
		{
			Text: "prefix-v4 protocol isis-l2 identifier 700 local [ router-id 10.0.0.1 ] ospf-route-type 1 prefix 10.0.0.0/8",
			Wire: wirePrefix,
			JSON: `{"ls-nlri-type": "bgpls-prefix-v4", "l3-routing-topology": 700, "protocol-id": 2, "node-descriptors": [{"router-id": "10.0.0.1"}],
				"ospf-route-type": 1, "ip-reachability-tlv": "10.0.0.0/8", "ip-reach-prefix": "10.0.0.0/8"}`,
		},
		{
			Text: "srv6-sid protocol 200 identifier 0 local [ area 0.0.0.1 router-id 0000.0000.0013.02 ] sid 2001:db8::1",
			Wire: "0006 0034 c8 0000000000000000 0100 0013 0202 0004 00000001 0203 0007 00000000001302 0206 0010 20010db8000000000000000000000001",
			JSON: `{"ls-nlri-type": "bgpls-srv6-sid", "l3-routing-topology": 0, "protocol-id": 200,
				"node-descriptors": [{"ospf-area-id": "0.0.0.1"}, {"router-id": "00000000001302", "psn": "2"}], "srv6-sid": "2001:db8::1"}`,
		},
		{Text: "octets 0x00630002ABCD", Wire: "0063 0002 abcd", JSON: `{"code": 99, "parsed": false, "raw": "00630002ABCD"}`},
	})
}

// TestOdd has NLRI that the words of their kind do not give: without what is
// mandatory, with it twice, or out of order. They are said as octets.
func TestOdd(t *testing.T) {
	for wire, json := range map[string]string{
		"00010009020000000000000000":                                         `"bgpls-node", "node-descriptors": []`,
		"0001001D02000000000000000001000010020300040A000001020000040000FDE8": `"bgpls-node", "node-descriptors": [{"router-id": "10.0.0.1"}, {"autonomous-system": 65000}]`,
		"0003002102000000000000000001000008020300040A00000101090002080A010700020002": `"bgpls-prefix-v4", "node-descriptors": [{"router-id": "10.0.0.1"}],
			"ip-reachability-tlv": "10.0.0.0/8", "ip-reach-prefix": "10.0.0.0/8", "multi-topology-ids": [2]`,
		"0006003D02000000000000000001000008020300040A00000102060010000000000000000000000000000000010206001000000000000000000000000000000002": `"bgpls-srv6-sid",
			"node-descriptors": [{"router-id": "10.0.0.1"}], "srv6-sid": "::1"`,
	} {
		nlritest.Run(t, &Codec, []nlritest.Case{{Text: "octets 0x" + wire, Wire: wire, JSON: `{"l3-routing-topology": 0, "protocol-id": 2, "ls-nlri-type": ` + json + "}"}})
	}
}

// TestNoWords has descriptors without a word, more than one with a code, and
// reserved bits of a topology.
func TestNoWords(t *testing.T) {
	nlritest.Run(t, &Codec, []nlritest.Case{{
		Text: "link protocol isis-l2 identifier 0 local [ router-id 10.0.0.1 ] remote [ ] tlv 263 0xF002 tlv 999 0x01 tlv 999 0x02",
		Wire: "0002 0029 02 0000000000000000 0100 0008 0203 0004 0a000001 0101 0000 0107 0002 f002 03e7 0001 01 03e7 0001 02",
		JSON: `{"ls-nlri-type": "bgpls-link", "l3-routing-topology": 0, "protocol-id": 2, "local-node-descriptors": [{"router-id": "10.0.0.1"}],
			"remote-node-descriptors": [], "interface-addresses": [], "neighbor-addresses": [], "multi-topology-ids": [2], "link-identifiers": [],
			"tlv-999": ["0x01", "0x02"]}`,
	}})
}

func TestVPN(t *testing.T) {
	nlritest.Run(t, &VPN, []nlritest.Case{{
		Text: "prefix-v6 rd 65000:1 protocol direct identifier 0 local [ bgp-router-id 192.0.2.1 member-as 65001 ] prefix 2001:db8::/32",
		Wire: "0004 002e 0000fde800000001 04 0000000000000000 0100 0010 0204 0004 c0000201 0205 0004 0000fde9 0109 0005 20 20010db8",
		JSON: `{"ls-nlri-type": "bgpls-prefix-v6", "l3-routing-topology": 0, "protocol-id": 4, "rd": "65000:1",
			"node-descriptors": [{"bgp-router-id": "192.0.2.1"}, {"confederation-member": 65001}],
			"ip-reachability-tlv": "2001:db8::/32", "ip-reach-prefix": "2001:db8::/32"}`,
	}})
}

// TestNextHopInside is API version 4.
func TestNextHopInside(t *testing.T) {
	o := Object{Kind: Node, Protocol: 1}
	j := &nlri.JSON{Legacy: true, NextHop: []byte{192, 0, 2, 1}}
	want := `{ "ls-nlri-type": "bgpls-node", "l3-routing-topology": 0, "protocol-id": 1, "node-descriptors": [  ], "nexthop": "192.0.2.1" }`
	if got := string(o.AppendJSON(nil, j)); got != want {
		t.Errorf("got %s", got)
	}
	o.Kind = Link
	if got, want := string(o.AppendJSON(nil, j)), string(o.AppendJSON(nil, nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWrong(t *testing.T) {
	nlritest.Wrong(t, &Codec, map[string]string{
		"protocol bgp":                                "want node, link, prefix-v4, prefix-v6 or srv6-sid",
		"node local [ as 1 ]":                         "want protocol",
		"node protocol rip":                           `want a protocol like ospfv2, or 0-255, got "rip"`,
		"node protocol bgp local as 1":                `want [, got "as"`,
		"node protocol bgp local [ prefix 10.0.0.0 ]": `want a descriptor or ], got "prefix"`,
		"node protocol bgp local [ router-id 1.2 ]":   `router-id: want a router like 192.0.2.1, 192.0.2.1-192.0.2.2, 1921.6800.0001 or 1921.6800.0001.02, got "1.2"`,
		"node protocol bgp local [ as 1":              `want a descriptor or ], got nothing`,
		"node protocol bgp rd 1:1":                    "rd: want it for bgp-ls-vpn, and only there",
		"node protocol bgp":                           "want local",
		"node protocol bgp local [ ] local [ ]":       "local: want it once",
		"link protocol bgp local [ ]":                 "want remote",
		"prefix-v4 protocol bgp local [ ]":            "want prefix",
		"srv6-sid protocol bgp local [ ]":             "want sid",
		"node octets 0x00630000":                      "octets: want one whole NLRI, and no type beside it",
		"link protocol bgp multi-topology 4096":       `want a topology 0-4095, got "4096"`,
		"prefix-v4 protocol bgp prefix 2001:db8::/32": "prefix: 2001:db8::/32 does not fit the type",
		"node protocol bgp tlv 256 0x00":              "want local [ … ] or remote [ … ]",
		"octets 0x00010000":                           "octets: an NLRI of 0 octets, want 9 or more",
	})
	for wire, want := range map[string]string{
		"\x00\x01":         "want a header of 4 octets, 2 left",
		"\x00\x01\x00\x09": "a route of 9 octets, 0 left",
		"\x00\x01\x00\x00": "an NLRI of 0 octets, want 9 or more",
		"\x00\x01\x00\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01":                     "a descriptor goes beyond what it stands in, 1 octets left",
		"\x00\x01\x00\x0f\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x02\x00\x00": "a descriptor goes beyond what it stands in, 2 octets left",
	} {
		if _, _, err := Codec.Next([]byte(wire)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", wire, err, want)
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) { nlritest.NoAllocations(t, &Codec, wireLink) }

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&Codec, &VPN}, wireNode, wireLink, wirePrefix, "0063 0002 abcd")
}
