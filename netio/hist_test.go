package netio

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets: each begins where the one before ends, and none is wider than an
// eighth of what it holds.
func TestBuckets(t *testing.T) {
	begin := time.Duration(0)
	for i := range buckets {
		end := bound(i)
		if bucket(begin) != i || bucket(end-1) != i {
			t.Fatalf("bucket %d from %d to %d: %d, %d", i, begin, end, bucket(begin), bucket(end-1))
		}
		if wide := end - begin; wide > 1<<unit && wide > begin/8 {
			t.Errorf("bucket %d from %d to %d", i, begin, end)
		}
		begin = end
	}
	if begin != 1<<longest || bucket(1<<62) != buckets-1 {
		t.Error(begin)
	}
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	if h.Quantile(.5) != 0 {
		t.Error("of nothing")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		all = append(all, time.Duration(rnd.ExpFloat64()*float64(50*time.Microsecond)))
		h.Add(all[len(all)-1])
	}
	slices.Sort(all)
	for _, q := range []float64{.01, .5, .9, .99, .999, 1} {
		want, got := all[max(int(q*float64(len(all)))-1, 0)], h.Quantile(q)
		if got < want || got > want+want/8+1<<unit {
			t.Errorf("%g: %s, and it is %s", q, got, want)
		}
	}
	if n, _ := slices.BinarySearch(all, 1<<16); h.Below(1<<16) != uint64(n) || h.Below(1<<50) != h.Count || h.Count != 10_000 {
		t.Error(h.Below(1<<16), n)
	}
	h.Add(-time.Second) // a clock that was set
	if h.Buckets[0] == 0 || h.Max != all[len(all)-1] {
		t.Error(h.Max)
	}
}

func BenchmarkHistogram(b *testing.B) {
	var h Histogram
	for i := range b.N {
		h.Add(time.Duration(i & 0xfffff))
	}
}

func TestSince(t *testing.T) {
	var h Histogram
	h.Add(time.Second)
	before := h
	for range 100 {
		h.Add(time.Millisecond)
	}
	news := h.Since(before)
	if q := news.Quantile(0.99); news.Count != 100 || news.Sum != 100*time.Millisecond || q < time.Millisecond || q > 2*time.Millisecond {
		t.Errorf("%d, %s, %s", news.Count, news.Sum, q)
	}
}
