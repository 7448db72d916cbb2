package rib

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// all walks what is kept, a few places at once.
func (in *In) all(t *testing.T) map[string]attr.Handle {
	got := map[string]attr.Handle{}
	for pos, first := uint32(0), true; first || pos != 0; first = false {
		pos = in.Walk(pos, 3, func(r route.Route) {
			k := inName(r.NLRI)
			if _, twice := got[k]; twice {
				t.Errorf("%s was met twice", k)
			}
			got[k] = r.Attrs
		})
	}
	return got
}

func inName(n nlri.Raw) string {
	return fmt.Sprint(n.Family, n.HasPath, n.PathID, key(n.Family, n.Body))
}

// TestIn compares what is kept with a map.
func TestIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	in, want := NewIn(), map[string]attr.Handle{}
	for step := range 20000 {
		n := vpnRoute(byte(rng.IntN(40)))
		n.Body[2] = byte(rng.IntN(3))<<4 | 1 // the label, which is no part of the key
		switch rng.IntN(3) {
		case 0:
			n = v4(fmt.Sprintf("10.0.0.%d/32", rng.IntN(40)))
		case 1:
			n.HasPath, n.PathID = true, uint32(rng.IntN(2))
		}
		if rng.IntN(2) == 0 {
			in.Remove(n)
			delete(want, inName(n))
		} else {
			a := set(uint32(rng.IntN(5)))
			in.Set(n, a)
			want[inName(n)] = a
		}
		if step%500 == 0 {
			if d := cmp.Diff(want, in.all(t), cmp.Comparer(func(a, b attr.Handle) bool { return a == b })); d != "" || in.Len() != len(want) {
				t.Fatalf("step %d, %d routes (-want +got):\n%s", step, in.Len(), d)
			}
		}
	}
	if len(in.setOf) > 10 || len(in.sets) > 12 {
		t.Errorf("%d sets of attributes, %d places", len(in.setOf), len(in.sets))
	}
	in.Reset()
	if len(in.all(t)) != 0 || in.Len() != 0 {
		t.Error("something is left")
	}
	(*In)(nil).Reset()
}

// BenchmarkIn is one received route; bytes/route is what it costs in memory.
func BenchmarkIn(b *testing.B) {
	const million = 1 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	in, attrs := NewIn(), set(1)
	body := make([]byte, 0, 8)
	b.ReportAllocs()
	for n := range b.N {
		in.Set(nlri.Raw{Family: bgp.IPv4Unicast, Body: host(body, n%million).Body}, attrs)
	}
	b.StopTimer()
	if b.N >= million {
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(in.Len()), "bytes/route")
	}
}
