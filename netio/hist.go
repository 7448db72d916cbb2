package netio

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of powers of two microseconds: bucket
// i holds what is below 1<<i microseconds. It belongs to the loop.
type Histogram struct {
	Buckets [32]uint64
	Max     time.Duration
}

// Add counts one.
func (h *Histogram) Add(d time.Duration) {
	h.Buckets[min(bits.Len64(uint64(max(d, 0)/time.Microsecond)), 31)]++
	h.Max = max(h.Max, d)
}

// Quantile is an upper bound of the q-th quantile, 0 < q <= 1.
func (h *Histogram) Quantile(q float64) time.Duration {
	var all, sum uint64
	for _, n := range h.Buckets {
		all += n
	}
	for i, n := range h.Buckets {
		if sum += n; n > 0 && float64(sum) >= q*float64(all) {
			return min(time.Microsecond<<i, h.Max)
		}
	}
	return 0
}
