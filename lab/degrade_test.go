package lab_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/bgp/attr"
	"holdfast/bgp/config"
	"holdfast/bgp/rib"
	owner "holdfast/bgp/speaker"
	"holdfast/lab"
	"holdfast/netio"
)

// degrading is a speaker on a host of the lab, in this process: the test is who
// decides of groups.
type degrading struct {
	*lab.Lab
	loop      *netio.Loop
	s         *owner.Speaker
	out, in   lab.Peer // in another AS, and in ours
	receipts  chan owner.Receipt
	early     uint64 // routes that out had been told when a receipt of it came
	four, six netip.Prefix
}

// degrade sets the stage: two neighbors of the speaker, and a prefix of each
// family in the group "dns".
func degrade(t *testing.T) *degrading {
	t.Parallel()
	l := lab.New(t)
	box, outside, inside := l.Host("box"), l.Host("out"), l.Host("in")
	lab.Wire(box, "eth0", outside, "eth0")
	lab.Wire(box, "eth1", inside, "eth0")
	box.Address("eth0", "10.0.0.1/24", "2001:db8::1/64")
	box.Address("eth1", "10.0.1.1/24", "2001:db8:1::1/64")
	outside.Address("eth0", "10.0.0.2/24", "2001:db8::2/64")
	inside.Address("eth0", "10.0.1.2/24", "2001:db8:1::2/64")
	d := &degrading{Lab: l, receipts: make(chan owner.Receipt, 1000),
		four: anycast, six: netip.MustParsePrefix("2001:db8:53::53/128")}
	d.out = lab.BIRD(outside, lab.Session{Local: peer4, Remote: box4, LocalAS: peerAS, RemoteAS: boxAS, Passive: true})
	d.in = lab.BIRD(inside, lab.Session{Local: netip.MustParseAddr("10.0.1.2"), Remote: netip.MustParseAddr("10.0.1.1"),
		LocalAS: boxAS, RemoteAS: boxAS, Passive: true})
	for peer, h := range map[lab.Peer]*lab.Host{d.out: outside, d.in: inside} {
		peer.Start()
		l.Until(soon, "bird listens", func() bool { return h.Listens(179) })
	}
	d.speak(box, owner.Options{Receipt: d.receipt})
	return d
}

// speak runs the loop on the host until the test ends.
func (d *degrading) speak(h *lab.Host, o owner.Options) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan error), make(chan error)
	go func() {
		done <- h.Do(func() (err error) {
			d.loop, err = netio.New(nil)
			if ready <- err; err != nil {
				return err
			}
			return d.loop.Run(ctx)
		})
	}()
	if err := <-ready; err != nil {
		d.Fatalf("%v", err)
	}
	d.Cleanup(func() { cancel(); <-done })
	d.s = owner.New(d.loop, o)
}

func (d *degrading) receipt(r owner.Receipt) {
	d.receipts <- r
	if r.Neighbor == peer4 {
		d.early = d.s.Status().Peers[0].Sent.Announced
	}
}

func (d *degrading) do(f func()) {
	done := make(chan struct{})
	d.loop.Post(func() { f(); close(done) })
	<-done
}

// apply gives the speaker both neighbors, the first with more words.
func (d *degrading) apply(more string) {
	d.Helper()
	var b strings.Builder
	for i, n := range []struct {
		as   int
		more string
	}{{peerAS, more}, {boxAS, ""}} {
		hop := []string{"2001:db8::1", "2001:db8:1::1"}[i]
		fmt.Fprintf(&b, `neighbor 10.0.%[1]d.2 {
	router-id 192.0.2.1; local-address 10.0.%[1]d.1; local-as 65001; peer-as %[2]d; hold-time 30; family { ipv4 unicast; ipv6 unicast; }
	static {
		route 192.0.2.53/32 next-hop self med 7 community [ 65001:9 ] watchdog dns;
		route 2001:db8:53::53/128 next-hop %[3]s med 7 community [ 65001:9 ] watchdog dns;
		route 198.51.100.0/24 next-hop self;
	}
	%[4]s
}
`, i, n.as, hop, n.more)
	}
	c, err := config.Parse("degrade.conf", []byte(b.String()), config.Options{})
	if err != nil {
		d.Fatalf("%v", err)
	}
	d.do(func() { err = d.s.Apply(c); d.s.Release() })
	if err != nil {
		d.Fatalf("%v", err)
	}
}

// stand has groups stand so, and gives when.
func (d *degrading) stand(stands map[string]rib.Stand) time.Time {
	cause := time.Now()
	d.do(func() { d.s.Groups(stands, rib.Stand{}, cause) })
	return cause
}

// sees waits until a peer shows both prefixes so.
func (d *degrading) sees(peer lab.Peer, want lab.Route) {
	d.Helper()
	want.Origin = "igp"
	if want.LocalPref == "" {
		want.LocalPref = "100" // BIRD's own, of what comes from another AS
	}
	last := ""
	for _, p := range []netip.Prefix{d.four, d.six} {
		if !lab.Poll(soon, func() bool {
			got, _ := peer.Route(p)
			got.NextHop = netip.Addr{}
			last = cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}))
			return last == ""
		}) {
			d.Fatalf("%s has %s otherwise (-want +got):\n%s", peer, p, last)
		}
	}
}

