package appliance

import (
	"time"

	"holdfast/bgp/speaker"
)

// ReceiptsStatus is how long neighbors took to acknowledge what was urgent, from
// its cause; the times are upper bounds, in microseconds.
type ReceiptsStatus struct {
	Withdraws uint64 `json:"withdraws"`
	P50       int64  `json:"withdraw-p50-us"`
	P99       int64  `json:"withdraw-p99-us"`
	Max       int64  `json:"withdraw-max-us"`
	Degrades  uint64 `json:"degrades"`
	Lost      uint64 `json:"lost"` // the session ended before
	// Last is the newest.
	Last *ReceiptStatus `json:"last,omitempty"`
}

// ReceiptStatus is one acknowledgement.
type ReceiptStatus struct {
	Neighbor  string    `json:"neighbor"`
	Group     string    `json:"group,omitempty"`
	Withdrawn bool      `json:"withdrawn"` // or else degraded, or made better again
	Cause     time.Time `json:"cause"`
	Took      int64     `json:"took-us,omitempty"`
	Lost      bool      `json:"lost,omitempty"` // the session ended before
}

func receiptStatus(r *speaker.Receipt) *ReceiptStatus {
	s := &ReceiptStatus{Neighbor: r.Neighbor.String(), Group: r.Group, Withdrawn: r.Closed, Cause: r.Cause, Lost: r.Lost()}
	if !s.Lost {
		s.Took = r.Acked.Sub(r.Cause).Microseconds()
	}
	return s
}

func receiptsStatus(r *Receipts) ReceiptsStatus {
	w := &r.Withdrawn
	s := ReceiptsStatus{Withdraws: w.Count, P50: w.Quantile(.5).Microseconds(), P99: w.Quantile(.99).Microseconds(), Max: w.Max.Microseconds(),
		Degrades: r.Degraded.Count, Lost: r.Lost}
	if n := len(r.Last); n > 0 {
		s.Last = receiptStatus(&r.Last[n-1])
	}
	return s
}

// lastReceipt is the newest of a neighbor about a group; nil if none is kept.
func lastReceipt(all []speaker.Receipt, neighbor, group string) *ReceiptStatus {
	for i := len(all) - 1; i >= 0; i-- {
		if r := &all[i]; r.Neighbor.String() == neighbor && (r.Group == group || r.All) {
			return receiptStatus(r)
		}
	}
	return nil
}
