package vm_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/image/tree"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// watched is the configuration of a box whose gate looks at a unit.
const watched = `appliance { address 192.0.2.53/32 on lo; drain { wait 2s; } }
watchdog { identity "i6300ESB timer"; timeout 30s; }
watchdog dns { unit dns active; address 192.0.2.53/32; on-failure { med 500 for 30s; withdraw; } }
neighbor 10.0.0.2 {
	router-id 10.0.0.1; local-address 10.0.0.1; local-as 65000; peer-as 65001; hold-time 9;
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`

// service is what the gate looks at.
const service = `[Unit]
Description=What is announced

[Service]
ExecStart=/usr/bin/sleep infinity
`

// wait is for what has to come; an emulator on a loaded host is slow.
const wait = 4 * time.Minute

// box is a machine, its neighbor, and an operator who is where the neighbor is.
type box struct {
	t *testing.T
	*vm.Machine
	bird  lab.Peer
	stick string
	path  string // of the operator
}

// TestBox is the life of a box, on one machine: it comes from the factory, takes
// its own of ten boxes' bundles from a stick, and is looked at, degraded, drained
// and rebooted from afar.
func TestBox(t *testing.T) {
	l := lab.New(t)
	h := l.Host("router")
	extra := tree.Tree{}
	extra.File("etc/systemd/system/dns.service", 0o644, []byte(service))
	extra.Symlink("etc/systemd/system/multi-user.target.wants/dns.service", "/etc/systemd/system/dns.service")
	b := &box{t: t, stick: vm.Stick(l, "stick.img", "HOLDFAST", bundles(l))}
	b.Machine = vm.Boot(h, vm.Options{Name: "box", Link: "tap0", Serial: "BOX-0004", Extra: extra,
		Disks: []string{vm.Disk(l, "data.img", "holdfast-data", 64), b.stick}})
	h.Address("tap0", vm.Router+"/24")
	b.bird = lab.BIRD(h, lab.Session{Local: netip.MustParseAddr(vm.Router), Remote: netip.MustParseAddr(vm.Address), LocalAS: 65001, RemoteAS: 65000, Passive: true})
	b.bird.Start()
	b.ssh()
	for _, part := range []struct {
		name string
		tell func()
	}{
		{"a stick", b.fromAStick}, {"exposure", b.exposure}, {"the bus", b.onTheBus}, {"a unit", b.unitStops}, {"another host", b.fromAfar},
		{"a reboot", b.rebootsDrained},
	} {
		begun := time.Now()
		part.tell()
		t.Logf("%s: %.0fs", part.name, time.Since(begun).Seconds())
	}
}

// bundles are ten boxes' of a fleet.
func bundles(l *lab.Lab) map[string]string {
	l.Helper()
	all := map[string]string{}
	for i := range 10 {
		text := watched
		if i != 4 {
			text = strings.ReplaceAll(text, "192.0.2.53", "192.0.2.99")
		}
		dir := filepath.Join(l.Dir, fmt.Sprintf("bundle%d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			l.Fatalf("%v", err)
		}
		l.File(filepath.Join(filepath.Base(dir), "holdfast.conf"), text)
		to := filepath.Join(l.Dir, fmt.Sprintf("box%d.tar", i))
		if out, err := exec.Command(lab.Binary(l), "provision", "pack", dir, "-o", to,
			"--target", fmt.Sprintf("serial:BOX-%04d", i), "--version", "1").CombinedOutput(); err != nil {
			l.Fatalf("pack: %v %s", err, out)
		}
		tar, err := os.ReadFile(to)
		if err != nil {
			l.Fatalf("%v", err)
		}
		all[filepath.Base(to)] = string(tar)
	}
	return all
}

// ssh is the operator's: he has the key, and knows nobody yet.
func (b *box) ssh() {
	b.t.Helper()
	b.path = filepath.Join(b.Dir, "bin")
	if err := os.Mkdir(b.path, 0o755); err != nil {
		b.Fatalf("%v", err)
	}
	b.File("bin/ssh", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/ssh -q -i %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60 \"$@\"\n", vm.Key(b.Lab)))
}

// holdfast is a verb that the operator has done on the box.
func (b *box) holdfast(verb string, args ...string) string {
	b.t.Helper()
	all := append([]string{"env", "PATH=" + b.path + ":" + os.Getenv("PATH"), lab.Binary(b.Lab), verb, "--host", "root@" + vm.Address}, args...)
	out, err := b.Try(all...)
	if err != nil {
		b.t.Errorf("holdfast %s %s: %v\n%s", verb, args, err, out)
	}
	return string(out)
}

func (b *box) has() bool {
	_, ok := b.bird.Route(anycast)
	return ok
}

func (b *box) announced() {
	b.t.Helper()
	b.Until(wait, "the prefix is announced", b.has)
}

