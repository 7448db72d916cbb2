//go:build images

package vm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// These stories take minutes each: make test-image tells them.

// TestUpdate is from a version to the next, over a line that breaks, and what a
// box refuses.
func TestUpdate(t *testing.T) {
	l := lab.New(t)
	one, two := vm.Build(l, "amd64", "1.0.0", ""), vm.Build(l, "amd64", "2.0.0", "")
	m := flashed(t, one)

	out, in := fractions("BOX-1", "2.0.0")
	m.send(two.Bundle, "/var/tmp/bundle")
	before := m.standing()
	if said := m.Run("holdfast update --fraction " + out + " /var/tmp/bundle"); !strings.Contains(said, "nothing is done") {
		t.Errorf("of the first %s of all boxes: %s", out, said)
	}
	m.stands("another box's turn", before)
	server := m.serve(two.Bundle, 3)
	m.tries("a good version", "--fraction "+in+" "+server.url)
	if n := server.resumed(); n < server.breaks {
		t.Errorf("it was resumed %d times, and broke %d times", n, server.breaks)
	}
	m.Wait("  2.0.0 is on trial, and lacks nothing")
	if strings.Contains(m.Console(), "Failed unmounting") {
		t.Errorf("the box does not shut down without a fault:\n%s", m.Console())
	}
	m.runs("2.0.0")
	t.Log(m.Run("holdfast update status"))

	m.refuses(vm.Build(l, "amd64", "3.0.0", "").Bundle, one.Bundle)

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
}

// flashed is a box that has announced after its first boot, with version 1.0.0.
func flashed(t *testing.T, i *vm.Image) *imaged {
	m := bootImage(t, "amd64", i, vm.Options{})
	m.announced("first boot")
	m.Reachable()
	m.runs("1.0.0")
	return m
}

// update sends a bundle and has it tried.
func (m *imaged) update(what, bundle, args string) {
	m.t.Helper()
	m.send(bundle, "/var/tmp/bundle")
	m.tries(what, args+" /var/tmp/bundle")
}

// tries has a bundle installed and tried, and says for how long nothing was
// announced.
func (m *imaged) tries(what, args string) {
	m.t.Helper()
	m.installs(args)
	m.gone(what)
	m.announced(what)
}

// installs has a bundle installed, until the reboot into it has begun: that may end
// the connection before the command has.
func (m *imaged) installs(args string) {
	m.t.Helper()
	out, err := m.Try(m.SSH("holdfast update " + args + " 2>&1")...)
	if err != nil && !strings.HasSuffix(string(out), "rebooting\n") {
		m.t.Fatalf("%v %s", err, out)
	}
	m.t.Logf("%s", out)
}

// onESP puts a file onto the ESP of a machine that is off.
func (m *imaged) onESP(name string, data []byte) {
	m.t.Helper()
	from := filepath.Join(m.Dir, "esp-file")
	if err := os.WriteFile(from, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
	putOnESP(m.t, m.Disks[0], from, name)
}

// send copies a file onto the machine.
func (m *imaged) send(from, to string) {
	m.t.Helper()
	if out, err := m.Try("sh", "-c", "cat "+from+" | "+strings.Join(m.SSH("'cat >"+to+"'"), " ")); err != nil {
		m.t.Fatalf("send: %v %s", err, out)
	}
}
