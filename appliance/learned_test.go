package appliance

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/bgp/speaker"
)

func TestAskedForInGroupsToo(t *testing.T) {
	one, two := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	router := netip.MustParseAddr("10.0.0.2")
	s := &settings.Settings{Gates: []settings.Gate{{Conditions: []settings.Condition{
		{Kind: settings.Learned, Route: one, Neighbor: router}, {Kind: settings.Established, Neighbor: router},
		{Kind: settings.Group, Of: []settings.Condition{{Kind: settings.Learned, Route: two, Neighbor: router}}},
	}}}}
	want := []speaker.Asked{{Neighbor: router, Prefix: one}, {Neighbor: router, Prefix: two}}
	if d := cmp.Diff(want, askedFor(s), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestRoutesAreHeard: what the loop has learned closes and opens the gates that
// ask for it; what it does not know yet does neither.
func TestRoutesAreHeard(t *testing.T) {
	const one = "watchdog dns { link eth1; }"
	r := newReconciled(t, one)
	defer r.stop()
	r.link(true)
	more := newReconciled(t, "watchdog dns { link eth1; all { route 0.0.0.0/0 from 10.0.0.2; } }").in.Settings
	r.update(func(in *desired.Inputs) { in.Settings = more })
	def := settings.From{Route: netip.MustParsePrefix("0.0.0.0/0"), Neighbor: netip.MustParseAddr("10.0.0.2")}
	for _, known := range []map[settings.From]bool{{}, {def: true}, {def: false}, {def: false}, {def: true}, {}} {
		r.heard(known)
	}
	if d := cmp.Diff([]string{"false ", "true ", "false ", "true "}, r.done); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
