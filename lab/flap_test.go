package lab_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// becomes changes the configuration, pair by pair, and has it be at work.
func (s *story) becomes(pairs ...string) {
	s.Helper()
	for i := 0; i < len(pairs); i += 2 {
		s.rewrite(pairs[i], pairs[i+1])
	}
	if out := s.holdfast("reload", "--socket", s.daemon.Socket()); !strings.HasPrefix(out, "reloaded") {
		s.Fatalf("reload: %s", out)
	}
}

// TestReloadAnnouncesNothing: a gate is closed, and goes together with its routes:
// no neighbor hears of them in between.
func TestReloadAnnouncesNothing(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.daemon.Start()
	s.announced()
	s.box.IP("link set eth1 down")
	s.withdrawn()
	const gate, route = "watchdog dns { " + usual + " }", "route 192.0.2.53/32 next-hop self watchdog dns;"
	for range 100 {
		s.becomes(gate, "# gate", route, "# route")
		s.becomes("# gate", gate, "# route", route)
	}
	if n := strings.Count(s.read(filepath.Join(s.Dir, "upstream-bird.log")), "> added [best] "+anycast.String()); n != 1 {
		t.Errorf("it was announced %d times while its gate was closed", n-1)
	}
}

// TestReloadFlapsNothing: a gate is open, and what a reload brings with it holds: no
// neighbor loses the route.
func TestReloadFlapsNothing(t *testing.T) {
	const held, there = "appliance { address 192.0.2.53/32 on lo; }", "address 192.0.2.53/32;"
	for name, c := range map[string]struct {
		conditions, more string
		pairs            []string
	}{
		"an address and its condition": {there, held, []string{"on lo; }", "on lo; address 2001:db8::53/128 on lo; }", there, there + " address 2001:db8::53/128;"}},
		"the link of both":             {"address 192.0.2.53/32 on lo; hold-down 0s;", held, []string{"/32 on lo; }", "/32 on eth1; }", "/32 on lo; hold", "/32 on eth1; hold"}},
		"the hardware watchdog":        {usual, "# hardware", []string{"# hardware", "watchdog { device sim:DOG; timeout 10s; }"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, func(s *story) string { return s.gated(c.conditions, c.more) })
			if c.conditions != usual {
				s.box.IP("address del 192.0.2.53/32 dev lo")
			}
			s.simulate()
			s.announced()
			for i := range c.pairs {
				c.pairs[i] = strings.ReplaceAll(c.pairs[i], "DOG", s.dog)
			}
			s.becomes(c.pairs...)
			if c.conditions == usual {
				s.armed()
			}
			s.becomes("hold-time 9;", "hold-time 9; description last;") // what goes before has come to BIRD
			s.announced()
			if n := s.lost(); n != 0 {
				t.Errorf("the neighbor has lost the route %d times", n)
			}
		})
	}
}
