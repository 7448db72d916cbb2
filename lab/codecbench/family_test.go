package codecbench

import (
	"fmt"
	"slices"
	"testing"

	gobgp "github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/offline"
	"holdfast/bgp/wire"
)

// families are routes as the API says them; %d makes them differ.
var families = []struct{ name, command string }{
	{"labelled", "announce ipv4 nlri-mpls 10.0.%d.0/24 label [ 100 200 ] next-hop 192.0.2.1"},
	{"vpn", "announce ipv4 mpls-vpn 10.0.%d.0/24 rd 65000:1 label 100 next-hop 192.0.2.1 extended-community target:65000:1"},
	{"evpn", "announce evpn mac-ip rd 192.0.2.1:1 mac 00:11:22:33:44:%02x ip 10.0.0.1 label 100 next-hop 192.0.2.1 extended-community target:65000:1"},
	{"flow", "announce ipv4 flow destination 10.0.%d.0/24 protocol [ =tcp =udp ] port [ =80 >=8000&<=8080 ] tcp-flags [ syn ] rate-limit 9600"},
	{"bgp-ls", "announce bgp-ls bgp-ls link protocol ospfv2 local [ as 65001 bgp-ls-id 0 area 0.0.0.0 router-id 10.1.1.%d ] remote [ as 65001 bgp-ls-id 0 area 0.0.0.0 router-id 10.1.4.1 ] interface-address 10.1.1.1 neighbor-address 10.1.1.2 next-hop 192.0.2.1 attribute [ 0x1d 0x80 0x04470003000001 ]"},
}

// perMessage is how many routes an UPDATE has.
const perMessage = 20

// packed is an UPDATE with routes of a family, and what it was made of.
func packed(b *testing.B, command string) (msg []byte, f bgp.Family, s attr.Handle, routes []nlri.Raw) {
	b.Helper()
	session := offline.Default()
	e := offline.Encoder{Session: session}
	for i := range perMessage {
		m, err := e.Line(nil, fmt.Sprintf(command, i))
		if err != nil {
			b.Fatal(err)
		}
		u := wire.Update{Keep: true, Own: true}
		if bad := wire.ParseUpdate(m, &session.Negotiated, &u); bad != nil {
			b.Fatal(bad)
		}
		for r := range u.Reach.All() {
			r.Body = slices.Clone(r.Body)
			f, s, routes = r.Family, u.Handle(true), append(routes, r)
		}
	}
	export := attr.ExportFor(&session.Negotiated)
	return encode(nil, f, s.Value(), &export, routes), f, s, routes
}

func encode(b []byte, f bgp.Family, s attr.Set, e *attr.Export, routes []nlri.Raw) []byte {
	b, frame, _ := wire.BeginAnnounce(b, f, s, e)
	for _, r := range routes {
		b = r.AppendWire(b, false)
	}
	return frame.End(b)
}

func BenchmarkDecodeFamily(b *testing.B) {
	n := &offline.Default().Negotiated
	for _, f := range families {
		msg, _, _, _ := packed(b, f.command)
		b.Run("holdfast/"+f.name, func(b *testing.B) {
			var u wire.Update
			b.ReportAllocs()
			for b.Loop() {
				if bad := wire.ParseUpdate(msg, n, &u); bad != nil {
					b.Fatal(bad)
				}
				routes := 0
				for range u.Reach.All() {
					routes++
				}
				if routes != perMessage {
					b.Fatal(routes)
				}
			}
		})
		b.Run("gobgp/"+f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gobgp.ParseBGPMessage(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeFamily(b *testing.B) {
	export := attr.ExportFor(&offline.Default().Negotiated)
	for _, f := range families {
		msg, family, set, routes := packed(b, f.command)
		b.Run("holdfast/"+f.name, func(b *testing.B) {
			out := make([]byte, 0, bgp.MaxMessage)
			b.ReportAllocs()
			for b.Loop() {
				out = encode(out[:0], family, set.Value(), &export, routes)
			}
			if !slices.Equal(out, msg) {
				b.Fatal("not the same message")
			}
		})
		b.Run("gobgp/"+f.name, func(b *testing.B) {
			m, err := gobgp.ParseBGPMessage(msg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Serialize(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
