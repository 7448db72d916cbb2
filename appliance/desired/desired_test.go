package desired

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

var (
	start  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	prefix = netip.MustParsePrefix("192.0.2.53/32")
	dig    = health.Check{Probe: health.Probe{Command: "dig @127.0.0.1"}}
	router = netip.MustParseAddr("10.0.0.2")
)

// good is a box on which everything holds.
func good() Inputs {
	return Inputs{
		Now: start, Known: true,
		Settings: &settings.Settings{
			Hardware: &settings.Hardware{},
			Gates: []settings.Gate{{Name: "dns", HoldDown: 10 * time.Second, Conditions: []settings.Condition{
				{Kind: settings.LinkUp, Link: "eth1"},
				{Kind: settings.HasAddress, Address: prefix, Link: "lo"},
				{Kind: settings.Established, Neighbor: router},
				{Kind: settings.FileAbsent, Path: "/off"},
				{Kind: settings.Healthy, Check: dig},
			}}},
		},
		Groups: []string{"dns", "plain"},
		Snapshot: link.Snapshot{
			Links: []link.Link{{Name: "eth1", Up: true, Running: true}},
			Addrs: []link.Addr{{Prefix: prefix, Link: "lo"}},
		},
		Up:       map[netip.Addr]bool{router: true},
		Files:    map[string]Sight{"/off": {}},
		Checks:   map[health.Check]health.Standing{dig: {Told: health.Up}},
		Watchdog: Watchdog{Armed: true},
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Inputs)
		want    string // of the gate, "" is on
		plain   string // of the group without a gate
		pending bool
	}{
		{name: "all holds"},
		{name: "link down", change: func(in *Inputs) { in.Snapshot.Links[0].Up = false }, want: "link eth1 is down"},
		{name: "no carrier", change: func(in *Inputs) { in.Snapshot.Links[0].Running = false }, want: "link eth1 has no carrier"},
		{name: "link gone", change: func(in *Inputs) { in.Snapshot.Links = nil }, want: "link eth1 does not exist"},
		{name: "address gone", change: func(in *Inputs) { in.Snapshot.Addrs = nil }, want: "address 192.0.2.53/32 on lo is not on this box"},
		{name: "address elsewhere", change: func(in *Inputs) { in.Snapshot.Addrs[0].Link = "eth1" }, want: "address 192.0.2.53/32 on lo is not on this box"},
		{name: "neighbor down", change: func(in *Inputs) { in.Up = nil }, want: "neighbor 10.0.0.2 is not established", pending: true},
		{name: "disable file", change: func(in *Inputs) { in.Files["/off"] = Sight{Exists: true} }, want: "file /off absent is there"},
		{name: "check failed", change: func(in *Inputs) {
			in.Checks[dig] = health.Standing{Told: health.Down, Text: "failed 3 of 3: exit status 9"}
		}, want: `check "dig @127.0.0.1" failed 3 of 3: exit status 9`},
		{name: "check rises for the first time", change: func(in *Inputs) { in.Checks[dig] = health.Standing{Text: "has passed 1 of 3"} },
			want: `check "dig @127.0.0.1" has passed 1 of 3`, pending: true},
		{name: "no check yet", change: func(in *Inputs) { in.Checks = nil }, want: `check "dig @127.0.0.1" has not had a verdict yet`, pending: true},
		{name: "not listed yet", change: func(in *Inputs) { in.Known = false }, want: "link eth1 is not known yet: links have not been listed", pending: true},
		{name: "not armed", change: func(in *Inputs) { in.Watchdog = Watchdog{Why: "open /dev/watchdog0: no such file"} },
			want:  "the hardware watchdog is not armed: open /dev/watchdog0: no such file",
			plain: "the hardware watchdog is not armed: open /dev/watchdog0: no such file"},
		{name: "not armed but preferred", change: func(in *Inputs) {
			in.Watchdog, in.Settings.Hardware.Policy = Watchdog{}, settings.Prefer
		}},
		{name: "no hardware section", change: func(in *Inputs) { in.Watchdog, in.Settings.Hardware = Watchdog{}, nil }},
		{name: "stopping", change: func(in *Inputs) { in.Stopping = true }, want: "the service is stopping", plain: "the service is stopping"},
		{name: "by hand", change: func(in *Inputs) { in.Manual = map[string]Manual{"dns": Withdrawn} }, want: "withdrawn by hand"},
		{name: "by hand does not override", change: func(in *Inputs) {
			in.Manual, in.Up = map[string]Manual{"dns": Announced}, nil
		}, want: "neighbor 10.0.0.2 is not established", pending: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := good()
			if c.change != nil {
				c.change(&in)
			}
			p := Compute(in)
			got := map[string]string{}
			for name, s := range p.Groups {
				if got[name] = s.Reason.String(); s.On != (got[name] == "") {
					t.Errorf("%s: on %v with reason %q", name, s.On, got[name])
				}
			}
			if d := cmp.Diff(map[string]string{"dns": c.want, "plain": c.plain, "": ""}, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if p.Verdict == c.pending {
				t.Errorf("verdict is %v", p.Verdict)
			}
		})
	}
}

// TestByHandWithoutName: a group that only routes of helpers carry.
func TestByHandWithoutName(t *testing.T) {
	in := good()
	in.Manual = map[string]Manual{"web": Withdrawn, "mail": Announced}
	p := Compute(in)
	if p.Groups["web"].On || !p.Groups["mail"].Forced || len(p.Groups) != 5 {
		t.Errorf("%+v", p.Groups)
	}
}

// step computes with what the last plan remembered.
func step(in *Inputs, after time.Duration) State {
	in.Now = start.Add(after)
	p := Compute(*in)
	in.Memory = p.Memory
	return p.Groups["dns"]
}

func TestHoldDownCountsFromTheLastFailure(t *testing.T) {
	in := good()
	up, down := in.Up, map[netip.Addr]bool{}
	for _, s := range []struct {
		at time.Duration
		up map[netip.Addr]bool
		on bool
	}{
		{0, down, false},
		{1 * time.Second, up, true}, // it was never open: no hold-down
		{2 * time.Second, down, false},
		{3 * time.Second, up, false},
		{5 * time.Second, down, false},
		{6 * time.Second, up, false},
		{15 * time.Second, up, false},
		{16 * time.Second, up, true},
		{17 * time.Second, up, true},
	} {
		in.Up = s.up
		if got := step(&in, s.at); got.On != s.on {
			t.Errorf("at %s: on %v (%s)", s.at, got.On, got.Reason)
		}
	}
}

func TestPlanSaysWhenToComeBack(t *testing.T) {
	in := good()
	step(&in, 0)
	in.Up = nil
	step(&in, time.Second)
	in.Up = good().Up
	in.Now = start.Add(2 * time.Second)
	if p := Compute(in); p.Again != start.Add(12*time.Second) {
		t.Errorf("again at %s", p.Again)
	}
}
