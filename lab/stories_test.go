package lab_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// anycast is the prefix of every story.
var anycast = netip.MustParsePrefix("192.0.2.53/32")

// story is a box with one gate, and BIRD upstream.
type story struct {
	*lab.Lab
	box, upstream *lab.Host
	daemon        *lab.Box
	sim           *lab.Process // the simulated machine, where there is one
	bird          lab.Peer
	dog           string // socket of its watchdog
}

// gated is a configuration with the gate "dns" and one neighbor.
func (s *story) gated(conditions, more string) string {
	return fmt.Sprintf(`appliance { control-socket %s; }
watchdog dns { %s }
neighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	api { processes [ lab ]; }
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
%s
`, filepath.Join(s.Dir, "box.ctl"), conditions, more)
}

const usual = "link eth1; address 192.0.2.53/32 on lo;"

// tell sets the stage: eth0 leads to the upstream, eth1 to the servers. config
// makes the configuration when the paths are known.
func tell(t *testing.T, config func(*story) string) *story {
	t.Parallel()
	l := lab.New(t)
	s := &story{Lab: l, box: l.Host("box"), upstream: l.Host("upstream")}
	lab.Wire(s.box, "eth0", s.upstream, "eth0")
	lab.Wire(s.box, "eth1", l.Host("server"), "eth0")
	s.box.Address("eth0", "10.0.0.1/24")
	s.upstream.Address("eth0", "10.0.0.2/24")
	s.box.Address("lo", "192.0.2.53/32")
	s.dog = filepath.Join(s.Dir, "dog")
	s.daemon = s.box.Box(lab.Holdfast, config(s))
	s.bird = lab.BIRD(s.upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Passive: true, HoldTime: 90, Channels: "	debug { routes };\n"})
	s.bird.Start()
	s.Until(soon, "bird listens", func() bool { return s.upstream.Listens(179) })
	return s
}

func (s *story) has() bool { _, ok := s.bird.Route(anycast); return ok }

func (s *story) announced() {
	s.Helper()
	s.Until(soon, "the upstream has the prefix", s.has)
}

func (s *story) withdrawn() {
	s.Helper()
	s.Until(soon, "the prefix is withdrawn", func() bool { return !s.has() })
	if !s.bird.Established() {
		s.Fatalf("it went with its session")
	}
}

