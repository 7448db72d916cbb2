package appliance

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/systemd"
	"holdfast/systemd/systemdtest"
)

// TestUnitFacts: a bus that is away for a moment changes nothing, one that stays
// away has nothing be proven.
func TestUnitFacts(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	f := unitFacts{wanted: []string{"a.service", "b.service"}}
	units := map[string]systemd.Unit{"a.service": {Active: "active"}, "b.service": {Active: "failed", Result: "exit-code"}}
	gone := errors.New("system bus: it is gone")
	for _, c := range []struct {
		after time.Duration
		hear  func(now time.Time)
		want  string
		again time.Duration
	}{
		{0, nil, "map[]", 0},
		{1 * time.Second, func(now time.Time) { f.heard(now, nil, gone) }, "map[]", 31 * time.Second},
		{2 * time.Second, func(now time.Time) { f.heard(now, units, nil) }, "map[a.service:{true } b.service:{false is failed (exit-code)}]", 0},
		{time.Minute, func(now time.Time) { f.heard(now, nil, gone) }, "map[a.service:{true } b.service:{false is failed (exit-code)}]", 90 * time.Second},
		{80 * time.Second, func(now time.Time) { f.heard(now, nil, errors.New("connection refused")) }, "map[a.service:{true } b.service:{false is failed (exit-code)}]", 90 * time.Second},
		{90 * time.Second, nil, "map[a.service:{false is not known: connection refused, since 12:01:00} b.service:{false is not known: connection refused, since 12:01:00}]", 0},
		{2 * time.Minute, func(now time.Time) { f.heard(now, units, nil) }, "map[a.service:{true } b.service:{false is failed (exit-code)}]", 0},
	} {
		now := start.Add(c.after)
		if c.hear != nil {
			c.hear(now)
		}
		all, again := f.facts(now)
		if got := fmt.Sprint(all); got != c.want {
			t.Errorf("after %s: %s, want %s", c.after, got, c.want)
		}
		if c.again == 0 != again.IsZero() || c.again > 0 && again.Sub(start) != c.again {
			t.Errorf("after %s: again at %s", c.after, again)
		}
	}
}

// TestUnits is a manager on a bus, and what comes to decisions.
func TestUnits(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"dns.service": systemdtest.Active})
	told := make(chan map[string]desired.Unit, 100)
	u := newUnits(func(all map[string]desired.Unit) { told <- all })
	var running tasks
	running.run(u.watcher.Run)
	t.Cleanup(running.end)
	hears := func(want map[string]desired.Unit) {
		t.Helper()
		for {
			select {
			case got := <-told:
				if len(got) < len(want) {
					continue // not read yet
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
				return
			case <-time.After(30 * time.Second):
				t.Fatalf("nothing is told, want %v", want)
			}
		}
	}
	unit := settings.Condition{Kind: settings.UnitActive, Unit: "dns.service"}
	other := settings.Condition{Kind: settings.Group, Of: []settings.Condition{{Kind: settings.UnitActive, Unit: "web.service"}}}
	u.want(&settings.Settings{Gates: []settings.Gate{{Conditions: []settings.Condition{unit, other}}}})
	hears(map[string]desired.Unit{"dns.service": {Active: true}, "web.service": {Text: "is not loaded: there is no such unit"}})
	m.Set("dns.service", systemdtest.Failed)
	hears(map[string]desired.Unit{"dns.service": {Text: "is failed (exit-code)"}, "web.service": {Text: "is not loaded: there is no such unit"}})
	u.want(&settings.Settings{Gates: []settings.Gate{{Conditions: []settings.Condition{unit}}}})
	hears(map[string]desired.Unit{"dns.service": {Text: "is failed (exit-code)"}})
}
