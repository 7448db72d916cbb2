package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNewCheckIsSuspect: a check that is new and fails does not take a service
// away that was told before it came; one that has passed does.
func TestNewCheckIsSuspect(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.daemon.Start()
	s.announced()
	well := filepath.Join(s.Dir, "well")
	s.rewrite(usual, fmt.Sprintf("%s healthcheck { command \"test -e %s || exit 9\"; interval 200ms; fast-interval 50ms; rise 2; fall 3; }", usual, well))
	s.daemon.Signal(syscall.SIGHUP)
	s.Until(soon, "the check is suspect", func() bool {
		return strings.Contains(s.explain(), "is suspect: it has never passed since it was configured")
	})
	if log := s.daemon.Log(); !s.has() || strings.Count(log, "on=false") != 1 {
		t.Errorf("a check that has never passed closed the gate:\n%s", log)
	}
	s.File("well", "")
	s.Until(soon, "the check passes", func() bool { return strings.Contains(s.explain(), "holds check") })
	os.Remove(well)
	s.withdrawn()
}

// TestClosedGateWaitsForNewChecks: the check of a service that is down is written
// anew, which opens nothing: nobody knows yet what the new one says.
func TestClosedGateWaitsForNewChecks(t *testing.T) {
	check := func(path string) string {
		return fmt.Sprintf("%s healthcheck { command \"test -e %s\"; interval 200ms; fast-interval 50ms; rise 2; fall 3; }", usual, path)
	}
	s := tell(t, func(s *story) string { return s.gated(check(s.File("well", "")), "") })
	s.daemon.Start()
	s.announced()
	well, better := filepath.Join(s.Dir, "well"), filepath.Join(s.Dir, "better")
	os.Remove(well)
	s.withdrawn()
	s.rewrite(check(well), check(better))
	s.daemon.Signal(syscall.SIGHUP)
	s.explains("test -e " + better + `" failed 3 of 3: exit status 1`)
	if log := s.daemon.Log(); strings.Count(log, "on=true") != 1 {
		t.Errorf("a check of which nothing is known opened the gate:\n%s", log)
	}
	s.File("better", "")
	s.announced()
}

// TestLadderAndClass: what is shared never withdraws; what is local walks the
// whole ladder, and comes back behind the hold-down.
func TestLadderAndClass(t *testing.T) {
	s := tell(t, func(s *story) string {
		return s.gated(fmt.Sprintf("%s file %s present class shared; hold-down 300ms; on-failure { med 500 for 300ms; prepend 3 for 300ms; withdraw; }", usual, s.File("shared", "")), "")
	})
	s.daemon.Start()
	s.announced()
	shared := filepath.Join(s.Dir, "shared")
	os.Remove(shared)
	s.Until(soon, "it is at the last rung that degrades", func() bool { return strings.Contains(s.explain(), "med 500 prepend 3") })
	if !s.has() {
		t.Errorf("a shared condition has withdrawn:\n%s", s.explain())
	}
	s.box.IP("link set eth1 down")
	s.withdrawn()
	if why := s.explain(); !strings.Contains(why, "link eth1 is down") {
		t.Errorf("explain:\n%s", why)
	}
	s.box.IP("link set eth1 up")
	s.announced()
	if why := s.explain(); !strings.Contains(why, "dns is degraded") {
		t.Errorf("explain:\n%s", why)
	}
	s.File("shared", "")
	s.Until(soon, "all is well", func() bool { return strings.Contains(s.explain(), "dns is open") })
	if log := s.daemon.Log(); strings.Count(log, "on=false rung=withdraw") != 1 {
		t.Errorf("withdrawn more or less than once:\n%s", log)
	}
}
