package lab_test

import (
	"fmt"
	"net/netip"
	"testing"

	"holdfast/lab"
)

// fleet is boxes that look at one name server and announce one prefix, each to an
// upstream of its own.
type fleet struct {
	*lab.Lab
	resolver *lab.Host
	boxes    []*lab.Box
	birds    []lab.Peer
}

func newFleet(t *testing.T, boxes int) *fleet {
	t.Parallel()
	f := &fleet{Lab: lab.New(t)}
	f.resolver = f.Host("names")
	for i := range boxes {
		box, upstream := f.Host(fmt.Sprint("box", i)), f.Host(fmt.Sprint("up", i))
		lab.Wire(box, "eth0", upstream, "eth0")
		lab.Wire(box, "eth1", f.resolver, fmt.Sprint("eth", i))
		box.Address("eth0", "10.0.0.1/24")
		upstream.Address("eth0", "10.0.0.2/24")
		box.Address("eth1", fmt.Sprintf("10.1.%d.1/24", i))
		f.resolver.Address(fmt.Sprint("eth", i), fmt.Sprintf("10.1.%d.53/24", i))
		bird := lab.BIRD(upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: peerAS, RemoteAS: boxAS, Passive: true})
		bird.Start()
		f.Until(soon, "bird listens", func() bool { return upstream.Listens(179) })
		daemon := box.Box(lab.Holdfast, fmt.Sprintf(`watchdog dns {
	link eth1;
	check dns { to 10.1.%d.53; name example.com; interval 200ms; fast-interval 50ms; rise 2; fall 2; timeout 10s; class shared; }
	on-failure { med 500 for 2s; prepend 1 for 2s; withdraw; }
}
neighbor 10.0.0.2 {
	router-id 192.0.2.%d; local-address 10.0.0.1; local-as %d; peer-as %d; hold-time 9;
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`, i, i+1, boxAS, peerAS))
		f.boxes, f.birds = append(f.boxes, daemon), append(f.birds, bird)
	}
	return f
}

// tells waits until each upstream has the prefix so.
func (f *fleet) tells(med, path string) {
	f.Helper()
	for i, bird := range f.birds {
		var got lab.Route
		if !lab.Poll(soon, func() bool {
			got, _ = bird.Route(anycast)
			return got.MED == med && got.ASPath == path
		}) {
			f.Fatalf("box %d: the upstream has %+v, want MED %q and path %q\n%s", i, got, med, path, f.boxes[i].Explain(netip.MustParsePrefix("192.0.2.53/32")))
		}
	}
}

// TestSharedCheckFailsEverywhere: what all boxes look at is gone, and each of them
// would withdraw what the others have withdrawn. They tell it worse, all of them,
// and nothing but the check can change that.
func TestSharedCheckFailsEverywhere(t *testing.T) {
	f := newFleet(t, 3)
	names := nameServer(f.resolver, ":53")
	for _, b := range f.boxes {
		b.Start()
	}
	f.tells("", "65001")
	before := make([]lab.Status, len(f.boxes))
	for i, b := range f.boxes {
		before[i], _ = b.Status()
	}
	names.Close()
	f.tells("500", "65001 65001")
	for i, b := range f.boxes {
		f.Until(soon, "receipts of both rungs", func() bool {
			st, _ := b.Status()
			return st.Receipts.Degrades == before[i].Receipts.Degrades+2
		})
		st, _ := b.Status()
		if g := st.Gates[0]; !g.On || g.Rung != "prepend 1" || !g.Next.IsZero() || st.Receipts.Withdraws != 0 {
			t.Errorf("box %d: gate %+v, receipts %+v", i, g, st.Receipts)
		}
	}
	nameServer(f.resolver, ":53")
	f.tells("", "65001")
	// One of them alone is cut off: that is its own, and it leaves.
	f.boxes[0].IP("link set eth1 down")
	f.Until(soon, "the first box withdraws", func() bool { _, ok := f.birds[0].Route(anycast); return !ok })
	if _, ok := f.birds[1].Route(anycast); !ok || !f.birds[0].Established() {
		t.Error("another box withdraws too, or a session is gone")
	}
}
