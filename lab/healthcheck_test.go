package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// checks is a box with a helper that checks whether a file is there, and BIRD
// upstream.
type checks struct {
	*lab.Lab
	daemon *lab.Box
	bird   lab.Peer
}

func (c *checks) path(name string) string { return filepath.Join(c.Dir, name) }

// remove removes a file; that it is not there is no error.
func (c *checks) remove(name string) { os.Remove(c.path(name)) }

// stageChecks sets the stage. Behind the helper a shell sleeps, so that the
// daemon does not start it again when it has ended.
func stageChecks(t *testing.T, engine lab.Engine, env string, helper func(*lab.Lab) string) *checks {
	t.Parallel()
	l := lab.New(t)
	c := &checks{Lab: l}
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	run := l.File("check", fmt.Sprintf("#!/bin/sh\n%s %s healthcheck --cmd 'test -e %s' --disable %s --pid %s --ip 192.0.2.53 --label hc -i 1 -f 0.2 --rise 2 --fall 2 --no-syslog\nexec sleep 1000\n",
		env, helper(l), c.path("well"), c.path("off"), c.path("pid")))
	c.daemon = box.Box(engine, fmt.Sprintf(`process check { run %s; encoder text; }
neighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	family { ipv4 unicast; }
	api { processes [ check ]; }
}
`, run))
	c.bird = lab.BIRD(upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Passive: true})
	c.bird.Start()
	c.Until(soon, "bird listens", func() bool { return upstream.Listens(179) })
	return c
}

// metric waits until the upstream has the prefix with it; "" is without the
// prefix.
func (c *checks) metric(want string) {
	c.Helper()
	c.Until(soon, "the prefix has MED "+want, func() bool {
		r, ok := c.bird.Route(anycast)
		return ok == (want != "") && r.MED == want
	})
}

// TestHealthcheck is a life of ExaBGP's healthcheck in Holdfast, and of ours in
// ExaBGP and in Holdfast, with the words of both versions.
func TestHealthcheck(t *testing.T) {
	theirs := func(*lab.Lab) string { return "/usr/bin/python3 -m exabgp" }
	ours := func(l *lab.Lab) string { return lab.Binary(l) }
	for _, row := range []struct {
		name, env string
		engine    lab.Engine
		helper    func(*lab.Lab) string
	}{
		{"theirs in holdfast", "", lab.Holdfast, theirs},
		{"ours in exabgp", "", lab.Reference, ours},
		{"ours in holdfast", "", lab.Holdfast, ours},
		{"ours in holdfast with words of version 6", "exabgp_api_version=6", lab.Holdfast, ours},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := stageChecks(t, row.engine, row.env, row.helper)
			c.File("well", "")
			c.daemon.Start()
			c.metric("100")
			c.remove("well")
			c.metric("1000")
			c.File("off", "")
			c.metric("500")
			c.remove("off")
			c.File("well", "")
			c.metric("100")
			c.end()
		})
	}
}

// end stops the helper: the prefix is withdrawn, its session stays, and the
// address that it added is gone.
func (c *checks) end() {
	c.Helper()
	text, err := os.ReadFile(c.path("pid"))
	if err != nil {
		c.Fatalf("%v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGTERM)
	}
	if err != nil {
		c.Fatalf("stop the helper: %v", err)
	}
	c.metric("")
	if !c.bird.Established() {
		c.Fatalf("it went with its session")
	}
	c.Until(soon, "the address is gone", func() bool {
		out, err := c.daemon.Try("ip", "address", "show", "lo")
		return err == nil && !strings.Contains(string(out), "lo:hc")
	})
}

// TestGateWithHealthcheck: the daemon runs the check itself.
func TestGateWithHealthcheck(t *testing.T) {
	check := func(s *story) string {
		return fmt.Sprintf("healthcheck { command \"test -e %s || exit 9\"; interval 200ms; fast-interval 50ms; rise 2; fall 3; }", filepath.Join(s.Dir, "well"))
	}
	s := tell(t, func(s *story) string { return s.gated(usual+check(s), "") })
	s.daemon.Start()
	s.Until(soon, "the check has failed", func() bool {
		return strings.Contains(s.explain(), "failed 3 of 3: exit status 9")
	})
	if s.has() {
		t.Error("announced although it never was well")
	}
	s.File("well", "")
	s.announced()
	os.Remove(filepath.Join(s.Dir, "well"))
	s.withdrawn()
	s.File("well", "")
	s.announced()
	// A reload that leaves the check as it was does not begin anew.
	before := s.daemon.Log()
	s.holdfast("reload", "--socket", s.daemon.Socket())
	s.Until(soon, "reloaded", func() bool { return strings.Contains(s.daemon.Log()[len(before):], "configuration reloaded") })
	if log := s.daemon.Log()[len(before):]; !s.has() || strings.Contains(log, "on=false") {
		t.Errorf("the reload closed the gate:\n%s", log)
	}
}
