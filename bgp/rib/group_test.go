package rib

import (
	"fmt"
	"slices"
	"testing"

	"holdfast/bgp/attr"
)

// TestGroupsGoWithTheirRoutes: a helper may name another one with each route.
func TestGroupsGoWithTheirRoutes(t *testing.T) {
	tb := NewTable()
	o := up(tb)
	tb.Groups(map[string]Stand{"shut": {Gate: Closed}, "open": {Gate: Open}}, Stand{Gate: Open})
	for n := range 100 {
		announce(tb, tb.Peers(o), "192.0.2.1/32", uint32(n), fmt.Sprint("group ", n))
	}
	announce(tb, tb.Peers(o), "192.0.2.2/32", 1, "shut")
	announce(tb, tb.Peers(o), "192.0.2.3/32", 1, "open")
	for _, p := range []string{"192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"} {
		drain(o)
		tb.Withdraw(tb.Peers(o), v4(p), attr.Handle{})
	}
	if names := tb.GroupNames(); !slices.Contains(names, "shut") || len(names) > 2 {
		t.Errorf("%d groups are left: %v", len(names), names)
	}
	drain(o)
	if announce(tb, tb.Peers(o), "192.0.2.2/32", 1, "shut"); len(drain(o)) > 0 {
		t.Error("a group that was closed is open for a route that comes later")
	}
	tb.Withdraw(tb.Peers(o), v4("192.0.2.2/32"), attr.Handle{})
	if tb.Groups(nil, Stand{Gate: Open}); len(tb.GroupNames()) > 0 {
		t.Errorf("groups that nobody speaks of: %v", tb.GroupNames())
	}
}
