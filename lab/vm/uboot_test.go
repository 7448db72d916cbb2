//go:build images

package vm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// TestUBoot is the boot script of our documentation on a board with U-Boot: a
// version in slot B that can't be started has three tries, which outlive a reset,
// and then that in slot A announces.
func TestUBoot(t *testing.T) {
	l := lab.New(t)
	one, two := *vm.Build(l, "arm64", "1.0.0", ""), vm.Build(l, "arm64", "2.0.0", "holdfast.wait=1")
	one.Disk = copied(l, one.Disk)
	putOnESP(t, one.Disk, bootScript(t), "/boot.scr")
	putOnESP(t, one.Disk, one.UKI, "/holdfast_A.efi")
	putOnESP(t, one.Disk, two.UKI, "/holdfast_B.efi")
	m := bootImage(t, "uboot", &one, vm.Options{Memory: 1024})
	begin := time.Now()
	for range 3 {
		m.Wait("early: this version can't be started: no slot holds the root")
	}
	m.announced("behind three tries of another version, through U-Boot")
	t.Logf("announced %s after power", time.Since(begin).Round(time.Second))
	m.Reachable()
	m.nothingFailed()
	if out := m.Run("holdfast watchdog; cat /etc/os-release"); !strings.Contains(out, "daemon: armed and fed") || !strings.Contains(out, "IMAGE_VERSION=1.0.0") {
		t.Error(out)
	}
	text, err := m.Try(m.SSH("cat /efi/uboot.env")...)
	if err != nil {
		t.Fatal(err)
	}
	config := l.File("fw_env.config", l.File("uboot.env", string(text))+" 0x0 0x4000\n")
	out, err := exec.Command("fw_printenv", "-c", config, "BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT", "HOLDFAST_TRYING").CombinedOutput()
	if want := "BOOT_ORDER=B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=0\nHOLDFAST_TRYING=B\n"; err != nil || string(out) != want {
		t.Errorf("%v\nwant %s\ngot %s", err, want, out)
	}
}

// bootScript is that of our documentation, for a machine whose disk is another
// one, and which begins with an update that has been written. Its environment is a
// file: this U-Boot has one in flash, which the emulator does not write.
func bootScript(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/boards/boot.cmd")
	if err != nil {
		t.Fatal(err)
	}
	const begin = `if load virtio 0:1 44000000 uboot.env; then
	env import -c 44000000 4000
else
	setenv HOLDFAST_TRYING B
	setenv BOOT_ORDER "B A"
	setenv BOOT_A_LEFT 3
	setenv BOOT_B_LEFT 3
fi
`
	script := begin + string(text)
	for old, other := range map[string]string{"load mmc 0:2 ": "load virtio 0:1 ",
		"saveenv || left=0": "env export -c -s 4000 44000000 && fatwrite virtio 0:1 44000000 uboot.env 4000 || left=0"} {
		if n := strings.Count(script, old); n != 1 {
			t.Fatalf("the script has %q %d times, and not once", old, n)
		}
		script = strings.Replace(script, old, other, 1)
	}
	dir := t.TempDir()
	from, to := filepath.Join(dir, "boot.cmd"), filepath.Join(dir, "boot.scr")
	if err := os.WriteFile(from, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkimage", "-T", "script", "-C", "none", "-d", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return to
}

// copied is a copy of a disk.
func copied(l *lab.Lab, disk string) string {
	l.Helper()
	to := filepath.Join(l.Dir, "copy")
	if out, err := exec.Command("cp", "--sparse=always", disk, to).CombinedOutput(); err != nil {
		l.Fatalf("%v %s", err, out)
	}
	return to
}

// putOnESP puts a file onto the ESP of a disk.
func putOnESP(t lab.T, disk, from, name string) {
	t.Helper()
	c := exec.Command("mcopy", "-o", "-i", disk+"@@1M", from, "::"+name)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}
