package lab_test

import (
	"fmt"
	"strings"
)

// birdSpeaks is BIRD 2.0.
var birdSpeaks = speaker{
	top: `ipv4 table m4; ipv6 table m6; flow4 table f4; flow6 table f6; vpn4 table v4; vpn6 table v6; ipv4 table l4; ipv6 table l6;
protocol static { ipv4 { table m4; }; route 10.2.0.0/24 unreachable; }
protocol static { ipv6 { table m6; }; route 2001:db8:2::/48 unreachable; }
protocol static { ipv4 { table l4; }; route 10.2.0.0/24 via 10.0.0.9 mpls 200; }
protocol static { ipv6 { table l6; }; route 2001:db8:2::/48 via 2001:db8::9 mpls 200; }
protocol static { flow4 { table f4; }; route flow4 { dst 10.2.0.0/24; proto = 6; dport = 80; }; }
protocol static { flow6 { table f6; }; route flow6 { dst 2001:db8:2::/48; }; }
protocol static { vpn4 { table v4; }; route 65000:2 10.2.0.0/24 via 10.0.0.9 mpls 200; }
protocol static { vpn6 { table v6; }; route 65000:2 2001:db8:2::/48 via 2001:db8::9 mpls 200; }
`,
	channels: `	ipv4 multicast { table m4; import all; export all; };
	ipv6 multicast { table m6; import all; export all; };
	ipv4 mpls { table l4; import all; export all; };
	ipv6 mpls { table l6; import all; export all; };
	flow4 { table f4; import all; export all; };
	flow6 { table f6; import all; export all; };
	vpn4 mpls { table v4; import all; export all; };
	vpn6 mpls { table v6; import all; export all; };
`,
	exchanges: []exchange{
		{"ipv4 multicast", "10.1.0.0/24 next-hop 10.0.0.1", []string{"show route table m4"}, "10.1.0.0/24", nil, `"ipv4 multicast": { "10.0.0.2": [ { "nlri": "10.2.0.0/24" } ] }`},
		{"ipv6 multicast", "2001:db8:1::/48 next-hop 2001:db8::1", []string{"show route table m6"}, "2001:db8:1::/48", nil, `{ "nlri": "2001:db8:2::/48" }`},
		{"ipv4 nlri-mpls", "10.1.0.0/24 label 100 next-hop 10.0.0.1", []string{"show route table l4 all"}, "mpls 100", nil, `{ "nlri": "10.2.0.0/24", "label": [ [200, 3201] ] }`},
		{"ipv6 nlri-mpls", "2001:db8:1::/48 label 100 next-hop 2001:db8::1", []string{"show route table l6 all"}, "mpls 100", nil, `{ "nlri": "2001:db8:2::/48", "label": [ [200, 3201] ] }`},
		{"ipv4 flow", "destination 10.1.0.0/24 protocol =udp discard", []string{"show route table f4"}, "dst 10.1.0.0/24; proto 17;", nil,
			`"destination-ipv4": [ "10.2.0.0/24" ], "protocol": [ "=tcp" ], "destination-port": [ "=80" ]`},
		{"ipv6 flow", "destination 2001:db8:1::/48/0 discard", []string{"show route table f6"}, "dst 2001:db8:1::/48", nil, `"destination-ipv6": [ "2001:db8:2::/48/0" ]`},
		{"ipv4 mpls-vpn", "10.1.0.0/24 rd 65000:1 label 100 next-hop 10.0.0.1", []string{"show route table v4 all"}, "65000:1 10.1.0.0/24", nil,
			`{ "nlri": "10.2.0.0/24", "label": [ [200, 3201] ], "rd": "65000:2" }`},
		{"ipv6 mpls-vpn", "2001:db8:1::/48 rd 65000:1 label 100 next-hop 2001:db8::1", []string{"show route table v6 all"}, "65000:1 2001:db8:1::/48", nil,
			`{ "nlri": "2001:db8:2::/48", "label": [ [200, 3201] ], "rd": "65000:2" }`},
	},
}