// TestDegraded has BIRD, in another AS and in ours, see each way in which a group
// can be degraded, and that it comes back.
func TestDegraded(t *testing.T) {
	d := degrade(t)
	d.apply("")
	own := []string{"65001:9"}
	plain := []lab.Route{{ASPath: "65001", MED: "7", Communities: own}, {MED: "7", LocalPref: "100", Communities: own}}
	for _, c := range []struct {
		name    string
		d       attr.Degrade
		out, in lab.Route
		told    int // neighbors that a receipt is wanted of
	}{
		{"as they are", attr.Degrade{}, plain[0], plain[1], 0},
		{"med", attr.Degrade{SetMED: true, MED: 500},
			lab.Route{ASPath: "65001", MED: "500", Communities: own}, lab.Route{MED: "500", LocalPref: "100", Communities: own}, 2},
		{"prepend", attr.Degrade{Prepend: 3},
			lab.Route{ASPath: "65001 65001 65001 65001", MED: "7", Communities: own}, plain[1], 2}, // ours gets its MED back
		{"prepend less", attr.Degrade{Prepend: 1}, lab.Route{ASPath: "65001 65001", MED: "7", Communities: own}, plain[1], 1},
		{"community", attr.Degrade{Communities: "\xfd\xe9\x00\x01"},
			lab.Route{ASPath: "65001", MED: "7", Communities: []string{"65001:1", "65001:9"}},
			lab.Route{MED: "7", LocalPref: "100", Communities: []string{"65001:1", "65001:9"}}, 2},
		{"graceful-shutdown", attr.Degrade{Graceful: true},
			lab.Route{ASPath: "65001", MED: "7", Communities: []string{"65001:9", "65535:0"}},
			lab.Route{MED: "7", LocalPref: "0", Communities: []string{"65001:9", "65535:0"}}, 2},
		{"back", attr.Degrade{}, plain[0], plain[1], 0},
	} {
		cause := d.stand(map[string]rib.Stand{"dns": {Degrade: c.d}})
		d.sees(d.out, c.out)
		d.sees(d.in, c.in)
		for range c.told {
			if r := <-d.receipts; r.Cause != cause || r.Group != "dns" || r.Closed || r.Lost() {
				t.Errorf("%s: receipt %+v", c.name, r)
			} else {
				t.Logf("%s: acknowledged by %s after %s", c.name, r.Neighbor, r.Acked.Sub(r.Cause))
			}
		}
	}
	if len(d.receipts) > 0 {
		t.Errorf("one more receipt: %+v", <-d.receipts)
	}
	d.drained()
}

// drained has everything told with GRACEFUL_SHUTDOWN, and then withdrawn.
func (d *degrading) drained() {
	d.Helper()
	ungated := netip.MustParsePrefix("198.51.100.0/24")
	drain := rib.Stand{Degrade: attr.Degrade{Graceful: true}}
	d.stand(map[string]rib.Stand{"": drain, "dns": drain})
	for _, p := range []netip.Prefix{d.four, d.six, ungated} {
		d.Until(soon, "65535:0 on everything", func() bool {
			r, _ := d.out.Route(p)
			return strings.Contains(strings.Join(r.Communities, " "), "65535:0")
		})
	}
	drain.Gate = rib.Closed
	d.stand(map[string]rib.Stand{"": drain, "dns": drain})
	for _, p := range []netip.Prefix{d.four, d.six, ungated} {
		for _, peer := range []lab.Peer{d.out, d.in} {
			d.Until(soon, "nothing is announced", func() bool { _, ok := peer.Route(p); return !ok })
		}
	}
	closed := 0
	for range 8 { // two groups, two neighbors, degraded and closed
		if (<-d.receipts).Closed {
			closed++
		}
	}
	if closed != 4 {
		d.Fatalf("%d receipts of withdraws", closed)
	}
}

// TestDegradedBeforeATable degrades a group while a table of 100000 routes is
// being sent, slowly, and has the receipt before the end of it.
func TestDegradedBeforeATable(t *testing.T) {
	d := degrade(t)
	d.apply("rate-limit 10;")
	want := lab.Route{ASPath: "65001", MED: "7", Communities: []string{"65001:9"}}
	d.sees(d.out, want)
	const table = 100000
	var b strings.Builder
	b.WriteString("rate-limit 10;\n\tstatic {\n")
	for i := range table {
		fmt.Fprintf(&b, "\t\troute 172.%d.%d.%d/32 next-hop self;\n", 16+i>>16, i>>8&255, i&255)
	}
	d.apply(b.String() + "\t}")
	sent := func() (n uint64) {
		d.do(func() { n = d.s.Status().Peers[0].Sent.Announced })
		return n
	}
	d.Until(soon, "a part of the table is sent", func() bool { return sent() > 5000 })
	d.stand(map[string]rib.Stand{"dns": {Degrade: attr.Degrade{Graceful: true}}})
	for r := range d.receipts {
		if r.Neighbor == peer4 {
			t.Logf("acknowledged after %s", r.Acked.Sub(r.Cause))
			break
		}
	}
	d.do(func() {
		if d.early > table {
			t.Error("the whole table was sent first")
		}
	})
	want.Communities = append(want.Communities, "65535:0")
	d.sees(d.out, want)
	d.Until(soon, "the table is sent", func() bool { return sent() >= table })
}
