package lab_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// restartSignal is what the unit has as RestartKillSignal.
const restartSignal = syscall.Signal(35)

// restartable is a box with a gate, which may want more, and two neighbors, each of which may connect
// first: one keeps its routes over a restart, the other does not.
func restartable(t *testing.T, conditions string) (s *story, m *manager, plain lab.Peer) {
	t.Helper()
	s = tell(t, func(s *story) string { return "" })
	s.box.Address("eth1", "10.0.1.1/24")
	other := s.Host("other")
	lab.Wire(s.box, "eth2", other, "eth0")
	s.box.Address("eth2", "10.0.2.1/24")
	other.Address("eth0", "10.0.2.2/24")
	conf := s.File("restart.conf", fmt.Sprintf(`appliance { control-socket %s; address 192.0.2.53/32 on eth1; }
watchdog dns { link eth1; address 192.0.2.53/32; %s }
template { neighbor usual {
	router-id 192.0.2.1; local-as 65001; hold-time 9; listen 179; md5-password key;
	capability { graceful-restart 60; }
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
} }
neighbor 10.0.0.2 { inherit usual; local-address 10.0.0.1; peer-as 65002; }
neighbor 10.0.2.2 { inherit usual; local-address 10.0.2.1; peer-as 65003; capability { graceful-restart disable; } }
`, filepath.Join(s.Dir, "box.ctl"), conditions))
	s.box.IP("address del 192.0.2.53/32 dev lo")
	s.bird.Stop()
	s.bird = lab.BIRD(s.upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Password: "key",
		Top:      "protocol static { ipv4; route 192.0.2.128/25 blackhole; }\n",
		Channels: "	graceful restart on;\n	debug { routes, states };\n", Export: "where net = 192.0.2.128/25"})
	plain = lab.BIRD(other, lab.Session{Local: netip.MustParseAddr("10.0.2.2"), Remote: netip.MustParseAddr("10.0.2.1"), LocalAS: 65003, RemoteAS: 65001, Password: "key"})
	m = manage(s.box, nil, lab.Binary(s), "run", conf, "--socket", filepath.Join(s.Dir, "box.ctl"))
	s.bird.Start()
	plain.Start()
	s.announced()
	s.Until(soon, "the other neighbor has the prefix", func() bool { _, ok := plain.Route(anycast); return ok })
	return s, m, plain
}

// lost is how often the upstream's table has lost the route: each time is a line.
func (s *story) lost() int {
	b := s.read(filepath.Join(s.Dir, "upstream-bird.log"))
	if !strings.Contains(b, "> added [best] "+anycast.String()) {
		s.Fatalf("bird does not tell of its table:\n%s", b)
	}
	return len(regexp.MustCompile(`> removed .*`+regexp.QuoteMeta(anycast.String())).FindAllString(b, -1))
}

// back waits until a new life is at work, and both neighbors have the route.
func (s *story) back(m *manager, plain lab.Peer) {
	s.Helper()
	s.Until(soon, "the session is up again", s.bird.Established)
	s.announced()
	s.Until(soon, "the other has the route", func() bool { _, ok := plain.Route(anycast); return ok })
	s.Until(soon, "the life is settled", func() bool { return m.has("READY=1") && m.keeps("bgp") == 0 && m.keeps("will") == 1 })
}

// TestRestart: the route never leaves the table of a neighbor that keeps it, the
// address never leaves the box, and the sockets never stop listening.
func TestRestart(t *testing.T) {
	s, m, plain := restartable(t, "")
	s.back(m, plain)
	for range 2 {
		m.end(restartSignal)
		if _, ok := plain.Route(anycast); ok {
			t.Error("the neighbor that keeps nothing was not told")
		}
		if !strings.Contains(s.box.IP("address show dev eth1"), "192.0.2.53/32") {
			t.Error("the address has gone")
		}
		s.Until(soon, "both sockets are kept", func() bool { return s.box.Listens(179) && m.keeps("bgp") == 2 })
		m.start()
		s.back(m, plain)
	}
	if n := strings.Count(m.output(), "listening goes on"); n != 2 {
		t.Errorf("%d lives have gone on with the sockets\n%s", n, m.output())
	}
	if n := s.lost(); n != 0 {
		t.Errorf("the neighbor has lost the route %d times", n)
	}
}

// TestRestartOfWhoWaits: gates that wait for neighbors open when those are up again,
// and who keeps the route is not told that this was all before.
func TestRestartOfWhoWaits(t *testing.T) {
	for _, conditions := range []string{"neighbor 10.0.2.2;", "neighbor 10.0.0.2;", "route 192.0.2.128/25 from 10.0.0.2;"} {
		t.Run(conditions, func(t *testing.T) {
			s, m, plain := restartable(t, conditions)
			s.back(m, plain)
			m.end(restartSignal)
			m.start()
			s.back(m, plain)
			if n := s.lost(); n != 0 {
				t.Errorf("the neighbor has lost the route %d times\n%s", n, m.output())
			}
		})
	}
}

