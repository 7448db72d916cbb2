package speaker

import (
	"net/netip"
	"time"

	"holdfast/bgp/rib"
)

// Receipt is that a neighbor has been told that routes are gone, or are less
// wanted: how long it took from the cause to the acknowledgement. There is none
// for a neighbor that knew none of them.
type Receipt struct {
	Neighbor netip.Addr
	Group    string // "": routes without one
	Closed   bool   // withdrawn; else degraded
	All      bool   // of all groups: the daemon stops
	Cause    time.Time
	Written  time.Time // the kernel has the last octet; zero: it never had
	// Acked is when we saw that the neighbor's TCP had acknowledged the last
	// octet, at most an eighth of the time later than that, or a millisecond.
	// Zero: the session has ended before.
	Acked time.Time
}

// Lost says that the session ended before the neighbor acknowledged it.
func (r Receipt) Lost() bool { return r.Acked.IsZero() }

// await has the receipts of changes made when they have come to the neighbors.
func (s *Speaker) await(changes []rib.Change, cause time.Time) {
	if s.options.Receipt == nil {
		return
	}
	for _, c := range changes {
		for _, p := range s.order {
			p.out.Await(c, cause)
		}
	}
}

// receipt is what is told of a change in the end.
func (p *peer) receipt(c rib.Change, cause any, written, acked time.Time) {
	p.s.options.Receipt(Receipt{Neighbor: p.key.Peer.Addr(), Group: c.Group, Closed: c.Closed, All: c.All,
		Cause: cause.(time.Time), Written: written, Acked: acked})
}

// pushed follows the changes whose frames have been pushed.
func (p *peer) pushed() {
	p.out.Passed(func(c rib.Change, cause any) {
		p.live.conn.TracePushed(func(written, acked time.Time) { p.receipt(c, cause, written, acked) })
	})
}

// filled follows the changes whose frames are in the octets of a Fill.
func (p *peer) filled(n int) {
	p.out.Passed(func(c rib.Change, cause any) {
		p.live.conn.TraceFill(n, func(written, acked time.Time) { p.receipt(c, cause, written, acked) })
	})
}

// missed tells of changes that a session has not lived to hear.
func (p *peer) missed() {
	p.out.Missed(func(c rib.Change, cause any) { p.receipt(c, cause, time.Time{}, time.Time{}) })
}
