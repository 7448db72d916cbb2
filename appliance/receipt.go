package appliance

import (
	"slices"
	"sync"

	"holdfast/bgp/speaker"
	"holdfast/netio"
)

// receiptsKept is how many of the last receipts are kept.
const receiptsKept = 256

// receipts is what neighbors have acknowledged of withdraws and degrades. The
// loop adds to it, and whoever shows it looks.
type receipts struct {
	mu   sync.Mutex
	sums Receipts
}

// Receipts is how long it took from the cause of a withdraw, or of a degrade,
// until a neighbor's TCP had acknowledged it.
type Receipts struct {
	Withdrawn, Degraded netio.Histogram
	Lost                uint64            // the session ended before
	Last                []speaker.Receipt // the newest last
}

// add counts a receipt. What ends a session is no time that a withdraw took, so
// lost ones are counted apart.
func (r *receipts) add(x speaker.Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sums
	switch took := x.Acked.Sub(x.Cause); {
	case x.Lost():
		s.Lost++
	case x.Closed:
		s.Withdrawn.Add(took)
	default:
		s.Degraded.Add(took)
	}
	if len(s.Last) >= receiptsKept {
		s.Last = slices.Delete(s.Last, 0, len(s.Last)-receiptsKept+1)
	}
	s.Last = append(s.Last, x)
}

// look is a copy.
func (r *receipts) look() Receipts {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sums
	s.Last = slices.Clone(s.Last)
	return s
}

// receipt is called on the loop when a neighbor has acknowledged something that
// was urgent, or will not any more. A drain of many groups gives many.
func (d *Daemon) receipt(x speaker.Receipt) {
	d.receipts.add(x)
	d.log.Debug("receipt", "group", x.Group, "neighbor", x.Neighbor, "withdrawn", x.Closed, "cause", x.Cause, "acknowledged", x.Acked)
}
