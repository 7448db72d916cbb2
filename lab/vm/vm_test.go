package vm_test

import (
	"net/netip"
	"os"
	"testing"

	"holdfast/image/tree"
	"holdfast/lab"
	"holdfast/lab/vm"
)

func TestMain(m *testing.M) {
	code := m.Run()
	vm.Remove()
	lab.RemoveBinary()
	os.Exit(code)
}

var anycast = netip.MustParsePrefix("192.0.2.53/32")

const config = `appliance { address 192.0.2.53/32 on lo; }
watchdog { identity "i6300ESB timer"; timeout 10s; }
watchdog dns { address 192.0.2.53/32; }
neighbor 10.0.0.2 {
	router-id 10.0.0.1; local-address 10.0.0.1; local-as 65000; peer-as 65001; hold-time 9;
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`

// boot starts a box with a configuration and a neighbor that is BIRD.
func boot(t *testing.T, conf string, o vm.Options) (*vm.Machine, lab.Peer) {
	l := lab.New(t)
	h := l.Host("router")
	o.Name, o.Link = "box", "tap0"
	if o.Extra == nil {
		o.Extra = tree.Tree{}
	}
	o.Extra.File("etc/holdfast/holdfast.conf", 0o644, []byte(conf))
	o.Disks = append([]string{vm.Disk(l, "data.img", "holdfast-data", 64)}, o.Disks...)
	m := vm.Boot(h, o)
	h.Address("tap0", vm.Router+"/24")
	bird := lab.BIRD(h, lab.Session{Local: netip.MustParseAddr(vm.Router), Remote: netip.MustParseAddr(vm.Address), LocalAS: 65001, RemoteAS: 65000, Passive: true})
	bird.Start()
	return m, bird
}

func TestBoot(t *testing.T) {
	m, bird := boot(t, config, vm.Options{})
	m.Reachable()
	t.Log(m.Run("systemctl is-system-running; systemctl --failed --no-pager; systemd-analyze; journalctl -u holdfast -o cat --no-pager | tail -20; ls -la /dev/watchdog*; free -m"))
	m.Until(60e9, "announced", func() bool { _, ok := bird.Route(anycast); return ok })
}
