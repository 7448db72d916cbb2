// Package codecbench compares our UPDATE codec with GoBGP's packet library,
// side by side in one run. It is a module of its own, so that the product does
// not depend on what it is compared with:
//
//	go test -bench . -benchmem
package codecbench

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	gobgp "github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/wire"
)

// attributes are eight: origin, a path of six, next hop, med, local preference,
// two communities, a route target, two large communities.
const attributes = `40010100 40021a 0206 0000fde9 00000d1c 00001b1b 0000e1dd 00011170 0000fdea
	400304c0000201 80040400000064 400504000000c8 c00808 fde80001fde80002 c01008 0002fde800000001
	c02018 0000fde80000000100000002 0000fde80000000300000004`

// message is an UPDATE of these attributes and n prefixes.
func message(b *testing.B, n int) ([]byte, *bgp.Negotiated) {
	b.Helper()
	block, err := hex.DecodeString(strings.Join(strings.Fields(attributes), ""))
	if err != nil {
		b.Fatal(err)
	}
	m := append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0)
	m = append(binary.BigEndian.AppendUint16(m, uint16(len(block))), block...)
	for i := range n {
		m = append(m, 24, 10, byte(i>>8), byte(i))
	}
	return wire.PatchLength(m, 0), &bgp.Negotiated{LocalAS: 65000, PeerAS: 65000, ASN4: true, Families: []bgp.Family{bgp.IPv4Unicast}}
}

var sizes = []struct {
	name     string
	prefixes int
}{{"typical20", 20}, {"packed700", 700}}

// BenchmarkDecode has three of ours: judge is what a session does that keeps
// nothing (all of the message is checked), walk also visits each NLRI, and keep
// makes an interned attribute set as well.
func BenchmarkDecode(b *testing.B) {
	for _, size := range sizes {
		msg, n := message(b, size.prefixes)
		for _, mode := range []string{"judge", "walk", "keep"} {
			b.Run("holdfast-"+mode+"/"+size.name, func(b *testing.B) {
				u := wire.Update{Keep: mode == "keep"}
				b.ReportAllocs()
				for b.Loop() {
					if err := wire.ParseUpdate(msg, n, &u); err != nil || u.NLRI.Empty() {
						b.Fatal(err)
					}
					if mode == "judge" {
						continue
					}
					routes := 0
					for range u.NLRI.All() {
						routes++
					}
					if routes != size.prefixes {
						b.Fatal(routes)
					}
					if u.Keep {
						u.Handle(false)
					}
				}
			})
		}
		b.Run("gobgp/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := gobgp.ParseBGPMessage(msg)
				if err != nil {
					b.Fatal(err)
				}
				if u := m.Body.(*gobgp.BGPUpdate); len(u.NLRI) != size.prefixes {
					b.Fatal(len(u.NLRI))
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range sizes {
		msg, n := message(b, size.prefixes)
		b.Run("holdfast/"+size.name, func(b *testing.B) {
			u := wire.Update{Keep: true}
			if err := wire.ParseUpdate(msg, n, &u); err != nil {
				b.Fatal(err)
			}
			set, e, routes := u.Handle(false).Value(), attr.ExportFor(n), slices.Collect(u.NLRI.All())
			out := make([]byte, 0, bgp.MaxMessage)
			b.ReportAllocs()
			for b.Loop() {
				var frame wire.AnnounceFrame
				out, frame, _ = wire.BeginAnnounce(out[:0], bgp.IPv4Unicast, set, &e)
				for _, r := range routes {
					out = r.AppendWire(out, false)
				}
				out = frame.End(out)
			}
			if !slices.Equal(out, msg) {
				b.Fatal("not the same message")
			}
		})
		b.Run("gobgp/"+size.name, func(b *testing.B) {
			m, err := gobgp.ParseBGPMessage(msg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				if out, err = m.Serialize(); err != nil {
					b.Fatal(err)
				}
			}
			if !slices.Equal(out, msg) {
				b.Fatal("not the same message")
			}
		})
	}
}