// says complains of a text without some words.
func (b *box) says(what, text string, words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

// fromAStick: the box takes its own, and what has become of that is on the stick
// and on the console.
func (b *box) fromAStick() {
	b.announced()
	result := func() string { return vm.Read(b.stick, "BOX-0004.result.txt") }
	b.Until(wait, "the result is on the stick", func() bool { return strings.Contains(result(), "\n") })
	b.says("the stick", result(), "taken\n", "box4.tar", "box: serial BOX-0004")
	b.Until(wait, "the console says so", func() bool { return strings.Contains(b.Console(), "holdfast provision: volume-vdb: taken") })
	b.Reachable()
	if failed := b.Run("systemctl --failed --no-legend --plain"); failed != "" {
		b.t.Errorf("units that have failed: %s", failed)
	}
}

var figure = regexp.MustCompile(`(?m)^→ Overall exposure level for (\S+): (\S+) `)

// exposure prints what systemd thinks of the walls, on a box at work.
func (b *box) exposure() {
	units := "holdfast.service holdfast-provision.service holdfast-provision@vdb.service holdfast-helper@1-2-3.service"
	found := figure.FindAllStringSubmatch(b.Run("systemd-analyze security --no-pager "+units), -1)
	if len(found) != 4 {
		b.t.Errorf("figures of %d units", len(found))
	}
	for _, m := range found {
		b.Logf("systemd-analyze security: %s %s", m[1], m[2])
		if m[2] >= "4" { // they have one digit before the point, or are 10.0
			b.t.Errorf("%s: %s", m[1], m[2])
		}
	}
}

// onTheBus: everybody may look at properties; polkit lets members of our group
// drain, and nobody else.
func (b *box) onTheBus() {
	const object = " org.holdfast.Box /org/holdfast/Box "
	as := func(user, args string) string {
		return b.Ask("systemd-run --quiet --pipe --wait --uid=" + user + " busctl " + args + " 2>&1 || true")
	}
	b.says("introspect", b.Run("busctl introspect"+object), ".Drain ", ".Rollback ", ".Gates ")
	b.says("Armed", as("guest", "get-property"+object+"org.holdfast.Box Armed"), "b true")
	b.says("Explain", b.Run("busctl call"+object+"org.holdfast.Box Explain s 192.0.2.53"), "192.0.2.53/32")
	b.says("a drain by guest", as("guest", "call"+object+"org.holdfast.Box Drain asts 0 0 mine"), "denied")
	if s := as("guest", "call"+object+"org.holdfast.Box Status"); !strings.Contains(s, "denied") {
		b.t.Errorf("guest sees the status: %s", s)
	}
	if s := as("guest", "get-property"+object+"org.holdfast.Box Draining"); s != "b false" {
		b.t.Errorf("draining: %s", s)
	}
	b.says("a drain by ops", as("ops", "call"+object+"org.holdfast.Box Drain asts 1 dns 0 disks"), `\"gate\":\"dns\"`)
	b.Until(wait, "it is withdrawn", func() bool { return !b.has() })
	b.says("Gates", as("guest", "get-property"+object+"org.holdfast.Box Gates"), "disks")
	b.says("the end of it", as("ops", "call"+object+"org.holdfast.Box Undrain as 0"), `\"drains\":[]`)
	b.announced()
}

// unitStops: the gate hears of it, goes down its ladder, and comes back.
func (b *box) unitStops() {
	med := func() string {
		r, _ := b.bird.Route(anycast)
		return r.MED
	}
	b.Run("systemctl stop dns")
	b.Until(wait, "it is degraded", func() bool { return med() == "500" })
	b.Until(wait, "it is withdrawn", func() bool { return !b.has() })
	b.says("explain", b.Run("holdfast explain 192.0.2.53"), "unit dns.service active is inactive (dead)")
	b.Run("systemctl start dns")
	b.announced()
	b.Until(wait, "it is what it was", func() bool { return med() != "500" })
}

// fromAfar: what an operator asks a box over ssh.
func (b *box) fromAfar() {
	b.says("status", b.holdfast("status"), "1 of 1 sessions")
	b.says("units", b.holdfast("units"), "holdfast.service", "dns.service", "What is announced")
	b.says("logs", b.holdfast("logs", "-n", "1000"), "the box is on the system bus")
	before := b.Run("systemctl show -P MainPID dns")
	b.says("restart-unit", b.holdfast("restart-unit", "dns"), "restarted dns.service")
	if now := b.Run("systemctl show -P MainPID dns"); now == before {
		b.t.Errorf("it was not restarted")
	}
	b.announced()
}

// rebootsDrained: a drain goes on over a reboot from afar, and ends by itself;
// what came from the stick is kept.
func (b *box) rebootsDrained() {
	b.holdfast("drain", "--for", "3m", "--reason", "new disks", "--wait")
	if b.has() {
		b.t.Errorf("it is announced although the neighbors have acknowledged the withdraw")
	}
	b.says("reboot", b.holdfast("reboot"), "rebooting")
	b.Until(wait, "the session goes", func() bool { return !b.bird.Established() })
	b.Until(wait, "the machine resets", func() bool { return len(b.Events("RESET")) > 0 })
	b.Until(wait, "the session comes", b.bird.Established)
	if b.has() {
		b.t.Errorf("it is announced again")
	}
	b.announced()
	b.Reachable()
	var history string
	b.Until(wait, "history says that the drain is over by itself", func() bool { // it does within a second
		history = b.Run("holdfast history")
		return strings.Contains(history, "is over by itself: everything")
	})
	b.says("history", history, "goes on: everything until", "new disks")
	if strings.Contains(history, "in order") {
		b.t.Errorf("a reboot is taken for something else:\n%s", history)
	}
	boots := map[string]bool{}
	for _, m := range regexp.MustCompile(`"boot": ?"(\w+)"`).FindAllStringSubmatch(b.Run("holdfast history --json"), -1) {
		boots[m[1]] = true
	}
	if len(boots) != 2 {
		b.t.Errorf("history knows boots %v", boots)
	}
	b.says("status", b.holdfast("status"), "1 of 1 sessions")
}
