//go:build images

package vm_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/image/build"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// twoGates is boxConf with another address, which is drained.
var twoGates = strings.NewReplacer("on lo; }", "on lo; address 192.0.2.54/32 on lo; drain { wait 1s; } }",
	"neighbor", "watchdog web { address 192.0.2.54/32; }\nneighbor",
	"dns; }", "dns; route 192.0.2.54/32 next-hop self watchdog web; }").Replace(boxConf)

var drained = netip.MustParsePrefix("192.0.2.54/32")

// Where things are on a disk that nobody has made larger, in octets.
const (
	espAt  = 1 << 20
	dataAt = slotA + 2*slotSize
	dataTo = build.DiskSize - 1<<20
)

// TestBrokenData: whatever has become of its data partition, and of a stick that
// is gone, a box announces its last good configuration, keeps its drains, and lets
// in who may.
func TestBrokenData(t *testing.T) {
	d := &damaged{imaged: bootWith(t, "amd64", vm.Build(lab.New(t), "amd64", "1.0.0", ""), vm.Options{}, twoGates)}
	d.announced("first boot")
	d.Reachable()
	d.runs("1.0.0")
	d.configured()
	d.Until(wait, "the ESP has a good configuration", func() bool { return d.Ask("grep -a -c '\"good\"' /efi/holdfast/state.tar") != "" })
	d.Run("holdfast drain web --reason disks --wait")
	d.Until(wait, "the ESP knows of the drain", func() bool { return d.Ask("grep -a -c disks /efi/holdfast/state.tar") != "" })
	d.Until(wait, "it is on the disk", func() bool { return d.Ask("systemctl show -P ActiveState holdfast-keep") == "inactive" })
	d.Kill()
	d.Disks = d.Disks[:1]
	for _, one := range []struct {
		what string
		do   func()
		says string
	}{
		{"nothing but noise", func() { d.noise(dataAt, dataTo) }, " is new"},
		{"ext4's mark, and noise", func() { d.noise(dataAt, dataTo); d.write(dataAt+0x438, []byte{0x53, 0xef}) }, "is made anew"},
		{"a folder that is gone", func() { d.debugfs("clri /lib/holdfast") }, "comes from the ESP"},
		{"a configuration that is gone", func() { d.debugfs("clri /lib/holdfast/generations") }, "comes from the ESP"},
		{"a key of ssh that is empty", func() { d.debugfs("set_inode_field /etc/ssh/ssh_host_ed25519_key size 0") }, ""},
		{"lost clusters and a dirty ESP", d.dirtyESP, ""},
		{"a partition that is gone", d.noPartition, "/var is in memory"},
	} {
		one.do()
		d.comesBack(one.what, one.says)
		d.Kill()
	}
}

// TestFullData: a box whose data partition is full announces after a reboot, and
// after a power cut.
func TestFullData(t *testing.T) {
	d := &damaged{imaged: bootWith(t, "amd64", vm.Build(lab.New(t), "amd64", "1.0.0", ""), vm.Options{}, twoGates)}
	d.announced("first boot")
	d.Reachable()
	d.runs("1.0.0")
	d.configured()
	d.Run("holdfast drain web --reason disks --wait")
	d.Run("cat /dev/zero >/var/full 2>/dev/null; echo >>/var/more; sync")
	d.Run("holdfast reboot --now")
	d.comesOn("full, after a reboot")
	d.Kill()
	d.comesBack("full, after a power cut", "")
	d.Run("rm /var/full; systemctl reset-failed")
	d.Run("holdfast undrain web")
	d.Until(wait, "there is room again", func() bool { _, ok := d.bird.Route(drained); return ok })
}

// damaged is a machine whose disk is broken while it is off.
type damaged struct{ *imaged }

// comesBack turns the power on.
func (d *damaged) comesBack(what, says string) {
	d.t.Helper()
	before := len(d.Console())
	d.Start()
	d.comesOn(what)
	if said := d.Console()[before:]; !strings.Contains(said, says) {
		d.t.Errorf("%s: the console does not say %q:\n%s", what, says, said)
	}
}