// holdfast runs the command line on the box.
func (s *story) holdfast(args ...string) string {
	out, err := s.box.Try(append([]string{lab.Binary(s)}, args...)...)
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

func (s *story) explain() string {
	return s.holdfast("explain", "192.0.2.53", "--socket", s.daemon.Socket())
}

func TestLinkAndAddress(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.daemon.Start()
	s.announced()
	s.box.IP("link set eth1 down")
	s.withdrawn()
	if why := s.explain(); !strings.Contains(why, "link eth1 is down") {
		t.Errorf("explain:\n%s", why)
	}
	s.box.IP("address del 192.0.2.53/32 dev lo")
	s.box.IP("link set eth1 up")
	s.Until(soon, "the address is missed", func() bool { return strings.Contains(s.explain(), "is not on this box") })
	if s.has() {
		t.Error("announced without its address")
	}
	s.box.IP("address add 192.0.2.53/32 dev lo")
	s.announced()
	if why := s.explain(); !strings.Contains(why, "is announced to 1 neighbor") {
		t.Errorf("explain:\n%s", why)
	}
}

func TestDisableFileAndHand(t *testing.T) {
	s := tell(t, func(s *story) string {
		return s.gated(usual+"file "+filepath.Join(s.Dir, "off")+" absent;", "")
	})
	s.daemon.Start()
	s.announced()
	s.File("off", "")
	s.withdrawn()
	os.Remove(filepath.Join(s.Dir, "off"))
	s.announced()
	s.daemon.Command("withdraw watchdog dns")
	s.withdrawn()
	if why := s.explain(); !strings.Contains(why, "withdrawn by hand") {
		t.Errorf("explain:\n%s", why)
	}
	s.daemon.Command("announce watchdog dns")
	s.announced()
}

// TestStop looks at the wire while the daemon stops: the withdraw comes, and
// is acknowledged, while the address that it holds is still on the box.
func TestStop(t *testing.T) {
	const conditions = "link eth1; address 192.0.2.53/32;"
	s := tell(t, func(s *story) string {
		return s.gated(conditions, "appliance { address 192.0.2.53/32 on eth1; }")
	})
	s.box.IP("address del 192.0.2.53/32 dev lo")
	s.daemon.Start()
	s.announced()
	// What happens to addresses and routes, in one clock: ip's and the log's.
	monitor := s.box.Start("monitor", nil, "ip", "-ts", "monitor", "address")
	s.Until(soon, "the monitor listens", func() bool {
		s.box.IP("address replace 198.51.100.1/32 dev lo")
		return strings.Contains(monitor.Log(), "198.51.100.1/32")
	})
	s.daemon.Stop()
	s.Until(soon, "withdrawn", func() bool { return !s.has() })
	s.Until(soon, "the address is gone", func() bool { return strings.Contains(monitor.Log(), "Deleted") })
	log := s.daemon.Log()
	acked, stopped := strings.Index(log, "withdraw acknowledged"), strings.Index(log, "msg=stopped")
	if acked < 0 || stopped < acked {
		t.Fatalf("log:\n%s", log)
	}
	at := func(line string) string {
		_, ts, _ := strings.Cut(line, "time=")
		return ts[:len("2026-01-02T15:04:05.000")]
	}
	ack := at(log[strings.LastIndex(log[:acked], "\n")+1:])
	heard, _, _ := strings.Cut(monitor.Log(), "] Deleted")
	gone := heard[strings.LastIndex(heard, "[")+1:][:len("2026-01-02T15:04:05.000")]
	if gone < ack {
		t.Errorf("the address went at %s, the acknowledgement came at %s", gone, ack)
	}
}

func TestKill(t *testing.T) {
	const hold = "hold-time 90;" // longer than soon: the peer must not need it
	s := tell(t, func(s *story) string { return strings.Replace(s.gated(usual, ""), "hold-time 9;", hold, 1) })
	s.daemon.Start()
	s.announced()
	s.daemon.Signal(syscall.SIGKILL)
	s.Until(soon, "the peer sees the close", func() bool { return !s.bird.Established() })
}

// simulate starts the daemon on a machine with a simulated watchdog. What it
// allows, and the configuration with it, is more than a busy host stalls for.
func (s *story) simulate() {
	s.sim = s.box.Start("machine", nil, lab.Binary(s), "watchdog-sim", "--socket", s.dog, "--timeout", "10s", "--",
		lab.Binary(s), "run", s.daemon.Conf)
}

// stand is what the daemon's status says, as far as stories ask.
type stand struct {
	PID      int
	Summary  string
	Watchdog struct {
		Armed           bool
		Why             string
		ResetByWatchdog bool `json:"reset-by-watchdog"`
	}
	Neighbors []struct {
		Address, State string
		LastError      string `json:"last-error"`
		Sessions       int
	}
}

func (s *story) status() (st stand) {
	out, err := s.box.Try(lab.Binary(s), "status", "--json", "--socket", s.daemon.Socket())
	if err == nil {
		err = json.Unmarshal(out, &st)
	}
	if err != nil {
		st.Summary = fmt.Sprintf("%s %v", out, err)
	}
	return st
}

// armed waits until the watchdog is, and gives the status then.
func (s *story) armed() (st stand) {
	s.Helper()
	s.Until(soon, "the watchdog is armed", func() bool { st = s.status(); return st.Watchdog.Armed })
	return st
}

func TestFrozenIsReset(t *testing.T) {
	s := tell(t, func(s *story) string {
		return s.gated(usual, "watchdog { device sim:"+s.dog+"; timeout 10s; }")
	})
	s.simulate()
	s.announced()
	before := s.armed()
	if before.Watchdog.ResetByWatchdog {
		t.Fatalf("before: %+v", before)
	}
	if err := syscall.Kill(before.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.Until(soon, "the session goes", func() bool { return !s.bird.Established() || !s.has() })
	s.announced()
	after := s.armed()
	if after.PID == before.PID || !after.Watchdog.ResetByWatchdog {
		t.Errorf("after: %+v", after)
	}
	s.sim.Signal(syscall.SIGTERM)
	if err := s.sim.Wait(soon); err != nil {
		t.Errorf("the machine ends: %v", err)
	}
}

func TestNoWatchdogNoAnnouncement(t *testing.T) {
	s := tell(t, func(s *story) string {
		return s.gated(usual, "watchdog { device /dev/watchdog-none; timeout 10s; }")
	})
	s.daemon.Start()
	s.Until(soon, "the session is up", s.bird.Established)
	s.daemon.Command("announce route 198.51.100.0/24 next-hop self")
	s.Until(soon, "a route that is tied to nothing", func() bool {
		_, ok := s.bird.Route(netip.MustParsePrefix("198.51.100.0/24"))
		return ok
	})
	if s.has() {
		t.Error("announced without a watchdog")
	}
	if why := s.explain(); !strings.Contains(why, "the hardware watchdog is not armed: open /dev/watchdog-none: no such file") {
		t.Errorf("explain:\n%s", why)
	}
}

// TestWatchdogByReload: what a configuration ties to the hardware is announced once
// that is armed, also if the daemon began without one, as a box does that has been
// waiting for its first bundle.
func TestWatchdogByReload(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.simulate()
	s.announced()
	s.rewrite("neighbor", "watchdog { device /dev/watchdog-none; timeout 10s; } neighbor")
	pid := s.status().PID
	syscall.Kill(pid, syscall.SIGHUP)
	s.withdrawn()
	s.rewrite("/dev/watchdog-none", "sim:"+s.dog)
	syscall.Kill(pid, syscall.SIGHUP)
	s.announced()
	if st := s.armed(); st.PID != pid {
		t.Errorf("%+v", st)
	}
}

func TestFlood(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated("address 192.0.2.53/32 on lo;", "") })
	s.daemon.Start()
	s.announced()
	var b strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&b, "address add 10.9.%d.%d/32 dev eth1\naddress del 10.9.%d.%d/32 dev eth1\n", i/250%250, 1+i%250, i/250%250, 1+i%250)
	}
	b.WriteString("address del 192.0.2.53/32 dev lo\n")
	c := exec.Command("ip", "-n", s.box.NS, "-batch", "-")
	c.Stdin = strings.NewReader(b.String())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.withdrawn()
	s.box.IP("address add 192.0.2.53/32 dev lo")
	s.announced()
}

