package rib

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// host is the n-th /32 of a block.
func host(body []byte, n int) nlri.Raw {
	body = append(body[:0], 32, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(body[1:], 10<<24+uint32(n))
	return nlri.Raw{Family: bgp.IPv4Unicast, Body: body}
}

// BenchmarkAnnounce is one route into the table and out of it again as octets,
// a million in the table; bytes/route is what a route costs in memory.
func BenchmarkAnnounce(b *testing.B) {
	for _, peers := range []int{1, 2, 10} {
		b.Run(fmt.Sprintf("peers=%d", peers), func(b *testing.B) {
			const million = 1 << 20
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			tb := NewTable()
			var outs []*Out
			for range peers {
				outs = append(outs, up(tb))
			}
			to, attrs := tb.Peers(outs...), set(1)
			body, frames := make([]byte, 0, 8), make([]byte, 0, 1<<17)
			b.ReportAllocs()
			for n := range b.N {
				tb.Announce(API, to, route.Route{NLRI: host(body, n%million), Attrs: attrs})
				if n%4096 == 4095 {
					for _, o := range outs {
						frames, _ = o.Bulk(frames[:0], 1<<16, false)
					}
				}
			}
			b.StopTimer()
			if b.N >= million {
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(tb.Len()), "bytes/route")
			}
		})
	}
}

// BenchmarkFlap switches a group of 100 routes off and on, and takes the bytes.
func BenchmarkFlap(b *testing.B) {
	tb := NewTable()
	o := up(tb)
	for n := range 100 {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: host(nil, n), Attrs: set(1), Group: "dns"})
	}
	var frames []byte
	b.ReportAllocs()
	for range b.N {
		tb.Group("dns", Closed)
		frames, _ = o.Urgent(frames[:0], 1<<16)
		tb.Group("dns", Open)
		frames, _ = o.Bulk(frames, 1<<16, false)
	}
}

// BenchmarkBehind is two helpers in turn, with attributes of their own, while a
// peer is a million routes behind: a frame at a time, wherever the peer stands.
func BenchmarkBehind(b *testing.B) {
	for _, behind := range []int{1000, 1 << 20} {
		b.Run(fmt.Sprintf("routes=%d", behind), func(b *testing.B) {
			tb := NewTable()
			o := up(tb)
			k, to, body := 0, tb.Peers(o), make([]byte, 0, 8)
			say := func(med uint32, n int) {
				for range n {
					tb.Announce(API, to, route.Route{NLRI: host(body, k), Attrs: set(med)})
					k++
				}
			}
			say(1, behind)
			var frames []byte
			for b.Loop() {
				say(2, 100)
				say(1, 100)
				frames, _ = o.Bulk(frames[:0], 1, false)
			}
		})
	}
}

// BenchmarkDegrade has a group of a million routes told otherwise: the change,
// which the loop makes in one go, and the frames after it.
func BenchmarkDegrade(b *testing.B) {
	const million = 1 << 20
	tb := NewTable()
	o := up(tb)
	for n := range million {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: host(nil, n), Attrs: set(1), Group: "dns"})
	}
	frames := drain(o)
	n := uint32(0)
	b.Run("change", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n++
			stands(tb, "dns", med(n))
		}
	})
	b.Run("frames", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n++
			stands(tb, "dns", med(n))
			for more := true; more; {
				frames, more = o.Bulk(frames[:0], 1<<16, false)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/route")
	})
}

// BenchmarkDegradeApart is BenchmarkDegrade of routes that have nothing in common.
func BenchmarkDegradeApart(b *testing.B) {
	const routes = 100000
	tb := NewTable()
	o := up(tb)
	for n := range routes {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: host(nil, n), Attrs: set(uint32(n)), Group: "dns"})
	}
	frames := drain(o)
	n := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		stands(tb, "dns", Stand{Degrade: attr.Degrade{Prepend: uint8(n)}})
		for more := true; more; {
			frames, more = o.Bulk(frames[:0], 1<<16, false)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/routes, "ns/route")
}

// BenchmarkDrain withdraws a million routes that have no group, and has them
// back, in one go each.
func BenchmarkDrain(b *testing.B) {
	const million = 1 << 20
	tb := NewTable()
	o := up(tb)
	for n := range million {
		tb.Announce(API, tb.Peers(o), route.Route{NLRI: host(nil, n), Attrs: set(1)})
	}
	drain(o)
	for b.Loop() {
		stands(tb, "", Stand{Gate: Closed})
		b.StopTimer()
		drain(o)
		stands(tb, "", Stand{})
		drain(o)
		b.StartTimer()
	}
}
