package speaker

import (
	"testing"
	"time"

	"holdfast/bgp/attr"
	"holdfast/bgp/rib"
)

// receipts has the rig's speaker give its receipts here.
func (r *rig) receipts() chan Receipt {
	got := make(chan Receipt, 100)
	r.do(func() { r.s.options.Receipt = func(x Receipt) { got <- x } })
	return got
}

func (r *rig) receipt(from chan Receipt, want Receipt) (got Receipt) {
	r.t.Helper()
	select {
	case got = <-from:
	case <-time.After(20 * time.Second):
		r.t.Fatal("no receipt")
	}
	bare := got
	bare.Neighbor, bare.Written, bare.Acked = want.Neighbor, time.Time{}, time.Time{}
	if bare != want {
		r.t.Fatalf("receipt %+v, want %+v", got, want)
	}
	return got
}

// TestReceipts degrades a group, closes it and stops: three receipts of the
// neighbor that knows it, and only the last of the one that does not.
func TestReceipts(t *testing.T) {
	r := newRig(t)
	got := r.receipts()
	a, la := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self watchdog dns; route 10.0.0.2/32 next-hop self; }")
	b, lb := r.neighbor(3, "static { route 10.0.0.3/32 next-hop self; }")
	r.do(r.s.Release)
	r.apply(a + b)
	p, q := r.meet(la), r.meet(lb)
	p.expect("+10.0.0.1", "+10.0.0.2", "EOR")
	q.expect("+10.0.0.3", "EOR")
	stand := func(s rib.Stand) (cause time.Time) {
		r.do(func() {
			cause = r.loop.Now()
			r.s.Groups(map[string]rib.Stand{"dns": s}, rib.Stand{}, cause)
		})
		return cause
	}
	cause := stand(rib.Stand{Degrade: attr.Degrade{Graceful: true}})
	p.expect("+10.0.0.1")
	x := r.receipt(got, Receipt{Group: "dns", Cause: cause})
	if x.Neighbor.String() != "127.0.0.2" || x.Written.Before(cause) || x.Acked.Before(x.Written) {
		t.Errorf("%+v", x)
	}
	cause = stand(rib.Stand{Gate: rib.Closed})
	p.expect("-10.0.0.1")
	r.receipt(got, Receipt{Group: "dns", Closed: true, Cause: cause})
	stand(rib.Stand{})
	p.expect("+10.0.0.1")
	stopped := make(chan struct{})
	r.do(func() { cause = r.loop.Now(); r.s.Stop("bye", 20*time.Second, func() { close(stopped) }) })
	for range 2 {
		if x := <-got; !x.All || !x.Closed || x.Lost() || x.Cause != cause {
			t.Errorf("%+v", x)
		}
	}
	p.expect("-10.0.0.2 -10.0.0.1", `NOTIFICATION cease/administrative shutdown ("bye")`)
	p.Close()
	q.Close()
	<-stopped
}

// TestReceiptOfALostSession: the withdraw is written to a connection that the
// neighbor has reset.
func TestReceiptOfALostSession(t *testing.T) {
	r := newRig(t)
	got := r.receipts()
	n, l := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self watchdog dns; }")
	r.do(r.s.Release)
	r.apply(n)
	p := r.meet(l)
	p.expect("+10.0.0.1", "EOR")
	r.do(func() {
		p.reset()
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{}, time.Time{})
	})
	if x := r.receipt(got, Receipt{Group: "dns", Closed: true}); !x.Lost() {
		t.Errorf("%+v", x)
	}
}