// TestReload changes one neighbor of two.
func TestReload(t *testing.T) {
	second := func(as int) string {
		return fmt.Sprintf("neighbor 10.0.0.3 { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as %d; hold-time 9; static { route 198.51.100.0/24 next-hop self; } }", as)
	}
	s := tell(t, func(s *story) string { return s.gated(usual, second(65009)) })
	s.daemon.Start()
	s.announced()
	ports := func() string { return s.box.Run("ss", "-Htn", "dst 10.0.0.2 and dport = 179") }
	before := ports()
	s.rewrite(second(65009), second(65010)+"\n# changed")
	s.daemon.Signal(syscall.SIGHUP)
	s.Until(soon, "the reload", func() bool { return strings.Contains(s.daemon.Log(), "neighbor changed") })
	if after := ports(); before == "" || strings.Fields(after)[3] != strings.Fields(before)[3] {
		t.Errorf("the other session's connection was\n%s and is\n%s", before, after)
	}
	if !s.has() {
		t.Error("the prefix went with the reload")
	}
	s.rewrite("route 192.0.2.53/32 next-hop self watchdog dns;", "rout 192.0.2.53/32;")
	s.daemon.Signal(syscall.SIGHUP)
	s.Until(soon, "the refusal", func() bool { return strings.Contains(s.daemon.Log(), `unknown word \"rout\", did you mean \"route\"?`) })
	if !s.has() {
		t.Error("a bad configuration changed something")
	}
	s.rewrite("rout 192.0.2.53/32;", "")
	s.daemon.Signal(syscall.SIGHUP)
	s.withdrawn()
}

