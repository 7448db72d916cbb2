package attr

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
)

// hexed reads hexadecimal with blanks for the eye.
func hexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// setOf makes a set of hexadecimal rows "code flags value".
func setOf(t testing.TB, rows ...string) Set {
	t.Helper()
	var b Builder
	for _, r := range rows {
		v := hexed(t, r)
		b.Put(v[0], v[1], v[2:])
	}
	return b.Handle().Value()
}

var (
	ibgp   = Export{LocalAS: 65000, ASN4: true, Self: netip.MustParseAddr("192.0.2.1")}
	ebgp   = Export{LocalAS: 65000, ASN4: true, EBGP: true, Self: netip.MustParseAddr("2001:db8::1")}
	old    = Export{LocalAS: 65000, EBGP: true}
	oldBig = Export{LocalAS: 70000, EBGP: true}
)

func TestAppendRange(t *testing.T) {
	tests := []struct {
		name string
		set  []string
		e    Export
		want string
	}{
		{"defaults inside the AS", []string{"0340 c0000201"}, ibgp, "40010100 400200 40050400000064"},
		{"defaults to another AS", nil, ebgp, "40010100 4002060201 0000fde8"},
		{"defaults, two octets", nil, old, "40010100 4002040201 fde8"},
		{"defaults, our AS too big", nil, oldBig, "40010100 4002040201 5ba0 c01106 0201 00011170"},
		{"as written", []string{"0140 02", "0240 0201 00000007", "0480 00000001", "0540 000000c8"}, ibgp,
			"40010102 4002060201 00000007 80040400000001 400504000000c8"},
		{"local-preference stays", []string{"0540 000000c8", "0640"}, ebgp, "40010100 4002060201 0000fde8 400600"},
		{"two octets", []string{"0240 0202 00000007 00011170 0301 00000009", "07c0 00011170 01020304"}, old,
			"40010100 40020a 0202 0007 5ba0 0301 0009 c00706 5ba0 01020304 c0110a 0202 00000007 00011170 c01208 00011170 01020304"},
		{"two octets are enough", []string{"0240 0201 00000007", "07c0 00000007 01020304"}, old,
			"40010100 4002040201 0007 c00706 0007 01020304"},
		{"AS4 attributes are not kept", []string{"11c0 0201 00000007", "63c0 01"}, ebgp,
			"40010100 4002060201 0000fde8 c0630101"},
		{"written with a long length", []string{"9970 00000064"}, ibgp, "40010100 400200 40050400000064 7099000400000064"},
		{"long value", []string{"08c0" + strings.Repeat("fde80001", 64)}, ibgp,
			"40010100 400200 40050400000064 d0080100" + strings.Repeat("fde80001", 64)},
		{"long path, two octets", []string{"0240 02ff" + strings.Repeat("00000001", 255)}, old,
			"40010100 50020200 02ff" + strings.Repeat("0001", 255)},
	}
	for _, tt := range tests {
		s := setOf(t, tt.set...)
		got := hex.EncodeToString(s.AppendRange(nil, &tt.e, 0, 255))
		if diff := cmp.Diff(strings.ReplaceAll(tt.want, " ", ""), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
		for cut := uint8(0); cut < 255; cut++ {
			b := s.AppendRange(nil, &tt.e, 0, cut)
			if b = s.AppendRange(b, &tt.e, cut+1, 255); hex.EncodeToString(b) != got {
				t.Errorf("%s: two halves, cut at %d: %x", tt.name, cut, b)
			}
		}
	}
}

func TestAppendNextHop(t *testing.T) {
	global, local := "20010db8"+strings.Repeat("0", 23)+"1", "fe80"+strings.Repeat("0", 27)+"1"
	link := ebgp
	hops := ibgp
	hops.Hops = bgp.MakeHops([]bgp.Hop{{Family: bgp.IPv4Unicast, AFI: bgp.AFIIPv6}, {Family: bgp.IPv6Unicast, AFI: bgp.AFIIPv4}, {Family: bgp.IPv4VPN, AFI: bgp.AFIIPv6}})
	link.LinkLocal = netip.MustParseAddr("fe80::1")
	tests := []struct {
		name, set string
		e         Export
		f         bgp.Family
		want      string
		ok        bool
	}{
		{"IPv4", "0340 c0000209", ibgp, bgp.IPv4Unicast, "c0000209", true},
		{"IPv6", "0340" + global, ibgp, bgp.IPv6Unicast, global, true},
		{"IPv6 and link-local", "0340" + global + local, ibgp, bgp.IPv6Unicast, global + local, true},
		{"IPv4 of an IPv6 prefix", "0340 c0000209", ibgp, bgp.IPv6Unicast, "", false},
		{"IPv6 of an IPv4 prefix", "0340" + global, ibgp, bgp.IPv4Unicast, "", false},
		{"unspecified", "0340" + strings.Repeat("00", 16), ibgp, bgp.IPv6Unicast, "", false},
		{"0.0.0.0", "0340 00000000", ibgp, bgp.IPv4Unicast, "", false},
		{"none", "0140 00", ibgp, bgp.IPv4Unicast, "", false},
		{"self, IPv4", "0340", ibgp, bgp.IPv4Unicast, "c0000201", true},
		{"self, IPv4 session, IPv6 prefix", "0340", ibgp, bgp.IPv6Unicast, "", false},
		{"self, IPv6", "0340", ebgp, bgp.IPv6Unicast, global, true},
		{"self, IPv6 and link-local", "0340", link, bgp.IPv6Unicast, global + local, true},
		{"self, unknown", "0340", old, bgp.IPv4Unicast, "", false},
		{"IPv6 of an IPv4 prefix, agreed on", "0340" + global, hops, bgp.IPv4Unicast, global, true},
		{"IPv4 of an IPv6 prefix, agreed on", "0340 c0000209", hops, bgp.IPv6Unicast, "c0000209", true},
		{"link-local beside a given one", "0340" + global, link, bgp.IPv6Unicast, global + local, true},
		{"VPN", "0340 c0000209", ibgp, bgp.IPv4VPN, "0000000000000000c0000209", true},
		{"VPN, IPv6", "0340" + global, ibgp, bgp.IPv6VPN, "0000000000000000" + global, true},
		{"VPN, IPv6 of IPv4, agreed on", "0340" + global, hops, bgp.IPv4VPN, "0000000000000000" + global, true},
		{"IPv6 MUP, IPv4", "0340 c0000209", ibgp, bgp.IPv6MUP, "00000000000000000000ffffc0000209", true},
		{"flow, none", "0140 00", ibgp, bgp.IPv4Flow, "", true},
	}
	for _, tt := range tests {
		got, ok := setOf(t, tt.set).AppendNextHop(nil, &tt.e, tt.f, HopForm{AFI: tt.f.AFI(), RD: tt.f.SAFI() == bgp.SAFIVPN, Mapped: tt.f.SAFI() == bgp.SAFIMUP, None: tt.f.SAFI() == bgp.SAFIFlow})
		if hex.EncodeToString(got) != tt.want || ok != tt.ok {
			t.Errorf("%s: got %x %v, want %s %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestExportDoesNotAllocate(t *testing.T) {
	s := setOf(t, "0140 00", "0240 0202 00000007 00011170", "0340 c0000209", "07c0 00011170 01020304", "08c0 fde80001")
	b := make([]byte, 0, 4096)
	for _, e := range []Export{ibgp, ebgp, old} {
		n := testing.AllocsPerRun(100, func() {
			b = s.AppendRange(b[:0], &e, 0, 255)
			b, _ = s.AppendNextHop(b, &e, bgp.IPv4Unicast, HopForm{AFI: bgp.AFIIPv4})
		})
		if n != 0 {
			t.Errorf("%+v: %v allocations", e, n)
		}
	}
}
