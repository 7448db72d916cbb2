package netio

import (
	"math/bits"
	"time"
)

// Histogram counts durations in eight buckets for each doubling, so that what it
// says of a quantile is at most an eighth too high. It belongs to the loop, as
// whatever counts in it does; a copy is anybody's.
type Histogram struct {
	Buckets [buckets]uint64
	Count   uint64
	Sum     time.Duration
	Max     time.Duration
}

// A bucket is 2^unit ns wide at least; what takes longer than 2^longest ns, more
// than two hours, is in the last one.
const (
	unit    = 7
	longest = 43
	per     = 3 // log2 of the buckets of a doubling
	buckets = (longest - unit - per + 1) << per
)

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.Buckets[bucket(d)]++
	h.Count++
	h.Sum += d
	h.Max = max(h.Max, d)
}

// bucket is which one a duration is in: the first ones are linear, and then those
// of a doubling are.
func bucket(d time.Duration) int {
	v := min(uint64(d), 1<<longest-1) >> unit
	shift := bits.Len64(v) - per - 1
	if shift < 0 {
		return int(v)
	}
	return (shift+1)<<per | int(v>>shift&(1<<per-1))
}

// bound is what all of a bucket is below.
func bound(bucket int) time.Duration {
	if bucket < 1<<per {
		return time.Duration(bucket+1) << unit
	}
	return time.Duration(1<<per+bucket&(1<<per-1)+1) << (bucket>>per - 1) << unit
}

// Quantile is an upper bound of the q-th quantile, 0 < q <= 1.
func (h *Histogram) Quantile(q float64) time.Duration {
	var sum uint64
	for i, n := range h.Buckets {
		if sum += n; n > 0 && float64(sum) >= q*float64(h.Count) {
			return min(bound(i), h.Max)
		}
	}
	return 0
}

// Since is what was added after a copy was taken. Max stays that of all.
func (h Histogram) Since(before Histogram) Histogram {
	for i, n := range before.Buckets {
		h.Buckets[i] -= n
	}
	h.Count -= before.Count
	h.Sum -= before.Sum
	return h
}

// Below is how many durations were less than d, and exact where d is a power of
// two in nanoseconds.
func (h *Histogram) Below(d time.Duration) (n uint64) {
	for i := 0; i < len(h.Buckets) && bound(i) <= d; i++ {
		n += h.Buckets[i]
	}
	return n
}