// comesOn waits for a boot, and looks whether all is as it was.
func (d *damaged) comesOn(what string) {
	d.t.Helper()
	d.gone(what)
	d.announced(what)
	d.Reachable()
	d.runs("1.0.0")
	if _, ok := d.bird.Route(drained); ok {
		d.t.Errorf("%s: what was drained is announced", what)
	}
	d.t.Logf("%s: %s", what, d.Run("grep -E ' (/var|/efi) ' /proc/mounts; ls /efi; holdfast status | head -5; systemctl --failed --no-pager --no-legend"))
}

// write writes onto the disk.
func (d *damaged) write(at int64, data []byte) {
	d.t.Helper()
	f, err := os.OpenFile(d.Disks[0], os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		d.t.Fatal(err)
	}
}

func (d *damaged) noise(from, to int64) {
	d.t.Helper()
	b := make([]byte, to-from)
	r := rand.NewChaCha8([32]byte{})
	r.Read(b)
	d.write(from, b)
}

// debugfs breaks the file system of the data partition in one place, and leaves
// nothing in its journal that would mend it. It works on a copy: e2fsck does not
// open again what is at an offset.
func (d *damaged) debugfs(command string) {
	d.t.Helper()
	b := make([]byte, dataTo-dataAt)
	f, err := os.Open(d.Disks[0])
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(b, dataAt); err != nil {
		d.t.Fatal(err)
	}
	part := filepath.Join(d.t.TempDir(), "data")
	if err := os.WriteFile(part, b, 0o600); err != nil {
		d.t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", `e2fsck -p "$0" || [ $? = 1 ]`, part).CombinedOutput(); err != nil { // 1: it has mended something
		d.t.Fatalf("e2fsck: %v %s", err, out)
	}
	if out, err := exec.Command("debugfs", "-w", "-R", command, part).CombinedOutput(); err != nil || strings.Contains(string(out), "File not found") {
		d.t.Fatalf("debugfs: %v %s", err, out)
	}
	if b, err = os.ReadFile(part); err != nil {
		d.t.Fatal(err)
	}
	d.write(dataAt, b)
}

// dirtyESP leaves what a power cut does: clusters that no file has, and a mark that
// nobody has unmounted it.
func (d *damaged) dirtyESP() {
	d.t.Helper()
	f, err := os.Open(d.Disks[0])
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 512)
	if _, err := f.ReadAt(head, espAt); err != nil {
		d.t.Fatal(err)
	}
	sector := int64(binary.LittleEndian.Uint16(head[11:]))
	fat, size := espAt+int64(binary.LittleEndian.Uint16(head[14:]))*sector, int64(binary.LittleEndian.Uint32(head[36:]))*sector
	entries := make([]byte, size)
	if _, err := f.ReadAt(entries, fat); err != nil {
		d.t.Fatal(err)
	}
	// A chain of the last clusters that are free, in both tables.
	lost, last := 0, (int64(binary.LittleEndian.Uint32(head[32:]))*sector-(fat-espAt)-2*size)/sector/int64(head[13])
	for next, at := uint32(0x0fffffff), uint32(last); lost < 2000; at-- {
		if binary.LittleEndian.Uint32(entries[4*at:]) == 0 {
			binary.LittleEndian.PutUint32(entries[4*at:], next)
			next, lost = at, lost+1
		}
	}
	d.write(fat, entries)
	d.write(fat+size, entries)
	d.write(espAt+0x41, []byte{1})
}

// noPartition is a partition that nobody finds.
func (d *damaged) noPartition() {
	d.t.Helper()
	if out, err := exec.Command("/sbin/sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--delete", d.Disks[0], "4").CombinedOutput(); err != nil {
		d.t.Fatalf("sfdisk: %v %s", err, out)
	}
}
