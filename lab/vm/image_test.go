package vm_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// boxConf is what a stick brings: a box without DHCP has its address from the
// configuration.
const boxConf = `appliance { address 10.0.0.1/24 on enp0s3; address 192.0.2.53/32 on lo; }
watchdog { identity "i6300ESB timer"; timeout 10s; }
watchdog dns { address 192.0.2.53/32; }
neighbor 10.0.0.2 {
	router-id 10.0.0.1; local-address 10.0.0.1; local-as 65000; peer-as 65001; hold-time 9; md5-password "secret";
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`

// provisioned is a stick that provisions any box.
func provisioned(l *lab.Lab, conf string) string {
	l.Helper()
	return vm.Stick(l, "stick", "HOLDFAST", map[string]string{"box.tar": packed(l, conf)})
}

// packed is a bundle that brings a configuration and the lab's ssh key to any box.
func packed(l *lab.Lab, conf string) string {
	l.Helper()
	key, err := os.ReadFile(vm.Key(l) + ".pub")
	if err != nil {
		l.Fatalf("%v", err)
	}
	dir := filepath.Join(l.Dir, "bundle")
	if err := os.Mkdir(dir, 0o755); err != nil {
		l.Fatalf("%v", err)
	}
	l.File("bundle/holdfast.conf", conf)
	l.File("bundle/authorized_keys", string(key))
	to := filepath.Join(l.Dir, "box.tar")
	if out, err := exec.Command(lab.Binary(l), "provision", "pack", dir, "-o", to, "--target", "*", "--version", "1").CombinedOutput(); err != nil {
		l.Fatalf("pack: %v %s", err, out)
	}
	tar, err := os.ReadFile(to)
	if err != nil {
		l.Fatalf("%v", err)
	}
	return string(tar)
}

// imaged is a machine that booted an image, with a neighbor that is BIRD.
type imaged struct {
	*vm.Machine
	t    *testing.T
	bird lab.Peer
	on   time.Time // when it was turned on
}

// bootImage boots an image with a stick that provisions it.
func bootImage(t *testing.T, arch string, i *vm.Image, o vm.Options) *imaged {
	return bootWith(t, arch, i, o, boxConf)
}

// bootWith is bootImage with a configuration of the test's own.
func bootWith(t *testing.T, arch string, i *vm.Image, o vm.Options, conf string) *imaged {
	l := lab.New(t)
	o.Firmware, o.Image = arch, i.Disk
	o.Disks = append(o.Disks, provisioned(l, conf))
	return power(t, l, o)
}

// power turns a machine on that is wired to a neighbor.
func power(t *testing.T, l *lab.Lab, o vm.Options) *imaged {
	h := l.Host("router")
	o.Name, o.Link, o.Serial = "box", "tap0", "BOX-1"
	m := &imaged{t: t, on: time.Now()}
	m.Machine = vm.Boot(h, o)
	h.Address("tap0", vm.Router+"/24")
	m.bird = lab.BIRD(h, lab.Session{Local: netip.MustParseAddr(vm.Router), Remote: netip.MustParseAddr(vm.Address), LocalAS: 65001, RemoteAS: 65000, Passive: true, Password: "secret"})
	m.bird.Start()
	return m
}

func (m *imaged) has() bool {
	_, ok := m.bird.Route(anycast)
	return ok
}

// announced waits for the neighbor to have the route.
func (m *imaged) announced(what string) {
	m.t.Helper()
	begin := time.Now()
	m.Until(6*time.Minute, what+": announced", m.has)
	m.t.Logf("%s: announced after %s", what, time.Since(begin).Round(time.Second/10))
}

// gone waits for it not to.
func (m *imaged) gone(what string) {
	m.t.Helper()
	m.Until(6*time.Minute, what+": withdrawn", func() bool { return !m.has() })
}

// TestImage is an image as it is flashed: provisioned by a stick, frozen, panicking,
// and turned off again and again.
func TestImage(t *testing.T) {
	i := vm.Build(lab.New(t), "amd64", "1.0.0", "")
	m := bootImage(t, "amd64", i, vm.Options{})
	m.announced("from power through UEFI")
	m.Reachable()
	t.Log(m.Run("systemctl --failed --no-pager --no-legend; systemd-analyze | head -1; grep -E ' (/|/var|/etc|/efi) ' /proc/mounts; cat /etc/os-release | grep VERSION; holdfast watchdog; holdfast update status"))
	m.runs("1.0.0")
	t.Log(m.Run("ls -l /efi/EFI/* ; holdfast update status"))

	m.nothingFailed()

	// The daemon is frozen: the session ends, and the hardware resets the box.
	m.Run("systemctl kill --kill-who=main -s STOP holdfast")
	m.gone("frozen")
	m.Until(3*time.Minute, "the watchdog resets it", func() bool { return len(m.Events("WATCHDOG")) == 1 })
	m.announced("reset by the hardware")
	m.Reachable()
	if out := m.Run("holdfast history -n 40"); !strings.Contains(out, "this boot follows a reset by the watchdog") {
		t.Errorf("nobody says why it was reset: %s", out)
	}

	// The kernel panics, and starts anew.
	m.Ask("echo 1 >/proc/sys/kernel/sysrq; sync; (sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
	m.gone("panic")
	m.announced("after a panic")

	// Three power cuts, one during the boot.
	for range 3 {
		m.Kill()
		m.Start()
		time.Sleep(3 * time.Second)
	}
	m.gone("power cuts")
	m.announced("after three power cuts")
	m.Reachable()
	if out := m.Run("ls /efi/EFI/Linux"); !strings.Contains(out, "holdfast_1.0.0.efi") || strings.Contains(out, "+") {
		t.Errorf("tries were used up: %s", out)
	}
}

// nothingFailed complains of units that have.
func (m *imaged) nothingFailed() {
	m.t.Helper()
	if out := m.Run("systemctl --failed --no-pager --no-legend"); out != "" {
		m.t.Errorf("failed: %s", out)
	}
}

// runs waits until a version runs, and is good.
func (m *imaged) runs(version string) {
	m.t.Helper()
	m.Until(6*time.Minute, version+" runs and is good", func() bool {
		out := m.Ask("holdfast update status")
		return strings.Contains(out, "running: "+version+"\n") && strings.Contains(out, " "+version+" good, primary")
	})
}
