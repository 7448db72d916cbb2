//go:build images

package vm_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/image/verity"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// slotB is where the second slot begins.
const slotB = slotA + slotSize

// TestFlip is bits that a disk turns in the root of a version that was good: the
// other version is started, for good; hashes are made anew; and if there is no
// other version, the box is as good as it can be.
func TestFlip(t *testing.T) {
	l := lab.New(t)
	one, two := vm.Build(l, "amd64", "1.0.0", ""), vm.Build(l, "amd64", "2.0.0", "")
	m := flashed(t, one)
	m.update("a good version", two.Bundle, "")
	m.Reachable()
	m.runs("2.0.0")
	m.flip(slotB, 1000)
	m.announced("a bit of the data")
	m.Reachable()
	m.runs("1.0.0")
	const why = "its root is broken: /dev/vda3: block 1000 "
	out := m.Run("holdfast update status")
	if !strings.Contains(out, "slot: 2.0.0 bad: "+why) || !strings.Contains(out, ": 2.0.0 failed (root): "+why) {
		t.Errorf("a bit of the data: %s", out)
	}
	t.Log(out)

	m.flip(slotA, root(t, one).Blocks+1)
	m.Wait("/dev/vda2: its hashes were broken, and are made anew of its data")
	m.announced("a bit of the topmost hashes of the only good version")
	m.Reachable()
	m.runs("1.0.0")

	driver, block := rare(t, one)
	m.flip(slotA, block)
	m.announced("a bit of the only good version")
	m.Reachable()
	m.runs("1.0.0")
	if out := m.Run("cat /" + driver + " 2>&1 >/dev/null || true"); !strings.Contains(out, "Input/output error") {
		t.Errorf("what is broken is read: %q", out)
	}
	if out := m.Run("holdfast update status"); !strings.HasPrefix(out, "running: 1.0.0\nbroken: its root is broken: /dev/vda2: block ") {
		t.Errorf("nobody says that it is broken: %s", out)
	}
	m.update("the next update mends it", two.Bundle, "")
	m.Reachable()
	m.runs("2.0.0")
}

// TestSpoiltKernel is a bit that a disk turns in a copy of the kernel image, under a
// box that runs: it is mended before the next boot needs it, from the other copy.
func TestSpoiltKernel(t *testing.T) {
	i := vm.Build(lab.New(t), "amd64", "1.0.0", "")
	m := flashed(t, i)
	uki, err := os.ReadFile(i.UKI)
	if err != nil {
		t.Fatal(err)
	}
	block := uki[len(uki)/2&^4095:][:4096]
	if out := m.Run("systemctl list-timers --all --no-legend holdfast-update-scrub.timer"); !strings.Contains(out, "holdfast-update-scrub.service") {
		t.Errorf("nobody looks each day: %q", out)
	}
	copies := m.whereIs(block)
	if len(copies) != 2 {
		t.Fatalf("the kernel image is there %d times", len(copies))
	}
	for n, at := range copies {
		m.turnAt(at + 77)
		if len(m.whereIs(block)) != 1 {
			t.Fatal("no bit has turned")
		}
		m.Run("systemctl start holdfast-update-scrub")
		m.Run("sync")
		if len(m.whereIs(block)) != 2 {
			t.Fatalf("copy %d is not mended", n)
		}
	}
	m.Kill()
	m.Start()
	m.gone("power off")
	m.announced("mended")
	m.Reachable()
	m.runs("1.0.0")
	m.nothingFailed()
}

// whereIs is where on the disk's ESP a block of 4096 octets lies.
func (m *imaged) whereIs(block []byte) (at []int64) {
	m.t.Helper()
	f, err := os.Open(m.Disks[0])
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	esp := make([]byte, slotA-espAt)
	if _, err := f.ReadAt(esp, espAt); err != nil {
		m.t.Fatal(err)
	}
	for i := 0; ; {
		n := bytes.Index(esp[i:], block)
		if n < 0 {
			return at
		}
		at, i = append(at, espAt+int64(i+n)), i+n+1
	}
}

