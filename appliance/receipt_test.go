package appliance

import (
	"testing"
	"time"

	"holdfast/bgp/speaker"
)

func TestReceipts(t *testing.T) {
	var r receipts
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 * receiptsKept {
		x := speaker.Receipt{Group: "dns", Closed: i%3 == 0, Cause: start, Written: start, Acked: start.Add(time.Duration(i) * time.Microsecond)}
		if i%3 == 2 {
			x.Acked = time.Time{}
		}
		r.add(x)
	}
	s := r.look()
	n := uint64(0)
	for i := range s.Withdrawn.Buckets {
		n += s.Withdrawn.Buckets[i] + s.Degraded.Buckets[i]
	}
	if s.Lost != receiptsKept || n != 2*receiptsKept || len(s.Last) != receiptsKept || s.Withdrawn.Max != (3*receiptsKept-3)*time.Microsecond {
		t.Errorf("%d lost, %d counted, %d kept, at most %s", s.Lost, n, len(s.Last), s.Withdrawn.Max)
	}
}
