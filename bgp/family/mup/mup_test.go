package mup

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const session = "010003 1c 0000006400000064 20 c0000202 00003039 09 20 0a000001 20 0a000101"

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: "010001 0c 0000006400000064 18 c00002", Text: "mup-isd 192.0.2.0/24 rd 100:100",
			JSON: `{"name": "InterworkSegmentDiscoveryRoute", "arch": 1, "code": 1, "prefix_ip_len": 24, "prefix_ip": "192.0.2.0", "rd": "100:100", "raw": "0100010C000000640000006418C00002"}`},
		{Wire: "010002 0c 0000006400000064 c0000201", Text: "mup-dsd 192.0.2.1 rd 100:100",
			JSON: `{"name": "DirectSegmentDiscoveryRoute", "arch": 1, "code": 2, "ip": "192.0.2.1", "rd": "100:100", "raw": "0100020C0000006400000064C0000201"}`},
		{Wire: session, Text: "mup-t1st 192.0.2.2/32 rd 100:100 teid 12345 qfi 9 endpoint 10.0.0.1 source 10.0.1.1",
			JSON: `{"name": "Type1SessionTransformedRoute", "arch": 1, "code": 3, "prefix_ip_len": 32, "prefix_ip": "192.0.2.2", "teid": "12345", "qfi": "9", "rd": "100:100",
				"endpoint_ip_len": 32, "endpoint_ip": "10.0.0.1", "source_ip_len": 32, "source_ip": "10.0.1.1", "raw": "0100031C000000640000006420C00002020000303909200A000001200A000101"}`},
		{Wire: "010004 11 0000006400000064 40 c0000201 00003039", Text: "mup-t2st 192.0.2.1 rd 100:100 teid 12345/32",
			JSON: `{"name": "Type2SessionTransformedRoute", "arch": 1, "code": 4, "endpoint_len": 64, "endpoint_ip": "192.0.2.1", "teid": "12345", "rd": "100:100", "raw": "01000411000000640000006440C000020100003039"}`},
		{Wire: "010004 0f 0000006400000064 2a c0000201 ffc0", Text: "mup-t2st 192.0.2.1 rd 100:100 teid 1023/10",
			JSON: `{"name": "Type2SessionTransformedRoute", "arch": 1, "code": 4, "endpoint_len": 42, "endpoint_ip": "192.0.2.1", "teid": "1023", "rd": "100:100", "raw": "0100040F00000064000000642AC0000201FFC0"}`},
		{Wire: "020001 02 ffff", Text: "octets 0x02000102FFFF", JSON: `{"parsed": false, "raw": "02000102FFFF"}`},
	})
	nlritest.NoAllocations(t, &IPv4, session)
}

func TestWrong(t *testing.T) {
	nlritest.Wrong(t, &IPv4, map[string]string{
		"rd 1:1":                                            "want mup-isd, mup-dsd, mup-t1st or mup-t2st",
		"mup-isd 2001:db8::/32 rd 1:1":                      `want a prefix of ipv4 mup, got "2001:db8::/32"`,
		"mup-t1st 10.0.0.1 rd 1:1 teid 5":                   "want endpoint, and a teid of 32 bits",
		"mup-t2st 10.0.0.1 rd 1:1":                          "want teid",
		"mup-isd 10.0.0.0/8 rd 1:1 teid 5":                  "teid: the route type has none",
		"mup-dsd 10.0.0.1 rd 1:1 qfi 5":                     "qfi: the route type has none",
		"mup-t2st 10.0.0.1 rd 1:1 teid 5 endpoint 10.0.0.2": "endpoint: the route type has none",
		"mup-t2st 10.0.0.1 rd 1:1 teid 5 source none":       "source: the route type has none",
		"mup-t2st 10.0.0.1 rd 1:1 teid 256/8":               `want a TEID like 12345 or 12345/32, got "256/8"`,
		"octets 0x01000104":                                 "octets: a route of 4 octets, 0 left",
	})
	for in, want := range map[string]string{
		"\x01\x00": "want a header of 4 octets, 2 left",
		"\x01\x00\x01\x09\x00\x00\x00\x01\x00\x00\x00\x01\x21": "prefix length 33, want at most 32",
	} {
		if _, _, err := IPv4.Next([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", in, err, want)
		}
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6}, session, "0100010c000000640000006418c00002", "0100020c0000006400000064c0000201",
		"0100040f00000064000000642ac0000201ffc0", "02000102ffff", "0100010d00000064000000640fc0ffff00"[:34])
}
