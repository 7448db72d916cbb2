package capability

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
)

func TestNegotiate(t *testing.T) {
	ours := []Capability{ForFamily(bgp.IPv4Unicast), ForFamily(bgp.IPv6Unicast), ForASN(65000), Flag(RouteRefresh), Flag(EnhancedRefresh),
		Flag(ExtendedMessage), ForRestart(Restart{Notify: true, Time: time.Minute}), ForPaths([]Path{{bgp.IPv4Unicast, bgp.Send | bgp.Receive}, {bgp.IPv6Unicast, bgp.Send}})}
	both := []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast}
	for _, c := range []struct {
		name   string
		theirs []Capability
		want   bgp.Negotiated
	}{
		{"nothing", nil, bgp.Negotiated{Families: both[:1]}},
		{"all", ours, bgp.Negotiated{Families: both, ASN4: true, Refresh: true, EnhancedRefresh: true, Extended: true, GracefulRestart: true, GracefulNotify: true,
			AddPath: map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Send | bgp.Receive}}},
		{"the other family", []Capability{ForFamily(bgp.IPv6Unicast), Flag(CiscoRefresh)}, bgp.Negotiated{Families: both[1:], Refresh: true}},
		{"malformed ones count as not sent", []Capability{ForFamily(bgp.IPv4Unicast), {ASN4, []byte{0, 0, 1}}, {ExtendedMessage, []byte{1}}, {GracefulRestart, []byte{1}}},
			bgp.Negotiated{Families: both[:1]}},
		{"a direction that does not exist", []Capability{ForFamily(bgp.IPv4Unicast), {AddPath, []byte{0, 1, 1, 3, 0, 2, 1, 4}}}, bgp.Negotiated{Families: both[:1]}},
		{"a family twice in paths", []Capability{ForFamily(bgp.IPv4Unicast), {AddPath, []byte{0, 1, 1, 1, 0, 1, 1, 3}}},
			bgp.Negotiated{Families: both[:1], AddPath: map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Send}}},
		{"restart without notification", []Capability{ForRestart(Restart{Time: time.Second})}, bgp.Negotiated{Families: both[:1], GracefulRestart: true}},
		{"paths one way", []Capability{ForFamily(bgp.IPv6Unicast), ForPaths([]Path{{bgp.IPv6Unicast, bgp.Receive}})},
			bgp.Negotiated{Families: both[1:], AddPath: map[bgp.Family]bgp.Direction{bgp.IPv6Unicast: bgp.Send}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bgp.Negotiated
			Negotiate(&got, ours, c.theirs)
			if c.want.AddPath == nil {
				c.want.AddPath = map[bgp.Family]bgp.Direction{}
			}
			if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b bgp.ID) bool { return a == b }), cmp.Transformer("addr", func(n bgp.Negotiated) any {
				return []any{n.Families, n.ASN4, n.Refresh, n.EnhancedRefresh, n.Extended, n.GracefulRestart, n.GracefulNotify, n.AddPath}
			})); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestRoundTrips(t *testing.T) {
	r := Restart{Restarting: true, Notify: true, Time: 4095 * time.Second, Families: []RestartFamily{{bgp.IPv4Unicast, true}, {bgp.IPv6Unicast, false}}}
	if d := cmp.Diff(r, ForRestart(r).Restart()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	h := ForHostName("edge", "example.net")
	if host, domain := h.HostName(); host != "edge" || domain != "example.net" || !h.Valid() {
		t.Error(host, domain)
	}
	if a, ok := AS([]Capability{{Code: 99}, ForASN(70000)}); a != 70000 || !ok {
		t.Error(a, ok)
	}
	if s := (Capability{Code: 99}).String(); s != "capability 99" {
		t.Error(s)
	}
	if (Capability{HostName, []byte{5, 'a'}}).Valid() || (Capability{AddPath, []byte{0, 1, 1}}).Valid() {
		t.Error("malformed values are called valid")
	}
}