// frrSpeaks is FRR 8.4. Of flow, EVPN and, without zebra, labelled prefixes it
// announces nothing by itself.
var frrSpeaks = speaker{
	channels: ` address-family ipv4 multicast
  neighbor 10.0.0.1 activate
  network 10.2.0.0/24
 exit-address-family
 address-family ipv6 multicast
  neighbor 10.0.0.1 activate
  network 2001:db8:2::/48
 exit-address-family
 address-family ipv4 vpn
  neighbor 10.0.0.1 activate
  network 10.2.0.0/24 rd 65000:2 label 200
 exit-address-family
 address-family ipv6 vpn
  neighbor 10.0.0.1 activate
 exit-address-family
 address-family l2vpn evpn
  neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv4 flowspec
  neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv6 flowspec
  neighbor 10.0.0.1 activate
 exit-address-family
`,
	exchanges: []exchange{
		{"ipv4 multicast", "10.1.0.0/24 next-hop 10.0.0.1", []string{"show bgp ipv4 multicast"}, "10.1.0.0/24", nil, ""},
		{"ipv6 multicast", "2001:db8:1::/48 next-hop 2001:db8::1", []string{"show bgp ipv6 multicast"}, "2001:db8:1::/48", nil, `"ipv6 multicast"`},
		{"ipv4 mpls-vpn", "10.1.0.0/24 rd 65000:1 label 100 next-hop 10.0.0.1 extended-community target:65000:1", []string{"show bgp ipv4 vpn"}, "10.1.0.0/24", nil, `"rd": "65000:2"`},
		{"ipv6 mpls-vpn", "2001:db8:1::/48 rd 65000:1 label 100 next-hop 2001:db8::1 extended-community target:65000:1", []string{"show bgp ipv6 vpn"}, "2001:db8:1::/48", nil, ""},
		{"l2vpn evpn", "mac-ip rd 192.0.2.1:1 mac 00:11:22:33:44:55 ip 10.1.0.5 label 100 next-hop 10.0.0.1 extended-community target:65000:1", []string{"show bgp l2vpn evpn"}, "[2]:[0]:[48]:[00:11:22:33:44:55]:[32]:[10.1.0.5]", nil, ""},
		{"l2vpn evpn", "multicast rd 192.0.2.1:1 ip 192.0.2.1 next-hop 10.0.0.1 extended-community target:65000:1", []string{"show bgp l2vpn evpn"}, "[3]:[0]:[32]:[192.0.2.1]", nil, ""},
		{"l2vpn evpn", "ip-prefix rd 192.0.2.1:1 prefix 10.1.0.0/24 label 100 next-hop 10.0.0.1 extended-community target:65000:1", []string{"show bgp l2vpn evpn"}, "[5]:[0]:[24]:[10.1.0.0]", nil, ""},
		{"ipv4 flow", "destination 10.1.0.0/24 protocol =tcp discard", []string{"show bgp ipv4 flowspec"}, "10.1.0.0/24", nil, ""},
		{"ipv6 flow", "destination 2001:db8:1::/48/0 discard", []string{"show bgp ipv6 flowspec"}, "2001:db8:1::/48", nil, ""},
		{"ipv6 flow", "source ::1234:1/128/96 discard", []string{"show bgp ipv6 flowspec"}, "from ::18.52.0.1/128/off 96", nil, ""},
	},
}

// frrLabelled is FRR with labelled prefixes, which it speaks in place of plain
// ones.
var frrLabelled = speaker{
	channels: ` address-family ipv4 unicast
  no neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv6 unicast
  no neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv4 labeled-unicast
  neighbor 10.0.0.1 activate
 exit-address-family
 address-family ipv6 labeled-unicast
  neighbor 10.0.0.1 activate
 exit-address-family
`,
	exchanges: []exchange{
		{"ipv4 nlri-mpls", "10.1.0.0/24 label 100 next-hop 10.0.0.1", []string{"show bgp ipv4 labeled-unicast"}, "10.1.0.0/24", nil, ""},
		{"ipv6 nlri-mpls", "2001:db8:1::/48 label 100 next-hop 2001:db8::1", []string{"show bgp ipv6 labeled-unicast"}, "2001:db8:1::/48", nil, ""},
	},
}

