package lab_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/systemd/systemdtest"
)

// unitStory is a daemon whose gate looks at a unit of a manager on a bus of its
// own.
func unitStory(t *testing.T, more string) (*story, *systemdtest.Bus, *systemdtest.Manager) {
	t.Helper()
	s := tell(t, func(s *story) string { return s.gated(usual+"unit dns active; "+more, "") })
	b := systemdtest.NewBus(t)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"dns.service": systemdtest.Active})
	s.daemon.Process = s.box.Start("holdfast", []string{"DBUS_SYSTEM_BUS_ADDRESS=" + b.Address}, lab.Binary(s), "run", s.daemon.Conf, "--socket", s.daemon.Socket())
	s.announced()
	return s, b, m
}

// TestUnitStops: the prefix is degraded, then withdrawn at the ladder's time, each
// with the upstream's receipt, and comes back.
func TestUnitStops(t *testing.T) {
	s, b, m := unitStory(t, "on-failure { med 500 for 10s; withdraw; }")
	med := func() string {
		r, _ := s.bird.Route(anycast)
		return r.MED
	}
	m.Set("dns.service", systemdtest.Failed)
	s.Until(soon, "it is degraded", func() bool { return med() == "500" })
	s.received(false, 1)
	s.withdrawn()
	s.received(true, 1)
	if d := s.between("open at med 500: unit dns.service active is failed (exit-code)", "closed: unit dns.service active is failed (exit-code)"); d < 10*time.Second || d > soon {
		t.Errorf("withdrawn %s after it was degraded", d)
	}
	if why := s.explain(); !strings.Contains(why, "unit dns.service active is failed (exit-code)") {
		t.Errorf("explain:\n%s", why)
	}
	m.Set("dns.service", systemdtest.Active)
	s.announced()
	s.Until(soon, "the box is on the bus", func() bool {
		v, err := b.Dial().Object("org.holdfast.Box", "/org/holdfast/Box").GetProperty("org.holdfast.Box.Gates")
		gates, ok := v.Value().(map[string]string)
		return err == nil && ok && gates["dns"] == "open"
	})
}

// between is how long it was, by the daemon's history of the gate, from one entry
// to the next.
func (s *story) between(first, second string) time.Duration {
	s.Helper()
	at := map[string]time.Time{}
	history := s.ask("history", "--json", "--object", "dns")
	for line := range strings.Lines(history) {
		var e struct {
			At   time.Time
			Text string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.Fatalf("%s: %v", line, err)
		}
		at[e.Text] = e.At
	}
	if at[first].IsZero() || at[second].IsZero() {
		s.Fatalf("want %q and %q in the history:\n%s", first, second, history)
	}
	return at[second].Sub(at[first])
}

// TestBusIsStartedAnew: services run on without a bus, and so does what is
// announced; then it is heard again of what happens.
func TestBusIsStartedAnew(t *testing.T) {
	s, b, m := unitStory(t, "")
	b.Stop()
	s.daemon.Command("announce route 198.51.100.0/24 next-hop self")
	s.Until(soon, "another route", func() bool { return strings.Contains(s.ask("routes"), "198.51.100.0/24") })
	if !s.has() {
		t.Error("the prefix went with the bus")
	}
	b.Start()
	m.Connect()
	if !lab.Poll(time.Minute, m.Subscribed) {
		t.Fatal("nobody comes back")
	}
	m.Set("dns.service", systemdtest.Failed)
	s.withdrawn()
}
