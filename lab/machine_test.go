package lab_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/lab"
)

// parts is where setup.sh puts a kernel and its watchdog modules.
const parts = "/var/cache/holdfast-lab"

// TestHardwareWatchdog runs package watchdog against an emulated i6300ESB, with
// Debian's kernel: identity, timeout, who holds it, magic close; and then a
// keeper whose witness stalls, and the reset that follows.
func TestHardwareWatchdog(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	guest := filepath.Join(l.Dir, "guest")
	build := exec.Command("go", "build", "-o", guest, "holdfast/lab/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	initrd := l.File("initrd", string(cpio(t, map[string]string{"init": guest,
		"watchdog.ko": parts + "/watchdog.ko", "i6300esb.ko": parts + "/i6300esb.ko"})))
	qemu := exec.Command("qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-accel", "tcg", "-m", "256", "-nodefaults",
		"-display", "none", "-serial", "stdio", "-device", "i6300esb", "-action", "watchdog=reset",
		"-kernel", parts+"/vmlinuz", "-initrd", initrd, "-append", "console=ttyS0 panic=5 quiet")
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(l.Dir, "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	qemu.Stdout, qemu.Stderr = log, log
	if err := qemu.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- qemu.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(5 * time.Minute): // a loaded host emulates slowly
		qemu.Process.Kill()
		err = fmt.Errorf("it does not end: %v", <-ended)
	}
	console, _ := os.ReadFile(log.Name())
	if err != nil {
		t.Errorf("qemu: %v", err)
	}
	rest := string(console)
	for _, want := range []string{
		"find /dev/watchdog0 <nil>",
		`identity "i6300ESB timer", magic close true, nowayout false, caused reset false`,
		"second open: open /dev/watchdog0: device or resource busy: held by process 1 (init)",
		"timeout 10s <nil>", "feed <nil>", "disarm <nil>", "alive without feeding",
		"armed true", "armed false the loop makes no progress",
		"find /dev/watchdog0 <nil>", "boot after reset, caused by it true", "disarm <nil>",
	} {
		_, after, found := strings.Cut(rest, "guest: "+want)
		if !found {
			t.Fatalf("no %q in the console's\n%s\nafter\n%s", want, rest, strings.TrimSuffix(string(console), rest))
		}
		rest = after
	}
}

// cpio is an archive as the kernel unpacks it at boot ("newc").
func cpio(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	pad := func() { b.Write(make([]byte, (4-b.Len()%4)%4)) }
	entry := func(name string, mode int, data []byte) {
		fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		pad()
		b.Write(data)
		pad()
	}
	for name, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v: lab/setup.sh puts it there", err)
		}
		entry(name, 0o100755, data)
	}
	entry("TRAILER!!!", 0, nil)
	return b.Bytes()
}
