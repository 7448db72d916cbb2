//go:build images

package vm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// These stories take minutes each: make test-image tells them.

// TestUpdate is from a version to the next, and to some that are no good.
func TestUpdate(t *testing.T) {
	l := lab.New(t)
	one, two := vm.Build(l, "amd64", "1.0.0", ""), vm.Build(l, "amd64", "2.0.0", "")
	deaf := vm.Build(l, "amd64", "3.0.0", "modprobe.blacklist=virtio_net")
	m := bootImage(t, "amd64", one, vm.Options{})
	m.announced("first boot")
	m.Reachable()
	m.runs("1.0.0")

	m.update("a good version", two.Bundle, "")
	m.runs("2.0.0")
	t.Log(m.Run("holdfast update status"))

	// Somebody else's kernel image, cut off: the loader can't load it, and gives up.
	m.Run("sync")
	m.Kill()
	uki, err := os.ReadFile(two.UKI)
	if err != nil {
		t.Fatal(err)
	}
	m.onESP("/EFI/Linux/holdfast_9.0.0+3.efi", uki[:len(uki)/2])
	m.Start()
	m.gone("a kernel image that is cut off")
	m.announced("a kernel image that is cut off")
	m.Reachable()
	if out := m.Run("holdfast update status; ls /efi/EFI/Linux"); !strings.Contains(out, "running: 2.0.0\n") || strings.Contains(out, "holdfast_9.0.0.efi") {
		t.Errorf("it was marked good: %s", out)
	}
	m.Run("holdfast update mark-bad 9.0.0") // else it is tried until its tries are used up
	m.runs("2.0.0")

	m.update("a version without a network", deaf.Bundle, "--deadline 90s")
	m.Reachable()
	m.runs("2.0.0")
	if out := m.Run("holdfast update status"); !strings.Contains(out, "2.0.0 to 3.0.0") || strings.Contains(out, "3.0.0 good") {
		t.Error(out)
	} else {
		t.Log(out)
	}
}

// update has a bundle installed and tried, and says for how long nothing was
// announced.
func (m *imaged) update(what, bundle, args string) {
	m.t.Helper()
	m.send(bundle, "/var/tmp/bundle")
	m.t.Log(m.Run("holdfast update " + args + " /var/tmp/bundle 2>&1"))
	m.gone(what)
	m.announced(what)
}

// onESP puts a file onto the ESP of a machine that is off.
func (m *imaged) onESP(name string, data []byte) {
	m.t.Helper()
	from := filepath.Join(m.Dir, "esp-file")
	if err := os.WriteFile(from, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
	c := exec.Command("mcopy", "-o", "-i", m.Disks[0]+"@@1M", from, "::"+name)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	if out, err := c.CombinedOutput(); err != nil {
		m.t.Fatalf("%v %s", err, out)
	}
}

// send copies a file onto the machine.
func (m *imaged) send(from, to string) {
	m.t.Helper()
	if out, err := m.Try("sh", "-c", "cat "+from+" | "+strings.Join(m.SSH("'cat >"+to+"'"), " ")); err != nil {
		m.t.Fatalf("send: %v %s", err, out)
	}
}
