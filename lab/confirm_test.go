package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// proving is a story whose box keeps generations, and gives changes their time.
func proving(t *testing.T) *story {
	s := tell(t, func(s *story) string {
		return s.gated(usual, fmt.Sprintf("appliance { state-directory %s; confirm 10s; }", filepath.Join(s.Dir, "state")))
	})
	s.daemon.Start()
	s.announced()
	s.Until(soon, "the first configuration is kept", func() bool { return strings.Contains(s.generations(), "generation 1, from "+s.daemon.Conf+", good") })
	return s
}

func (s *story) generations() string { return s.holdfast("generations", "--socket", s.daemon.Socket()) }

// edit changes the box's configuration file.
func (s *story) edit(old, next string) {
	s.Helper()
	b, err := os.ReadFile(s.daemon.Conf)
	if err == nil && !strings.Contains(string(b), old) {
		s.Fatalf("there is no %q to change", old)
	}
	if err == nil {
		err = os.WriteFile(s.daemon.Conf, []byte(strings.ReplaceAll(string(b), old, next)), 0o600)
	}
	if err != nil {
		s.Fatalf("%v", err)
	}
}

// reload waits for the outcome.
func (s *story) reload() string {
	return s.holdfast("reload", "--wait", "--socket", s.daemon.Socket())
}

// TestWrongChangeIsRolledBack: each is valid, and ends the session.
func TestWrongChangeIsRolledBack(t *testing.T) {
	for name, c := range map[string]struct{ old, next string }{
		"another AS":  {"peer-as 65002", "peer-as 65009"},
		"a key":       {"hold-time 9;", `hold-time 9; md5-password "not the peer's";`},
		"no such end": {"local-address 10.0.0.1", "local-address 10.0.0.77"},
	} {
		t.Run(name, func(t *testing.T) {
			s := proving(t)
			s.edit(c.old, c.next)
			if got := s.reload(); !strings.Contains(got, "rolled back: ") || !strings.Contains(got, "the session with 10.0.0.2 is down") {
				t.Errorf("reload --wait: %s", got)
			}
			s.Until(soon, "the session is back", s.bird.Established)
			s.announced()
			if got := s.generations(); !strings.Contains(got, "generation 1, from ") || !strings.Contains(got, s.daemon.Conf+" is not at work") {
				t.Error(got)
			}
			s.edit(c.next, c.old)
			if got := s.reload(); got != "kept as generation 1\n" {
				t.Errorf("what it was before: %s", got)
			}
		})
	}
}

// TestGoodChangeIsKept, and a file with errors changes nothing.
func TestGoodChangeIsKept(t *testing.T) {
	s := proving(t)
	s.edit("hold-time 9;", "hold-time 9; description better;")
	if got := s.reload(); got != "kept as generation 2\n" {
		t.Error(got)
	}
	s.announced()
	s.edit("peer-as 65002;", "peer-as; nonsense;")
	status, _ := s.daemon.Status()
	got := s.reload()
	if want := s.daemon.Conf + ":5:"; strings.Count(got, want) != 2 {
		t.Errorf("want two places %s:\n%s", want, got)
	}
	if now, _ := s.daemon.Status(); !s.has() || now.Neighbors[0].Sessions != status.Neighbors[0].Sessions {
		t.Errorf("a file that is not valid changed something: %+v", now)
	}
	if got := s.holdfast("rollback", "--wait", "--socket", s.daemon.Socket()); got != "kept as generation 3\n" {
		t.Error(got)
	}
	if got := s.holdfast("diff", "2", "--socket", s.daemon.Socket()); !strings.Contains(got, "description nothing, was better") {
		t.Error(got)
	}
}

// TestKilledWhileTrying: what was being tried has a second chance, and no third;
// and a start with a file that is not valid has the last good one announced.
func TestKilledWhileTrying(t *testing.T) {
	s := proving(t)
	s.edit("peer-as 65002", "peer-as 65009")
	s.holdfast("reload", "--socket", s.daemon.Socket())
	for _, want := range []string{"is being tried", s.daemon.Conf + " is not at work"} {
		if got := s.generations(); !strings.Contains(got, "is being tried") {
			t.Fatalf("before the kill: %s", got)
		}
		s.daemon.Signal(syscall.SIGKILL)
		s.daemon.Kill()
		s.daemon.Start()
		s.Until(soon, want, func() bool { return strings.Contains(s.generations(), want) })
	}
	s.announced()
	s.daemon.Stop()
	s.edit("peer-as 65009", "nonsense")
	s.daemon.Start()
	s.announced()
	if got := s.holdfast("status", "--socket", s.daemon.Socket()); !strings.Contains(got, "unknown word") && !strings.Contains(got, "nonsense") {
		t.Error(got)
	}
}
