package vm_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/image/tree"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// restartable keeps its routes with the neighbor over a restart, takes its key
// from a credential, and has a helper.
const restartable = `appliance { address 192.0.2.53/32 on lo; }
watchdog { identity "i6300ESB timer"; timeout 10s; }
watchdog dns { address 192.0.2.53/32; }
process helper { run /etc/holdfast/helper; encoder text; }
neighbor 10.0.0.2 {
	router-id 10.0.0.1; local-address 10.0.0.1; local-as 65000; peer-as 65001; hold-time 9; listen 179;
	md5-password-file upstream;
	capability { graceful-restart 120; }
	api { processes [ helper ]; }
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`

// helped is what the helper announces.
var helped = netip.MustParsePrefix("198.51.100.1/32")

// TestRestart is "systemctl restart" under systemd itself, seen by a neighbor that
// keeps routes: it never loses one. The socket is kept, the key is root's, the
// helper runs in a unit of its own as somebody else, and the hardware, armed all
// the while, does not bite.
func TestRestart(t *testing.T) {
	l := lab.New(t)
	h := l.Host("router")
	extra := tree.Tree{}
	extra.File("etc/holdfast/holdfast.conf", 0o644, []byte(restartable))
	extra.File("etc/holdfast/keys/upstream", 0o600, []byte("sesame\n"))
	extra.File("etc/holdfast/helper", 0o755, []byte("#!/bin/sh\necho announce route 198.51.100.1/32 next-hop self\nwhile read line; do :; done\n"))
	m := vm.Boot(h, vm.Options{Name: "box", Link: "tap0", Extra: extra, Disks: []string{vm.Disk(l, "data.img", "holdfast-data", 64)}})
	h.Address("tap0", vm.Router+"/24")
	bird := lab.BIRD(h, lab.Session{Local: netip.MustParseAddr(vm.Router), Remote: netip.MustParseAddr(vm.Address), LocalAS: 65001, RemoteAS: 65000,
		Password: "sesame", Channels: "	graceful restart on;\n	debug { routes };\n"})
	bird.Start()
	has := func(p netip.Prefix) func() bool { return func() bool { _, ok := bird.Route(p); return ok } }
	m.Until(5*time.Minute, "the route is announced", has(anycast))
	m.Until(5*time.Minute, "the helper's route is announced", has(helped))
	m.Reachable()
	if all := m.Run("ps -e -o user:20=,args="); !regexp.MustCompile(`(?m)^holdfast-helper +.*/etc/holdfast/helper`).MatchString(all) {
		t.Errorf("who runs the helper:\n%s", all)
	}
	if unit := m.Run("systemctl list-units --no-legend --plain 'holdfast-helper@*.service'"); !strings.Contains(unit, "running") {
		t.Errorf("the helper's unit: %q", unit)
	}
	if mode := m.Run("stat -c %a /etc/holdfast/keys/upstream"); mode != "600" {
		t.Errorf("the key has mode %s", mode)
	}
	pid := m.Run("systemctl show -P MainPID holdfast")
	for range 2 {
		m.Run("systemctl restart holdfast")
		m.Until(5*time.Minute, "the session is up again", bird.Established)
		m.Until(5*time.Minute, "the helper has spoken again", has(helped))
	}
	if now := m.Run("systemctl show -P MainPID holdfast"); now == pid || now == "0" {
		t.Errorf("process %s was %s", now, pid)
	}
	journal := m.Run("journalctl -u holdfast -o cat --no-pager")
	if n := strings.Count(journal, "listening goes on from the life before"); n != 2 {
		t.Errorf("%d lives have gone on with the socket:\n%s", n, journal)
	}
	log, err := os.ReadFile(filepath.Join(l.Dir, "router-bird.log"))
	if err != nil || !strings.Contains(string(log), "> added [best] "+anycast.String()) {
		t.Fatalf("bird does not tell of its table: %v\n%s", err, log)
	}
	if strings.Contains(string(log), "> removed ") {
		t.Errorf("the neighbor has lost a route:\n%s\n%s", log, journal)
	}
	// The kernel says so of each close that leaves it armed.
	if n := strings.Count(m.Run("journalctl -k -o cat --no-pager"), "watchdog did not stop"); n != 2 {
		t.Errorf("the hardware was left armed %d times", n)
	}
	m.Run("systemctl stop holdfast")
	m.Until(5*time.Minute, "a stop withdraws", func() bool { return !has(anycast)() })
	if s := m.Run("ip -br address show dev lo"); strings.Contains(s, "192.0.2.53") {
		t.Errorf("a stop leaves an address: %s", s)
	}
	if s := m.Ask("systemctl list-units --no-legend --plain --state=running 'holdfast-helper@*.service'"); s != "" {
		t.Errorf("a stop leaves a helper: %s", s)
	}
}
