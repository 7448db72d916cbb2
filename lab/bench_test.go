package lab_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"holdfast/lab"
	"holdfast/lab/sink"
)

// BenchmarkAddressToWithdraw is the promise as a figure: the time from the
// kernel's answer to the removal of an address to the withdraw's last octet at
// the neighbor, over a veth.
func BenchmarkAddressToWithdraw(b *testing.B) {
	l := lab.New(b)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	box.Address("lo", "192.0.2.53/32")
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 9}
	up := accept(b, upstream, "10.0.0.2", o)
	daemon := box.Box(lab.Holdfast, fmt.Sprintf(`appliance { control-socket %s; }
watchdog dns { address 192.0.2.53/32 on lo; }
neighbor 10.0.0.2 { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	family { ipv4 unicast; } static { route 192.0.2.53/32 next-hop self watchdog dns; } }
`, filepath.Join(l.Dir, "box.ctl")))
	daemon.Start()
	s := <-up
	if s == nil {
		b.Fatal("no session")
	}
	defer s.Close()
	seen := 0 // frames that are over
	await := func(says func(sink.Frame) bool) (at time.Time) {
		l.Until(soon, "a frame", func() bool {
			f, i := s.Find(seen, says)
			if i >= 0 {
				at, seen = f.At, i+1
			}
			return i >= 0
		})
		return at
	}
	change := func(how func(netlink.Link, *netlink.Addr) error) (at time.Time) {
		err := box.Do(func() error {
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			a, err := netlink.ParseAddr("192.0.2.53/32")
			if err == nil {
				err = how(lo, a)
			}
			at = time.Now()
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return at
	}
	await(sink.Announces(anycast))
	var took []time.Duration
	for b.Loop() {
		gone := change(netlink.AddrDel)
		took = append(took, await(sink.Withdraws(anycast)).Sub(gone))
		change(netlink.AddrAdd)
		await(sink.Announces(anycast))
		time.Sleep(250 * time.Millisecond) // what comes right behind another change is listed later, on purpose
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}
