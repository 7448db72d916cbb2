package evpn

import (
	"bytes"
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const (
	mac    = "02 25 0001c00002010001 00000000000000000000 00000064 30 001122334455 20 0a000001 000641"
	prefix = "05 22 0001c00002010001 00000000000000000000 00000000 18 0a010200 00000000 002710"
)

func TestForms(t *testing.T) {
	nlritest.Run(t, &Codec, []nlritest.Case{
		{Wire: "01 19 0000fde800000001 00112233445566778899 ffffffff 000000", Text: "ethernet-ad rd 65000:1 esi 00:11:22:33:44:55:66:77:88:99 ethernet-tag 4294967295 vni 0",
			JSON: `{"code": 1, "parsed": true, "raw": "01190000FDE80000000100112233445566778899FFFFFFFF000000", "name": "Ethernet Auto-Discovery", "rd": "65000:1",
				"esi": "00:11:22:33:44:55:66:77:88:99", "ethernet-tag": 4294967295, "label": [[0]]}`},
		{Wire: mac, Text: "mac-ip rd 192.0.2.1:1 esi - ethernet-tag 100 mac 00:11:22:33:44:55 ip 10.0.0.1 label 100",
			Said: "mac-ip label 100 ip 10.0.0.1 mac 00:11:22:33:44:55 ethernet-tag 100 rd 192.0.2.1:1",
			JSON: `{"code": 2, "parsed": true, "raw": "02250001C00002010001000000000000000000000000006430001122334455200A000001000641", "name": "MAC/IP advertisement", "rd": "192.0.2.1:1",
				"esi": "-", "ethernet-tag": 100, "mac": "00:11:22:33:44:55", "label": [[100, 1601]], "ip": "10.0.0.1"}`},
		{Wire: "02 24 0001c00002010001 00000000000000000000 00000000 30 001122334455 00 002710 002711", Text: "mac-ip rd 192.0.2.1:1 esi - ethernet-tag 0 mac 00:11:22:33:44:55 vni [ 10000 10001 ]",
			JSON: `{"code": 2, "parsed": true, "raw": "02240001C0000201000100000000000000000000000000003000112233445500002710002711", "name": "MAC/IP advertisement", "rd": "192.0.2.1:1",
				"esi": "-", "ethernet-tag": 0, "mac": "00:11:22:33:44:55", "label": [[625, 10000], [625, 10001]]}`},
		{Wire: "03 11 0001c00002010001 00000000 20 c0000201", Text: "multicast rd 192.0.2.1:1 ethernet-tag 0 ip 192.0.2.1",
			JSON: `{"code": 3, "parsed": true, "raw": "03110001C000020100010000000020C0000201", "name": "Inclusive Multicast Ethernet Tag", "rd": "192.0.2.1:1", "ethernet-tag": 0, "ip": "192.0.2.1"}`},
		{Wire: "04 17 0001c00002010001 00112233445566778899 20 c0000201", Text: "segment rd 192.0.2.1:1 esi 00:11:22:33:44:55:66:77:88:99 ip 192.0.2.1",
			JSON: `{"code": 4, "parsed": true, "raw": "04170001C000020100010011223344556677889920C0000201", "name": "Ethernet Segment", "rd": "192.0.2.1:1", "esi": "00:11:22:33:44:55:66:77:88:99", "ip": "192.0.2.1"}`},
		{Wire: prefix, Text: "ip-prefix rd 192.0.2.1:1 esi - ethernet-tag 0 prefix 10.1.2.0/24 gateway 0.0.0.0 vni 10000", Said: "ip-prefix rd 192.0.2.1:1 prefix 10.1.2.0/24 vni 10000",
			JSON: `{"code": 5, "parsed": true, "raw": "05220001C000020100010000000000000000000000000000180A01020000000000002710", "name": "IP Prefix Advertisement", "rd": "192.0.2.1:1",
				"esi": "-", "ethernet-tag": 0, "label": [[625, 10000]], "ip": "10.1.2.0", "iplen": 24, "gateway": "0.0.0.0"}`},
		{Wire: "0b 02 ffff", Text: "octets 0x0B02FFFF", JSON: `{"code": 11, "parsed": false, "raw": "0B02FFFF"}`},
	})
	nlritest.NoAllocations(t, &Codec, mac)
	nlritest.NoAllocations(t, &Codec, prefix)
}

func TestWrong(t *testing.T) {
	nlritest.Wrong(t, &Codec, map[string]string{
		"rd 1:1":                              "want ethernet-ad, mac-ip, multicast, segment or ip-prefix",
		"mac-ip rd 1:1":                       "want mac",
		"mac-ip rd 1:1 mac 00:11:22:33:44:55": "label: want one label or vni, or two of mac-ip, got 0",
		"multicast rd 1:1 ip 1.1.1.1 label 5": "label: the route type has none",
		"ip-prefix rd 1:1 prefix ::/0 gateway 1.1.1.1 label 5": "gateway: want an address of the prefix's address family",
		"mac-ip segment": "want one route type",
		"multicast rd 1:1 ip 1.1.1.1 mac 00:11:22:33:44:55":             "mac: the route type has none",
		"multicast rd 1:1 ip 1.1.1.1 esi 00:11:22:33:44:55:66:77:88:99": "esi: the route type has none",
		"segment rd 1:1 ip 1.1.1.1 ethernet-tag 7":                      "ethernet-tag: the route type has none",
		"segment rd 1:1 ip 1.1.1.1 gateway 1.1.1.1":                     "gateway: the route type has none",
		"ip-prefix rd 1:1 prefix 10.0.0.0/8 ip 1.1.1.1 label 5":         "ip: the route type has none",
		"ethernet-ad rd 1:1 prefix 10.0.0.0/8 label 5":                  "prefix: the route type has none",
		"mac 0:1":   `want a MAC address like 00:11:22:33:44:55, got "0:1"`,
		"esi 00:11": `want an ethernet segment identifier like 00:11:22:33:44:55:66:77:88:99, got "00:11"`,
	})
	for in, want := range map[string]string{
		"\x02\x05\x00": "a route of 5 octets, 1 left",
		"\x03\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00": "route type 3: at octet 10: want 4 octets, 1 left",
	} {
		if _, _, err := Codec.Next([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", in, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	for _, pair := range [][2]string{
		{"mac-ip rd 1:1 esi 00:11:22:33:44:55:66:77:88:99 mac 00:11:22:33:44:55 label 1", "mac-ip rd 1:1 mac 00:11:22:33:44:55 label [ 2 3 ]"},
		{"ethernet-ad rd 1:1 label 1", "ethernet-ad rd 1:1 label 2"},
		{"ip-prefix rd 1:1 prefix 10.0.0.0/8 label 1", "ip-prefix rd 1:1 prefix 10.0.0.0/8 gateway 1.1.1.1 label 2"},
	} {
		a, err := nlritest.Say(&Codec, pair[0])
		b, err2 := nlritest.Say(&Codec, pair[1])
		if err != nil || err2 != nil || !bytes.Equal(key(nil, a), key(nil, b)) {
			t.Errorf("%s and %s are two routes: %v %v", pair[0], pair[1], err, err2)
		}
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&Codec}, mac, prefix, "03110001c000020100010000000020c0000201", "0b02ffff",
		"02240001c00002010001000000000000000000000000000030001122334455000027 10002711")
}

func BenchmarkNext(b *testing.B) {
	body, err := nlritest.Say(&Codec, "mac-ip rd 192.0.2.1:1 mac 00:11:22:33:44:55 ip 10.0.0.1 label 100")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Codec.Next(body); err != nil {
			b.Fatal(err)
		}
	}
}