// TestRestartUnplanned: after a crash, packets have been taken all the while, and
// the neighbor keeps the route. After a boot they have not, whatever is on the box
// by then, and the neighbor drops it until the gates have opened.
func TestRestartUnplanned(t *testing.T) {
	s, m, plain := restartable(t, "")
	s.back(m, plain)
	m.end(syscall.SIGKILL)
	m.start()
	s.back(m, plain)
	if n := s.lost(); n != 0 || !s.preserved() {
		t.Fatalf("the neighbor has lost the route %d times over a crash; was it told that packets were taken: %t", n, s.preserved())
	}
	m.end(syscall.SIGKILL)
	m.forget()
	m.start()
	s.back(m, plain)
	// BIRD drops the route a moment after the session is up: it stays if it is told
	// anew by then.
	if n := s.lost(); n > 1 || s.preserved() {
		t.Errorf("the neighbor has lost the route %d times over a boot; was it told that packets were taken: %t", n, s.preserved())
	}
}

// preserved is whether the upstream was told, as its session came up, that packets
// have been taken over the restart (RFC 4724, section 3).
func (s *story) preserved() bool {
	_, told, _ := strings.Cut(s.bird.(lab.Console).Ask("show protocols all box"), "Neighbor capabilities")
	return regexp.MustCompile(`AF preserved:.* ipv4`).MatchString(told)
}

// TestStopIsNoRestart: a stop withdraws, takes the address away and leaves no word;
// and a restart that nobody could go on from is a stop.
func TestStopIsNoRestart(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		conf   string
	}{{"stop", syscall.SIGTERM, ""}, {"wrong configuration", restartSignal, "neighbour"}} {
		t.Run(c.name, func(t *testing.T) {
			s, m, plain := restartable(t, "")
			s.back(m, plain)
			if c.conf != "" {
				s.File("restart.conf", c.conf)
			}
			m.end(c.signal)
			if s.has() {
				t.Error("the neighbor still has the route")
			}
			if strings.Contains(s.box.IP("address show dev eth1"), "192.0.2.53/32") {
				t.Error("the address has not gone")
			}
			s.Until(soon, "nothing is kept", func() bool { return m.keeps("bgp")+m.keeps("will") == 0 })
			s.Until(soon, "nobody listens", func() bool { return !s.box.Listens(179) })
		})
	}
}

// TestHelperUnit: a helper is the child of a host, in whose unit it runs, and ends
// when the daemon does, however that is.
func TestHelperUnit(t *testing.T) {
	s := tell(t, func(*story) string { return "" })
	socket := filepath.Join(s.Dir, "helper.sock")
	acceptFor(s.box, socket, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", lab.Binary(s), "helper-host")
	gone := s.File("gone", "")
	os.Chmod(gone, 0o666)
	helper := s.File("helper", `#!/bin/sh
trap 'echo asked >>`+gone+`; echo withdraw route 198.51.100.1/32 next-hop self; exit' TERM
echo "announce route 198.51.100.1/32 next-hop self"
ps -o user=,comm= -p $PPID >`+gone+`
while read line; do :; done
echo alone >>`+gone+`
`)
	conf := s.File("helper.conf", "process h { run "+helper+"; encoder text; }\n"+strings.Replace(s.gated("link eth1;", ""), "[ lab ]", "[ h ]", 1))
	m := manage(s.box, []string{"HOLDFAST_HELPER_SOCKET=" + socket}, lab.Binary(s), "run", conf, "--socket", s.daemon.Socket())
	route := func() bool { _, ok := s.bird.Route(netip.MustParsePrefix("198.51.100.1/32")); return ok }
	s.Until(soon, "the helper's route", route)
	s.Until(soon, "who has started it", func() bool {
		return strings.Contains(s.read(gone), "nobody") && strings.Contains(s.read(gone), "holdfast")
	})
	m.end(syscall.SIGTERM)
	s.Until(soon, "it was asked", func() bool { return strings.Contains(s.read(gone), "asked") })
	os.Truncate(gone, 0)
	m.start()
	s.Until(soon, "the helper's route again", route)
	s.Until(soon, "who has started it", func() bool { return strings.Contains(s.read(gone), "nobody") })
	m.end(syscall.SIGKILL)
	s.Until(soon, "it has ended", func() bool { return strings.Contains(s.read(gone), "asked") || strings.Contains(s.read(gone), "alone") })
}

func (s *story) read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return string(b)
}

// TestLeftForGood: FRR keeps routes over a NOTIFICATION, and not those of a box that
// says that it does not come back (RFC 8538 section 3).
func TestLeftForGood(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	frr := lab.FRR(upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Top: " bgp graceful-restart\n"})
	frr.Start()
	const neighbor = "neighbor 10.0.0.2 { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9; capability { graceful-restart 600; } static { route 192.0.2.53/32 next-hop self; } }\n"
	s := &story{Lab: l, box: box, daemon: box.Box(lab.Holdfast, neighbor)}
	s.daemon.Start()
	l.Until(soon, "FRR has the route", func() bool { _, ok := frr.Route(anycast); return ok })
	s.rewrite("neighbor 10.0.0.2 ", "neighbor 10.0.0.3 ")
	s.daemon.Signal(syscall.SIGHUP)
	l.Until(soon, "FRR drops it", func() bool { _, ok := frr.Route(anycast); return !ok })
}
