package speaker

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
)

// ask has the rig's speaker watch routes, and tell of them here.
func (r *rig) asks(routes ...Asked) chan string {
	told := make(chan string, 100)
	r.do(func() {
		r.s.options.Learned = func(from netip.Addr, prefix netip.Prefix, there bool) {
			told <- fmt.Sprint(from, " ", prefix, " ", there)
		}
		r.s.Watch(routes)
	})
	return told
}

func asked(n int, prefix string) Asked {
	return Asked{netip.AddrFrom4([4]byte{127, 0, 0, byte(n)}), netip.MustParsePrefix(prefix)}
}

// learns checks what is told next; "" that it is nothing until now.
func (r *rig) learns(from chan string, want string) {
	r.t.Helper()
	if want == "" {
		r.do(func() {})
		select {
		case got := <-from:
			r.t.Fatalf("learned %s", got)
		default:
		}
		return
	}
	select {
	case got := <-from:
		if got != want {
			r.t.Fatalf("learned %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatalf("not learned: %s", want)
	}
}

// announces sends an UPDATE.
func (p *remote) announces(prefix string) {
	e := attr.Export{LocalAS: 65001, EBGP: true, ASN4: true, Self: netip.MustParseAddr("10.0.0.9")}
	var set attr.Builder
	set.Put(attr.NextHop, attr.Transitive, nil)
	b, a, _ := wire.BeginAnnounce(nil, bgp.IPv4Unicast, set.Set(), &e)
	p.Write(a.End(rawOf(netip.MustParsePrefix(prefix)).AppendWire(b, false)))
}

func TestLearnedRoutes(t *testing.T) {
	r := newRig(t)
	n, l := r.neighbor(2, "capability { route-refresh; }")
	r.do(r.s.Release)
	told := r.asks(asked(2, "0.0.0.0/0"), asked(9, "0.0.0.0/0"))
	r.learns(told, "127.0.0.2 0.0.0.0/0 false") // there is nobody yet
	r.learns(told, "127.0.0.9 0.0.0.0/0 false")
	r.apply(n)
	p := r.meet(l, capability.Flag(capability.EnhancedRefresh))
	p.expect("EOR")
	p.announces("10.0.0.0/8")
	p.announces("0.0.0.0/0")
	r.learns(told, "127.0.0.2 0.0.0.0/0 true")

	again := r.asks(asked(2, "0.0.0.0/0"), asked(2, "10.0.0.0/8"), asked(2, "2001:db8::/32"), asked(2, "192.0.2.0/24"))
	r.learns(again, "127.0.0.2 2001:db8::/32 false") // a family that was not agreed on
	p.expect("ROUTE-REFRESH")
	r.learns(again, "")
	p.Write(wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast, Subtype: wire.BoRR}))
	p.announces("10.0.0.0/8")
	r.learns(again, "127.0.0.2 10.0.0.0/8 true")
	p.announces("0.0.0.0/0")
	p.Write(wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast, Subtype: wire.EoRR}))
	r.learns(again, "127.0.0.2 192.0.2.0/24 false")
	p.Close()
	r.learns(again, "127.0.0.2 0.0.0.0/0 false")
	r.learns(again, "127.0.0.2 10.0.0.0/8 false")
	r.learns(again, "")
}

// TestLearnedOfWhatIsKept: with adj-rib-in nobody has to be asked.
func TestLearnedOfWhatIsKept(t *testing.T) {
	r := newRig(t)
	n, l := r.neighbor(2, "adj-rib-in true;")
	r.do(r.s.Release)
	r.apply(n)
	p := r.meet(l)
	p.expect("EOR")
	first := r.asks(asked(2, "10.0.0.0/8"))
	r.learns(first, "127.0.0.2 10.0.0.0/8 false")
	p.announces("192.0.2.0/24")
	p.announces("10.0.0.0/8")
	r.learns(first, "127.0.0.2 10.0.0.0/8 true")
	told := r.asks(asked(2, "10.0.0.0/8"), asked(2, "192.0.2.0/24"), asked(2, "0.0.0.0/0"))
	r.learns(told, "127.0.0.2 192.0.2.0/24 true")
	r.learns(told, "127.0.0.2 0.0.0.0/0 false")
	r.do(func() { // a neighbor that does not come to an end has its time
		x := r.s.order[0]
		x.learned.Want(nil, true)
		x.inWhole = false
		x.watch()
		x.learn(x.learned.Settle())
	})
	r.learns(told, "127.0.0.2 10.0.0.0/8 false")
}
