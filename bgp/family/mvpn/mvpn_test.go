package mvpn

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const join = "07 16 0000fde800000001 0000fde8 20 0a630c02 20 efff0101"

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: "01 0c 0000fde800000001 c0000201", Text: "intra-as rd 65000:1 originator 192.0.2.1",
			JSON: `{"code": 1, "parsed": true, "raw": "010C0000FDE800000001C0000201", "name": "Intra-AS I-PMSI A-D route", "rd": "65000:1", "originator": "192.0.2.1"}`},
		{Wire: "02 0c 0000fde800000001 0000fde8", Text: "inter-as rd 65000:1 source-as 65000",
			JSON: `{"code": 2, "parsed": true, "raw": "020C0000FDE8000000010000FDE8", "name": "Inter-AS I-PMSI A-D route", "rd": "65000:1", "source-as": "65000"}`},
		{Wire: "03 0e 0000fde800000001 00 00 c0000201", Text: "s-pmsi source * group * rd 65000:1 originator 192.0.2.1",
			JSON: `{"code": 3, "parsed": true, "raw": "030E0000FDE8000000010000C0000201", "name": "S-PMSI A-D route", "rd": "65000:1", "source": "*", "group": "*", "originator": "192.0.2.1"}`},
		{Wire: "04 02 ffff", Text: "octets 0x0402FFFF", JSON: `{"code": 4, "parsed": false, "raw": "0402FFFF"}`},
		{Wire: "05 12 0000fde800000001 20 0a630c02 20 efff0101", Text: "source-ad source 10.99.12.2 group 239.255.1.1 rd 65000:1",
			JSON: `{"code": 5, "parsed": true, "raw": "05120000FDE800000001200A630C0220EFFF0101", "name": "Source Active A-D Route", "rd": "65000:1", "source": "10.99.12.2", "group": "239.255.1.1"}`},
		{Wire: "06 16 0000fde800000001 0000fde8 20 0a630c02 20 efff0101", Text: "shared-join rp 10.99.12.2 group 239.255.1.1 rd 65000:1 source-as 65000",
			JSON: `{"code": 6, "parsed": true, "raw": "06160000FDE8000000010000FDE8200A630C0220EFFF0101", "name": "C-Multicast Shared Tree Join route", "rd": "65000:1", "source-as": "65000", "source": "10.99.12.2", "group": "239.255.1.1"}`},
		{Wire: join, Text: "source-join source 10.99.12.2 group 239.255.1.1 rd 65000:1 source-as 65000",
			JSON: `{"code": 7, "parsed": true, "raw": "07160000FDE8000000010000FDE8200A630C0220EFFF0101", "name": "C-Multicast Source Tree Join route", "rd": "65000:1", "source-as": "65000", "source": "10.99.12.2", "group": "239.255.1.1"}`},
	})
	nlritest.NoAllocations(t, &IPv4, join)
}

func TestWrong(t *testing.T) {
	nlritest.Wrong(t, &IPv6, map[string]string{
		"rd 1:1":                        "want source-ad, shared-join, source-join, intra-as, inter-as or s-pmsi",
		"source-join rd 1:1 source ::1": "want source (or rp) and group",
		"source-join rd 1:1 source ::1 group ff02::1":           "want source-as",
		"source-ad rd 1:1 source ::1 group ff02::1 source-as 1": "source-as: the route type has none",
		"intra-as rd 1:1 originator ::1 source ::1":             "source: the route type has none",
		"inter-as rd 1:1 source-as 1 group ::1":                 "group: the route type has none",
		"inter-as rd 1:1 source-as 1 originator ::1":            "originator: the route type has none",
		"octets 0x0600": "octets: route type 6: at octet 2: want 8 octets, 0 left",
	})
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6}, join, "010c0000fde800000001c0000201", "030e0000fde8000000010000c0000201", "0402ffff")
}
