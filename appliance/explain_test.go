package appliance

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/speaker"
	"holdfast/lab/golden"
	"holdfast/netio/link"
)

const explainConf = `
watchdog { device sim:/none; }
watchdog dns { link eth1; address 192.0.2.53/32; hold-down 10s; }
watchdog web { healthcheck { command "curl -f http://[::1]/"; } on-failure { prepend 3 for 30s; withdraw; } }
neighbor 127.0.0.2 { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001; passive true; family { ipv4 unicast; }
	static { route 192.0.2.53/32 next-hop self watchdog dns; route 192.0.2.80/32 next-hop self med 7 watchdog web; route 192.0.2.1/32 next-hop self; } }
neighbor 127.0.0.3 { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65002; passive true; family { ipv4 unicast; }
	static { route 192.0.2.80/32 next-hop self med 7 watchdog web; } }
`

// TestExplain has explanations in JSON. Those of the command line in text are
// made of them.
func TestExplain(t *testing.T) {
	const file = "testdata/explain.txtar"
	a := newAsked(t, explainConf)
	begin := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	good := func(in *desired.Inputs) {
		in.Watchdog = desired.Watchdog{Armed: true}
		in.Known, in.Snapshot = true, link.Snapshot{Links: []link.Link{{Name: "eth1", Up: true, Running: true}},
			Addrs: []link.Addr{{Link: "lo", Prefix: netip.MustParsePrefix("192.0.2.53/32")}}}
		in.Checks = map[health.Check]health.Standing{}
		for _, c := range in.Settings.Checks() {
			in.Checks[c] = health.Standing{Told: health.Up, Passed: true}
		}
	}
	var got txtar.Archive
	for _, c := range []struct {
		name, prefix string
		now          time.Time
		is           func(*desired.Inputs, *desired.Plan)
	}{
		{"open", "192.0.2.53", begin.Add(time.Hour), func(*desired.Inputs, *desired.Plan) {}},
		{"link down", "192.0.2.53", begin, func(in *desired.Inputs, _ *desired.Plan) { in.Snapshot.Links[0].Running = false }},
		{"hold-down", "192.0.2.53", begin.Add(2 * time.Second), func(in *desired.Inputs, _ *desired.Plan) {
			bad, later := *in, *in
			bad.Now, bad.Snapshot = begin.Add(-time.Minute), link.Snapshot{}
			later.Now, later.Memory = begin.Add(-time.Minute), desired.Compute(*in).Memory // it was open
			bad.Memory = desired.Compute(later).Memory
			later.Now, later.Memory = begin, desired.Compute(bad).Memory
			in.Memory = desired.Compute(later).Memory
		}},
		{"unarmed", "192.0.2.80/32", begin, func(in *desired.Inputs, _ *desired.Plan) {
			in.Watchdog = desired.Watchdog{Why: "the event loop makes no progress"}
		}},
		{"degraded", "192.0.2.80", begin, func(in *desired.Inputs, _ *desired.Plan) {
			well := *in
			well.Now = begin.Add(-time.Minute)
			in.Memory = desired.Compute(well).Memory
			for c := range in.Checks {
				in.Checks[c] = health.Standing{Told: health.Down, Passed: true, Text: "failed 3 of 3: exit status 22"}
			}
		}},
		{"told", "192.0.2.80", begin, func(in *desired.Inputs, p *desired.Plan) {
			p.Groups = map[string]desired.State{"web": {On: true, Rung: "prepend 3", Degrade: attr.Degrade{Prepend: 3, Graceful: true, SetMED: true, MED: 500, Communities: "\xfd\xe8\x00\x01"},
				Suspect: "link eth9 is suspect: it has never held since it was configured"}}
		}},
		{"drained", "192.0.2.53", begin.Add(time.Hour), func(in *desired.Inputs, _ *desired.Plan) {
			in.Drains = []desired.Drain{{Since: begin, Until: begin.Add(90 * time.Minute), Reason: "new disk"}, {Gate: "web", Since: begin}}
		}},
		{"by hand", "192.0.2.80", begin, func(in *desired.Inputs, _ *desired.Plan) {
			in.Manual = map[string]desired.Manual{"web": desired.Withdrawn}
		}},
		{"without a gate", "192.0.2.1", begin, func(*desired.Inputs, *desired.Plan) {}},
	} {
		x := explained{now: c.now, since: map[string]time.Time{"dns": begin, "web": begin}, history: explainHistory(begin),
			acked: []speaker.Receipt{{Neighbor: netip.MustParseAddr("127.0.0.2"), Group: "dns", Closed: true, Cause: begin, Acked: begin.Add(1234 * time.Microsecond)},
				{Neighbor: netip.MustParseAddr("127.0.0.3"), Group: "web", Cause: begin}}}
		x.in = desired.Inputs{Now: c.now, Settings: a.d.loaded.Settings, Groups: []string{"dns", "web"}}
		good(&x.in)
		var over desired.Plan
		c.is(&x.in, &over)
		if x.plan = desired.Compute(x.in); over.Groups != nil {
			x.plan = over
		}
		x.prefix, _ = parsePrefix(c.prefix)
		a.loop(func() { x.views = a.d.speaker.Lookup(inet.Prefix{Net: x.prefix}.Raw()) })
		for i := range x.views {
			x.views[i].Degrade = x.plan.Groups[x.views[i].Route.Group].Degrade
			x.views[i].On = x.plan.Groups[x.views[i].Route.Group].On || x.views[i].Route.Group == ""
		}
		b, err := json.MarshalIndent(x.explanation(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got.Files = append(got.Files, txtar.File{Name: c.name, Data: append(b, '\n')})
	}
	golden.Is(t, file, string(txtar.Format(golden.Read(t, file))), string(txtar.Format(&got)))
}

// explainHistory is of two boots.
func explainHistory(at time.Time) (es []chronicle.Entry) {
	say := func(boot, kind, object, text string) {
		es = append(es, chronicle.Entry{Seq: uint64(len(es) + 1), At: at.Add(time.Duration(len(es)-7) * time.Second), Boot: boot, Kind: kind, Object: object, Text: text})
	}
	say("one", kindGate, "dns", "open: all conditions hold")
	say("one", kindGate, "web", "open: all conditions hold")
	say("one", kindStop, "", "stopped by terminated")
	say("two", kindStart, "", "holdfast 1.0 with edge.conf")
	say("two", kindSession, "127.0.0.2", "up")
	say("two", kindSession, "127.0.0.9", "up")
	say("two", kindGate, "dns", "closed: link eth1 has no carrier")
	return es
}

func TestExplainWantsAPrefix(t *testing.T) {
	a := newAsked(t, explainConf)
	for arg, want := range map[string]string{
		"dns":          `want a prefix like 192.0.2.53/32, got "dns"`,
		"198.51.100.1": "nobody wants 198.51.100.1/32 announced",
	} {
		if _, err := a.d.explain(t.Context(), arg); err == nil || err.Error() != want {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// TestExplainShowsTheLast: of a history that is long.
func TestExplainShowsTheLast(t *testing.T) {
	var x explained
	for n := range 50 {
		x.history = append(x.history, chronicle.Entry{Seq: uint64(n), Kind: kindGate, Object: []string{"dns", "web"}[n%2]})
	}
	got := x.transitions([]RouteStatus{{Group: "dns"}})
	if len(got) != transitionsMax || got[0].Seq != 30 || got[9].Seq != 48 {
		t.Error(got)
	}
}
