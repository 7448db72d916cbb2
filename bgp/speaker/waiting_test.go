package speaker

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"holdfast/bgp/rib"
)

// TestWaiting: a neighbor is waited for until it has all, End-of-RIB included.
func TestWaiting(t *testing.T) {
	r := newRig(t)
	n, l := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self; route 10.0.0.2/32 next-hop self watchdog dns; }")
	waiting := func() (names string) {
		r.do(func() { names = fmt.Sprint(r.s.Waiting()) })
		return names
	}
	until := func(want string) {
		for waiting() != want {
			runtime.Gosched()
		}
	}
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Now())
	})
	r.apply(n)
	until("[]") // there is no session
	p := r.meet(l)
	r.event("127.0.0.2 true")
	p.expect("+10.0.0.1")
	if got := waiting(); got != "[127.0.0.2]" {
		t.Errorf("before End-of-RIB: %s", got)
	}
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Open}}, rib.Stand{Gate: rib.Open}, time.Now())
		r.s.Release()
	})
	p.expect("+10.0.0.2", "EOR")
	until("[]")
	r.do(func() {
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Now())
	})
	p.expect("-10.0.0.2")
	until("[]")
}