// gobgpSpeaks is GoBGP 3.10. Its client has no words for VPLS and SR policies,
// and none to announce link state: what it took of these shows as a number.
func gobgpSpeaks() speaker {
	rib := func(family string) []string { return []string{"global", "rib", "-a", family} }
	add := func(family, words string) []string {
		return append([]string{"global", "rib", "add", "-a", family}, strings.Fields(words)...)
	}
	neighbor := []string{"-j", "neighbor", box4.String()}
	accepted := func(afi, safi int) string {
		return fmt.Sprintf(`{"afi":%d,"safi":%d},"enabled":true,"received":1,"accepted":1}`, afi, safi)
	}
	s := speaker{exchanges: []exchange{
		{"ipv4 nlri-mpls", "10.1.0.0/24 label 100 next-hop 10.0.0.1", rib("ipv4-mpls"), "10.1.0.0/24", add("ipv4-mpls", "10.2.0.0/24 200"), `{ "nlri": "10.2.0.0/24", "label": [ [200, 3201] ] }`},
		{"ipv6 nlri-mpls", "2001:db8:1::/48 label 100 next-hop 2001:db8::1", rib("ipv6-mpls"), "2001:db8:1::/48", add("ipv6-mpls", "2001:db8:2::/48 200"), `{ "nlri": "2001:db8:2::/48", "label": [ [200, 3201] ] }`},
		{"ipv4 mpls-vpn", "10.1.0.0/24 rd 65000:1 label 100 next-hop 10.0.0.1 extended-community target:65000:1", rib("vpnv4"), "65000:1:10.1.0.0/24", add("vpnv4", "10.2.0.0/24 label 200 rd 65000:2 rt 65000:2"),
			`{ "nlri": "10.2.0.0/24", "label": [ [200, 3201] ], "rd": "65000:2" }`},
		{"ipv6 mpls-vpn", "2001:db8:1::/48 rd 65000:1 label 100 next-hop 2001:db8::1 extended-community target:65000:1", rib("vpnv6"), "65000:1:2001:db8:1::/48", add("vpnv6", "2001:db8:2::/48 label 200 rd 65000:2 rt 65000:2"),
			`{ "nlri": "2001:db8:2::/48", "label": [ [200, 3201] ], "rd": "65000:2" }`},
		{"ipv4 flow", "destination 10.1.0.0/24 protocol =tcp discard", rib("ipv4-flowspec"), "[destination: 10.1.0.0/24][protocol: ==tcp]", add("ipv4-flowspec", "match destination 10.2.0.0/24 then discard"), `"destination-ipv4": [ "10.2.0.0/24" ]`},
		{"ipv6 flow", "destination 2001:db8:1::/48/0 discard", rib("ipv6-flowspec"), "[destination: 2001:db8:1::/48/0]", add("ipv6-flowspec", "match destination 2001:db8:2::/48 then discard"), `"destination-ipv6": [ "2001:db8:2::/48/0" ]`},
		{"ipv6 flow", "source ::1234:1/128/96 discard", rib("ipv6-flowspec"), "[source: ::1234:1/128/96]", nil, ""},
		{"ipv4 flow-vpn", "rd 65000:1 destination 10.1.0.0/24 discard", rib("ipv4-l3vpn-flowspec"), "[rd: 65000:1][destination: 10.1.0.0/24]", add("ipv4-l3vpn-flowspec", "rd 65000:2 match destination 10.2.0.0/24 then discard"), `"rd": "65000:2"`},
		{"ipv6 flow-vpn", "rd 65000:1 destination 2001:db8:1::/48/0 discard", rib("ipv6-l3vpn-flowspec"), "[rd: 65000:1][destination: 2001:db8:1::/48/0]", add("ipv6-l3vpn-flowspec", "rd 65000:3 match destination 2001:db8:2::/48 then discard"), `"rd": "65000:3"`},
		{"l2vpn evpn", "ethernet-ad rd 192.0.2.1:1 esi 00:11:22:33:44:55:66:77:88:99 ethernet-tag 5 label 100 next-hop 10.0.0.1", rib("evpn"), "[type:A-D][rd:192.0.2.1:1]",
			add("evpn", "a-d esi LACP aa:bb:cc:dd:ee:ff 100 etag 1000 label 200 rd 1.1.1.1:2 rt 65000:2"), `"name": "Ethernet Auto-Discovery"`},
		{"l2vpn evpn", "mac-ip rd 192.0.2.1:1 mac 00:11:22:33:44:55 ip 10.1.0.5 label 100 next-hop 10.0.0.1", rib("evpn"), "[type:macadv][rd:192.0.2.1:1][etag:0][mac:00:11:22:33:44:55][ip:10.1.0.5]",
			add("evpn", "macadv aa:bb:cc:dd:ee:04 10.2.0.4 etag 1000 label 200 rd 1.1.1.1:2 rt 65000:2"), `"mac": "AA:BB:CC:DD:EE:04"`},
		{"l2vpn evpn", "multicast rd 192.0.2.1:1 ip 192.0.2.1 next-hop 10.0.0.1 pmsi ingress-replication label 100 192.0.2.1", rib("evpn"), "[type:multicast][rd:192.0.2.1:1][etag:0][ip:192.0.2.1]",
			add("evpn", "multicast 10.2.0.4 etag 1000 rd 1.1.1.1:2 rt 65000:2 pmsi ingress-repl 200 1.1.1.1"), `"pmsi": "pmsi:ingressreplication:`},
		{"l2vpn evpn", "segment rd 192.0.2.1:1 esi 00:11:22:33:44:55:66:77:88:99 ip 192.0.2.1 next-hop 10.0.0.1", rib("evpn"), "[type:esi][rd:192.0.2.1:1]",
			add("evpn", "esi 10.2.0.4 esi LACP aa:bb:cc:dd:ee:ff 100 rd 1.1.1.1:2 rt 65000:2"), `"name": "Ethernet Segment"`},
		{"l2vpn evpn", "ip-prefix rd 192.0.2.1:1 prefix 10.1.0.0/24 label 100 next-hop 10.0.0.1", rib("evpn"), "[type:Prefix][rd:192.0.2.1:1][etag:0][prefix:10.1.0.0/24]",
			add("evpn", "prefix 10.2.0.0/24 10.2.0.4 etag 10 label 200 rd 1.1.1.1:2 rt 65000:2"), `"name": "IP Prefix Advertisement"`},
		{"l2vpn vpls", "rd 192.0.2.1:123 endpoint 5 base 10702 offset 1 size 8 next-hop 10.0.0.1", neighbor, accepted(25, 65), nil, ""},
		{"ipv4 sr-policy", "distinguisher 1 color 100 endpoint 10.0.0.9 next-hop 10.0.0.1 preference 100 segment-list weight 1 segment type-a mpls 16001", neighbor, accepted(1, 73), nil, ""},
		{"ipv6 sr-policy", "distinguisher 1 color 100 endpoint 2001:db8::9 next-hop 2001:db8::1 segment-list segment type-b srv6 2001:db8:5::", neighbor, accepted(2, 73), nil, ""},
		{"ipv4 mup", "mup-isd 10.1.0.0/24 rd 100:100 next-hop 2001:db8::1 extended-community target:10:10 bgp-prefix-sid-srv6 ( l3-service 2001:db8:1:1:: 0x48 [64,24,16,0,0,0] )", rib("ipv4-mup"), "[type:isd][rd:100:100][prefix:10.1.0.0/24]",
			add("ipv4-mup", "isd 10.2.0.0/24 rd 100:200 prefix 2001:db8:1:1::/64 locator-node-length 24 function-length 16 behavior ENDM_GTP4E rt 10:10 nexthop 2001:db8::2"), `"prefix_ip": "10.2.0.0"`},
		{"ipv4 mup", "mup-dsd 10.1.0.1 rd 100:100 next-hop 2001:db8::1 extended-community [ target:10:10 mup:10:10 ]", rib("ipv4-mup"), "[type:dsd][rd:100:100][prefix:10.1.0.1]",
			add("ipv4-mup", "dsd 10.2.0.1 rd 100:200 prefix 2001:db8:2:2::/64 locator-node-length 24 function-length 16 behavior END_DT4 rt 10:10 mup 10:10 nexthop 2001:db8::2"), `"string": "mup:10:10"`},
		{"ipv4 mup", "mup-t1st 192.168.0.2/32 rd 100:100 teid 12345 qfi 9 endpoint 10.0.0.1 next-hop 10.0.0.1", rib("ipv4-mup"), "[type:t1st][rd:100:100][prefix:192.168.0.2/32]",
			add("ipv4-mup", "t1st 192.168.0.1/32 rd 100:200 rt 10:10 teid 54321 qfi 9 endpoint 10.0.0.2 nexthop 10.0.0.2"), `"teid": "54321"`},
		{"ipv6 mup", "mup-isd 2001:db8:1::/64 rd 100:100 next-hop 2001:db8::1", rib("ipv6-mup"), "[type:isd][rd:100:100][prefix:2001:db8:1::/64]", nil, ""},
		// GoBGP's client falls over the table of BGP-LS; as JSON it shows the keys.
		{"bgp-ls bgp-ls", "node local [ router-id 1921.6825.1231 as 65000 ] protocol isis-l2 next-hop 10.0.0.1 bgp-ls [ node-flags [ T ] node-name r1 area-ids 49.0001 sr-capabilities [ flags I range 8000 label:16000 ] ]",
			append(rib("ls"), "-j"), "NODE { AS:65000 BGP-LS ID:0 1921.6825.1231 ISIS-L2:0 }", nil, ""},
		{"bgp-ls bgp-ls", "link protocol ospfv2 neighbor-address 10.1.0.2 interface-address 10.1.0.1 local [ router-id 10.0.0.1 ] remote [ router-id 10.0.0.2 ] next-hop 10.0.0.1 bgp-ls [ te-metric 9 igp-metric 10 ospf sr-adj [ flags [ V L ] sid label:16000 ] ]",
			append(rib("ls"), "-j"), `LINK { LOCAL_NODE: 10.0.0.1 REMOTE_NODE: 10.0.0.2 LINK: 10.1.0.1-\u003e10.1.0.2}`, nil, ""},
		{"bgp-ls bgp-ls", "prefix-v4 protocol ospfv2 local [ router-id 10.0.0.1 ] prefix 10.1.0.0/24 next-hop 10.0.0.1 bgp-ls [ prefix-metric 7 sr-prefix-sid [ flags N sid index:7 ] ]",
			append(rib("ls"), "-j"), "PREFIXv4 { LOCAL_NODE: 10.0.0.1 PREFIX: [10.1.0.0/24] }", nil, ""},
	}}
	for _, f := range []string{"ipv4-labelled-unicast", "ipv6-labelled-unicast", "l3vpn-ipv4-unicast", "l3vpn-ipv6-unicast", "ipv4-flowspec", "ipv6-flowspec",
		"l3vpn-ipv4-flowspec", "l3vpn-ipv6-flowspec", "l2vpn-evpn", "l2vpn-vpls", "ipv4-mup", "ipv6-mup",
		"ipv4-srpolicy", "ipv6-srpolicy", "ls"} {
		s.channels += fmt.Sprintf("  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = %q\n", f)
	}
	return s
}

// gobgpRTC is GoBGP with route target membership, which has it keep back what
// we did not ask for: it has a session of its own.
var gobgpRTC = speaker{
	channels: "  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = \"rtc\"\n",
	exchanges: []exchange{
		{"ipv4 rtc", "origin-as 65001 target target:65000:9 next-hop 10.0.0.1", []string{"global", "rib", "-a", "rtc"}, "65000:9", nil, ""},
	},
}
