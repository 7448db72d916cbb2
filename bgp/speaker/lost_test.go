package speaker

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/rib"
)

// reset ends a connection so that the next write to it fails. It is called on
// the loop, which has not seen the end then; the kernel has.
func (p *remote) reset() {
	p.t.Helper()
	theirs := listed(p.RemoteAddr()) + " " + listed(p.LocalAddr()) + " 01" // established
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		table, err := os.ReadFile("/proc/net/tcp")
		if err == nil && !strings.Contains(string(table), theirs) {
			return
		}
		if err != nil || time.Now().After(end) {
			p.t.Errorf("the reset does not arrive: %v", err)
			return
		}
	}
}

// listed is an address as /proc/net/tcp has it.
func listed(a net.Addr) string {
	at := a.(*net.TCPAddr)
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(at.IP.To4()), at.Port)
}

// TestLostWhileWithdrawing: the session ends in the very write of a withdraw.
func TestLostWhileWithdrawing(t *testing.T) {
	r, p := helpedPeer(t, "")
	r.await(lines("announce route 10.0.0.1/32 next-hop 10.0.0.9 watchdog dns"))
	p.expect("+10.0.0.1")
	r.do(func() {
		p.reset()
		r.s.Groups(map[string]rib.Stand{"dns": {Gate: rib.Closed}}, rib.Stand{Gate: rib.Open}, time.Time{})
	})
	r.event("127.0.0.2 true")
	r.event("127.0.0.2 false")
}

// TestLostWhileStopping: a session that ends in the withdraw of a stop is not
// counted twice, and the others are waited for.
func TestLostWhileStopping(t *testing.T) {
	r := newRig(t)
	a, la := r.neighbor(2, "static { route 10.0.0.1/32 next-hop self; }")
	b, lb := r.neighbor(3, "static { route 10.0.0.1/32 next-hop self; }")
	r.do(r.s.Release)
	r.apply(a + b)
	p, q := r.meet(la), r.meet(lb)
	p.expect("+10.0.0.1", "EOR")
	q.expect("+10.0.0.1", "EOR")
	done := make(chan struct{})
	r.do(func() {
		p.reset()
		r.s.Stop("bye", 20*time.Second, func() { close(done) })
		if left := r.s.stopping.left; left != 1 {
			t.Errorf("%d are waited for", left)
		}
	})
	q.expect("-10.0.0.1", `NOTIFICATION cease/administrative shutdown ("bye")`, "EOF")
	q.Close()
	<-done
}

// TestLostWhileAsking: a session ends in the first of several ROUTE-REFRESHes.
func TestLostWhileAsking(t *testing.T) {
	r, p := helpedPeer(t, "")
	r.do(func() {
		p.reset()
		x := r.s.order[0]
		c := *x.config
		c.AdjRIBIn = true
		x.session.Negotiated.Families = append(x.session.Negotiated.Families, bgp.IPv4Unicast)
		x.configure(&c)
	})
	r.event("127.0.0.2 true")
	r.event("127.0.0.2 false")
	if got := r.ask(api.Item{Kind: api.ClearIn}); got != "" {
		t.Error(got)
	}
}

// TestLostBeforeItOpened: somebody of a range whose connection has gone before
// it could be used leaves nothing behind.
func TestLostBeforeItOpened(t *testing.T) {
	r := newRig(t)
	r.apply("neighbor 127.0.1.0/24 { local-address 127.0.0.1; router-id 1.1.1.1; local-as 65000; peer-as 65001; listen 17916; }")
	r.do(func() {
		p := r.s.adopt(key{Peer: netip.MustParsePrefix("127.0.1.5/32")}, r.s.ranges[0])
		p.newConn().Closed(nil, io.EOF)
		if len(r.s.order) != 0 || len(r.s.peers) != 0 {
			t.Errorf("%d are left", len(r.s.peers))
		}
	})
}
