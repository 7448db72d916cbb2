package appliance

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