// TestHang is a version that hangs before it has a root, since it waits for one
// that is not there: the hardware, which is armed by then, ends each of its tries.
func TestHang(t *testing.T) {
	l := lab.New(t)
	one, hangs := vm.Build(l, "amd64", "1.0.0", ""), vm.Build(l, "amd64", "4.0.0", "holdfast.wait=4000 holdfast.watchdog=60")
	m := flashed(t, one)
	m.send(hangs.Bundle, "/var/tmp/bundle")
	m.installs("/var/tmp/bundle")
	m.Kill() // it has begun to shut down
	m.turn(slotB, root(t, hangs).Blocks+1)
	m.Start()
	m.gone("it hangs")
	begin := time.Now()
	m.Until(20*time.Minute, "three tries are ended by the hardware", func() bool { return len(m.Events("WATCHDOG")) == 3 })
	m.announced("after three tries")
	t.Logf("nothing was announced for %s", time.Since(begin).Round(time.Second))
	m.Reachable()
	m.runs("1.0.0")
	if n := len(m.Events("WATCHDOG")); n != 3 {
		t.Errorf("the hardware has reset it %d times", n)
	}
	if out := m.Run("holdfast update status"); !strings.Contains(out, "1.0.0 to 4.0.0 failed (start): ") || !strings.Contains(out, "the hardware watchdog has reset the box") {
		t.Error(out)
	} else {
		t.Log(out)
	}
}

// root is that of an image.
func root(t *testing.T, i *vm.Image) verity.Root {
	t.Helper()
	_, rest, _ := strings.Cut(i.Line, "holdfast.root=")
	word, _, _ := strings.Cut(rest, " ")
	r, err := verity.Parse(word)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flip turns a machine off, turns a bit of a slot's block, and turns it on again.
func (m *imaged) flip(slot int64, block uint64) {
	m.t.Helper()
	m.Run("sync")
	m.Kill()
	m.turn(slot, block)
	m.Start()
	m.gone("power off")
}

// turn turns a bit of a slot's block on the disk of a machine that is off.
func (m *imaged) turn(slot int64, block uint64) {
	m.t.Helper()
	m.turnAt(slot + int64(block)*verity.Block + 77)
}

// turnAt turns a bit of an octet of the disk.
func (m *imaged) turnAt(at int64) {
	m.t.Helper()
	f, err := os.OpenFile(m.Disks[0], os.O_RDWR, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		m.t.Fatal(err)
	}
	b[0] ^= 1 << 3
	if _, err := f.WriteAt(b[:], at); err != nil {
		m.t.Fatal(err)
	}
}

// rare is a file of an image's root that this machine does not read, a driver of
// hardware that it has not, and a block that has some of it.
func rare(t *testing.T, i *vm.Image) (file string, block uint64) {
	t.Helper()
	disk, err := os.Open(i.Disk)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	data := make([]byte, root(t, i).Blocks*verity.Block)
	if _, err := disk.ReadAt(data, slotA); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "root")
	list, err := read(image, data, "-l", image)
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		if strings.HasSuffix(name, "/i40e.ko") {
			file = strings.TrimPrefix(name, "squashfs-root/")
		}
	}
	want, err := read(image, data, "-cat", image, file)
	if err != nil || len(want) == 0 {
		t.Fatal(file, err)
	}
	// Half of the data at a time is lost: the half that the file needs has some of it.
	low, high := uint64(1), binary.LittleEndian.Uint64(data[64:])/verity.Block // behind that are the inodes
	for high-low > 1 {
		mid, lost := (low+high)/2, bytes.Clone(data)
		clear(lost[low*verity.Block : mid*verity.Block])
		if got, err := read(image, lost, "-cat", image, file); err == nil && bytes.Equal(got, want) {
			low = mid
		} else {
			high = mid
		}
	}
	return file, low
}

// read looks into an image of a file system.
func read(path string, data []byte, args ...string) ([]byte, error) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return exec.Command("unsquashfs", args...).Output()
}