// TestReloadMovesAddress: an address that gets another label, or moves to another
// link and back, is on the box all the while, and so is the route. It is one of
// many: what happens between two steps is seen.
func TestReloadMovesAddress(t *testing.T) {
	addresses := func(at string) string {
		var b strings.Builder
		for i := range 250 {
			fmt.Fprintf(&b, "address 198.51.100.%d/32 on %s; ", i, at)
		}
		return b.String() + "address 192.0.2.53/32 on " + at + ";"
	}
	was := addresses("lo label lo:old")
	s := tell(t, func(s *story) string {
		return s.gated("link eth1; address 192.0.2.53/32;", "appliance { "+was+" }")
	})
	s.box.IP("address del 192.0.2.53/32 dev lo")
	s.daemon.Start()
	s.announced()
	for i, at := range []string{"lo label lo:new", "eth1", "lo"} {
		now := addresses(at)
		s.rewrite(was, now)
		s.daemon.Signal(syscall.SIGHUP)
		s.Until(soon, "the reload", func() bool { return strings.Count(s.daemon.Log(), "configuration kept") == i+1 })
		was = now
		link, _, _ := strings.Cut(at, " ")
		s.Until(soon, "the address is on "+link+" alone", func() bool {
			all := s.box.IP("-4 -oneline address show to 192.0.2.53/32")
			return strings.Count(all, "192.0.2.53/32") == 1 && strings.Contains(all, " "+link+" ")
		})
	}
	s.box.IP("link set eth1 down") // behind whatever was seen of the moves
	s.withdrawn()
	if n := s.lost(); n != 1 {
		t.Errorf("the neighbor has lost the route %d times, want once, at the end:\n%s", n, s.daemon.Log())
	}
}

// rewrite changes the box's configuration.
func (s *story) rewrite(old, now string) {
	s.Helper()
	b, err := os.ReadFile(s.daemon.Conf)
	if err == nil && !strings.Contains(string(b), old) {
		err = fmt.Errorf("no %q in it", old)
	}
	if err == nil {
		err = os.WriteFile(s.daemon.Conf, []byte(strings.Replace(string(b), old, now, 1)), 0o644)
	}
	if err != nil {
		s.Fatalf("%s: %v", s.daemon.Conf, err)
	}
}

func TestWrongKey(t *testing.T) {
	s := tell(t, func(s *story) string {
		return strings.Replace(s.gated(usual, ""), "hold-time 9;", "hold-time 9; md5-password wrong;", 1)
	})
	s.daemon.Start()
	s.Until(soon, "the hint", func() bool {
		st := s.status()
		return len(st.Neighbors) == 1 && strings.Contains(st.Neighbors[0].LastError, "no answer to SYN from 10.0.0.2:179, MD5?")
	})
}

func TestSecondDaemon(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	s.daemon.Start()
	s.announced()
	out := s.holdfast("run", s.daemon.Conf)
	if want := fmt.Sprintf("is held by process %d (holdfast)", s.status().PID); !strings.Contains(out, want) {
		t.Errorf("%q, want %q", out, want)
	}
	if !s.has() {
		t.Error("the first one lost its prefix")
	}
}

func TestValidateShowsAll(t *testing.T) {
	l := lab.New(t)
	var b strings.Builder
	b.WriteString("neighbor 10.0.0.2 { local-as 1; peer-as 2;\n")
	for i := range 10 {
		fmt.Fprintf(&b, "hold-time x%d;\n", i)
	}
	path := l.File("bad.conf", b.String()+"}\n")
	out, err := exec.Command(lab.Binary(l), "validate", path).CombinedOutput()
	if err == nil || strings.Count(string(out), "hold-time: want 0-65535") != 10 || !strings.Contains(string(out), path+":5:11: ") {
		t.Errorf("%v\n%s", err, out)
	}
}
