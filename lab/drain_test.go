package lab_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// drainable starts a story whose daemon has a state directory, and announces.
func drainable(t *testing.T, words string) *story {
	t.Helper()
	s := tell(t, func(s *story) string { return s.gated(usual, "appliance { drain { "+words+" } }") })
	s.live("one")
	s.announced()
	return s
}

// live is a life of the daemon, in a boot of the machine.
func (s *story) live(boot string) {
	s.daemon.Process = s.box.Start("holdfast", []string{"STATE_DIRECTORY=" + s.Dir, "HOLDFAST_BOOT_ID=" + boot}, lab.Binary(s), "run", s.daemon.Conf, "--socket", s.daemon.Socket())
}

func (s *story) ask(verb string, args ...string) string {
	return s.holdfast(append([]string{verb, "--socket", s.daemon.Socket()}, args...)...)
}

// graceful says whether the upstream has the prefix with GRACEFUL_SHUTDOWN.
func (s *story) graceful() bool {
	r, ok := s.bird.Route(anycast)
	return ok && slices.Contains(r.Communities, "65535:0")
}

// TestDrainEndsByItself: 65535:0 is seen, then the withdraw, and then the prefix
// as it was; the session stays.
func TestDrainEndsByItself(t *testing.T) {
	s := drainable(t, "wait 8s;")
	if out := s.ask("drain", "mail"); !strings.Contains(out, `there is no gate "mail": want one of dns`) {
		t.Errorf("a gate that there is not: %s", out)
	}
	if out := s.ask("drain", "--for", "30s", "--reason", "new disks"); !strings.Contains(out, "withdrawn within 8s") {
		t.Errorf("drain: %s", out)
	}
	s.Until(soon, "GRACEFUL_SHUTDOWN", s.graceful)
	s.withdrawn()
	if why := s.explain(); !strings.Contains(why, "drained by hand until ") || !strings.Contains(why, "new disks") {
		t.Errorf("explain:\n%s", why)
	}
	s.announced()
	if s.graceful() {
		t.Error("it came back with GRACEFUL_SHUTDOWN")
	}
	if st := s.status(); len(st.Neighbors) != 1 || st.Neighbors[0].Sessions != 1 {
		t.Errorf("the session did not stay: %+v", st.Neighbors)
	}
}

// TestDrainOverAKill: a daemon that is killed in the middle of a drain announces
// nothing in its next life, nor after another boot, until somebody ends the drain.
func TestDrainOverAKill(t *testing.T) {
	s := drainable(t, "wait 1s;")
	if out := s.ask("drain", "dns", "--for", "1h", "--wait"); !strings.Contains(out, "withdrawn\n") {
		t.Errorf("drain: %s", out)
	}
	if s.has() {
		t.Error("it is announced although the neighbors have acknowledged the withdraw")
	}
	for _, boot := range []string{"one", "two"} {
		s.daemon.Signal(syscall.SIGKILL)
		s.Until(soon, "the session goes", func() bool { return !s.bird.Established() })
		s.live(boot)
		s.Until(soon, "the session comes", s.bird.Established)
		// What comes behind everything that is announced at first. It is said over
		// the socket: the helper of the life before has survived it, and reads on.
		other := netip.MustParsePrefix("198.51.100.0/24")
		s.holdfast("cli", "--socket", s.daemon.Socket()+".api", "announce route 198.51.100.0/24 next-hop self")
		s.Until(soon, "another route", func() bool { _, ok := s.bird.Route(other); return ok })
		if s.has() {
			t.Errorf("in boot %s, it is announced in the middle of its drain", boot)
		}
		if out := s.ask("status"); !strings.Contains(out, "drained: gate dns until ") {
			t.Errorf("status:\n%s", out)
		}
	}
	if out := s.ask("undrain"); !strings.Contains(out, "nothing is drained") {
		t.Errorf("undrain: %s", out)
	}
	s.announced()
}

// TestDrainBeforeAStop: who stops the service has the neighbors find other ways
// first.
func TestDrainBeforeAStop(t *testing.T) {
	s := drainable(t, "wait 8s; on-stop;")
	s.daemon.Signal(syscall.SIGTERM)
	s.Until(soon, "GRACEFUL_SHUTDOWN", s.graceful)
	s.Until(soon, "the end", func() bool { return !s.daemon.Running() })
	if log := s.daemon.Log(); !strings.Contains(log, "withdraw acknowledged") {
		t.Errorf("log:\n%s", log)
	}
	if s.has() {
		t.Error("it is announced after the stop")
	}
	if drains := filepath.Join(s.Dir, "drain.json"); strings.Contains(s.box.Run("sh", "-c", "cat "+drains+" || true"), `"since"`) {
		t.Error("the drain of a stop is kept")
	}
}

// TestHost asks a daemon from another host. Its ssh is a way into the box's
// network namespace.
func TestHost(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.daemon.Start()
	s.announced()
	s.File("ssh", "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec ip netns exec "+s.box.NS+" sh -c \"$*\"\n")
	s.File("holdfast", "#!/bin/sh\nexec "+lab.Binary(s)+" \"$@\"\n")
	far := func(args ...string) string {
		out, err := s.upstream.Try(append([]string{"env", "PATH=" + s.Dir + ":" + os.Getenv("PATH"), lab.Binary(s)}, args...)...)
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	for verb, want := range map[string]string{"status": "1 of 1 sessions up", "explain 192.0.2.53": "is announced to 1 neighbor", "routes": "192.0.2.53/32", "neighbors": "10.0.0.2"} {
		if out := far(append(strings.Fields(verb), "--host", "root@box", "--socket", s.daemon.Socket())...); !strings.Contains(out, want) {
			t.Errorf("%s: %s", verb, out)
		}
	}
	if out := far("cli", "--host", "root@box", "--socket", s.daemon.Socket()+".api", "withdraw watchdog dns"); strings.Contains(out, "error") {
		t.Errorf("cli: %s", out)
	}
	s.withdrawn()
}
