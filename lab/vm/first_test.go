//go:build images

package vm_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// leasedConf is for a box whose address comes from DHCP.
var leasedConf = strings.Replace(boxConf, "address 10.0.0.1/24 on enp0s3; ", "", 1)

// way is how a bundle comes to a box: what the machine has, and who is where its
// link ends.
type way struct {
	name    string
	machine func(*lab.Lab, *vm.Options)
	router  func(*lab.Host)
	then    func(*imaged)
}

var ways = []way{
	{"the ESP", func(l *lab.Lab, o *vm.Options) {
		i := *o.Direct
		i.Disk, o.Direct = copied(l, i.Disk), &i
		putOnESP(l.T, i.Disk, l.File("bundle.tar", packed(l, boxConf)), "/holdfast/drop/box.tar")
	}, nil, func(m *imaged) {
		m.Until(wait, "it is put away", func() bool { return m.Ask("ls /efi/holdfast/drop/done") == "box.tar" })
		if out := m.Run("cat /efi/holdfast/drop/BOX-1.result.txt"); !strings.Contains(out, ": taken") {
			m.t.Error(out)
		}
	}},
	{"SMBIOS", func(l *lab.Lab, o *vm.Options) {
		o.More = []string{"-smbios", "type=11,value=io.systemd.credential.binary:holdfast.bundle=" + base64.StdEncoding.EncodeToString([]byte(packed(l, boxConf)))}
	}, nil, nil},
	{"fw_cfg", func(l *lab.Lab, o *vm.Options) {
		o.More = []string{"-fw_cfg", "name=opt/io.systemd.credentials/holdfast.bundle,file=" + l.File("credential", packed(l, boxConf))}
	}, nil, nil},
	{"command line", func(_ *lab.Lab, o *vm.Options) {
		o.Append = "holdfast.provision=https://" + vm.Site + "/${serial}.tar"
	}, func(h *lab.Host) {
		vm.Web(h, map[string]string{"/BOX-1.tar": packed(h.Lab, leasedConf)})
		vm.DHCP(h, "tap0")
	}, nil},
	// Option 67 is for others that boot there.
	{"DHCP", nil, func(h *lab.Host) {
		vm.Web(h, map[string]string{"/dhcp/BOX-1.tar": packed(h.Lab, leasedConf)})
		vm.DHCP(h, "tap0", "67,pxelinux.0", "224,https://"+vm.Site+"/dhcp/${serial}.tar")
	}, nil},
}

// TestProvisioned is a box that comes from the factory, by each way but a stick.
func TestProvisioned(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel() // as many as there are processors
			l := lab.New(t)
			o := vm.Options{Direct: vm.Build(l, "amd64", "1.0.0", "")}
			if w.machine != nil {
				w.machine(l, &o)
			}
			m := power(t, l, o)
			if w.router != nil {
				w.router(m.Host)
			}
			m.announced(w.name)
			m.Reachable()
			m.nothingFailed()
			t.Log(m.Run("journalctl -o cat --no-pager -u holdfast-provision"))
			if w.then != nil {
				w.then(m)
			}
		})
	}
}

// waiting is the screen of a box that nobody has provisioned.
var waiting = regexp.MustCompile(`Holdfast 1\.0\.0, serial BOX-1, .*mac 52:54:00:12:34:56\s+enp0s3 +up +10\.0\.0\.1/24.*\s+ssh key +(SHA256:\S+)\s+not provisioned: serial BOX-1, .*waits for a bundle`)

// TestUnprovisioned is a box that says what it is and waits, lets nobody in, and
// takes what is plugged in while it runs.
func TestUnprovisioned(t *testing.T) {
	l := lab.New(t)
	m := power(t, l, vm.Options{Direct: vm.Build(l, "amd64", "1.0.0", ""), More: vm.USB})
	vm.DHCP(m.Host, "tap0")
	var key string
	m.Until(6*time.Minute, "the console says what the box is", func() bool {
		found := waiting.FindStringSubmatch(m.Console())
		if found != nil {
			key = found[1]
		}
		return found != nil
	})
	t.Logf("%s after power:%s", time.Since(m.on).Round(time.Second/10), waiting.FindString(m.Console()))
	var known []byte
	m.Until(6*time.Minute, "its ssh has a key", func() bool {
		known, _ = m.Try("sh", "-c", "ssh-keyscan -t ed25519 -T 60 "+vm.Address+" 2>/dev/null | ssh-keygen -lf -")
		return len(known) > 0
	})
	if !strings.Contains(string(known), key) {
		t.Errorf("the console says %s, its ssh %s", key, known)
	}
	m.keyless("a key that no bundle has brought", "root@", "-i", vm.Key(l))
	m.keyless("a password", "root@", "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive")
	m.keyless("another user", "holdfast@", "-i", vm.Key(l))

	stick := provisioned(l, leasedConf)
	m.Plug(stick)
	m.announced("a stick that is plugged in")
	m.Reachable()
	m.nothingFailed()
	if n := len(m.Events("RESET")); n != 0 {
		t.Errorf("it was reset %d times", n)
	}
	m.Until(wait, "the result is on the stick", func() bool { return strings.Contains(vm.Read(stick, "BOX-1.result.txt"), ": taken\n") })
	for line := range strings.Lines(m.Run("cat /etc/shadow")) {
		if f := strings.Split(line, ":"); !strings.HasPrefix(f[1], "*") && !strings.HasPrefix(f[1], "!") {
			t.Errorf("%s has a password", f[0])
		}
	}
}

// keyless has ssh try to get in: all that the box offers is keys.
func (m *imaged) keyless(what, user string, how ...string) {
	m.t.Helper()
	out, err := m.Try(append(append([]string{"ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "NumberOfPasswordPrompts=0", "-o", "ConnectTimeout=60"}, how...), user+vm.Address, "true")...)
	if err == nil || !strings.Contains(err.Error(), "Permission denied (publickey).") {
		m.t.Errorf("%s: %v %s", what, err, out)
	}
}
