//go:build images

package vm_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/image/build"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// snakeoil signs what the firmware of a machine with Secure Boot starts; a
// stranger what it does not.
func snakeoil(l *lab.Lab) (snakeoil, stranger build.SecureBoot) {
	l.Helper()
	const dir = "/usr/share/ovmf/PkKek-1-snakeoil"
	snakeoil = build.SecureBoot{Key: filepath.Join(l.Dir, "snakeoil.key"), Certificate: dir + ".pem"}
	stranger = build.SecureBoot{Key: filepath.Join(l.Dir, "stranger.key"), Certificate: filepath.Join(l.Dir, "stranger.pem")}
	for _, argv := range [][]string{
		{"rsa", "-in", dir + ".key", "-passin", "pass:snakeoil", "-out", snakeoil.Key},
		{"req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=stranger", "-keyout", stranger.Key, "-out", stranger.Certificate},
	} {
		if out, err := exec.Command("openssl", argv...).CombinedOutput(); err != nil {
			l.Fatalf("openssl %s: %v %s", argv[0], err, out)
		}
	}
	return snakeoil, stranger
}

// TestSecureBoot is a box whose firmware starts only what is signed: it boots, and
// takes no bundle whose kernel image is not. One that a stranger has signed is
// refused by the firmware, which goes on with the version that was good; and that
// does not mark it good.
func TestSecureBoot(t *testing.T) {
	l := lab.New(t)
	owner, stranger := snakeoil(l)
	m := bootImage(t, "amd64-secure", vm.BuildSigned(l, "1.0.0", owner), vm.Options{})
	m.announced("first boot, signed")
	m.Reachable()
	m.runs("1.0.0")
	m.nothingFailed()
	if out := m.Run("dmesg"); !strings.Contains(out, "Secure boot enabled") {
		t.Fatalf("Secure Boot is not on: %s", out)
	}

	m.send(vm.Build(l, "amd64", "2.0.0", "").Bundle, "/var/tmp/bundle")
	before := m.standing()
	m.refused(wrong{name: "not signed", says: "verify: its kernel image is not signed, and the firmware of this box starts only what is (Secure Boot)"}, "holdfast update /var/tmp/bundle")
	if now := m.standing(); now.slots != before.slots {
		t.Errorf("the slots were %s, and are %s", before.slots, now.slots)
	}

	m.update("a stranger's signature", vm.BuildSigned(l, "3.0.0", stranger).Bundle, "")
	m.Reachable()
	m.runs("1.0.0")
	if out := m.Run("holdfast update status; ls /efi/EFI/Linux"); !strings.Contains(out, "1.0.0 to 3.0.0 failed (unloadable)") || strings.Contains(out, "holdfast_3.0.0.efi") {
		t.Errorf("want it to be unloadable, and not good: %s", out)
	} else {
		t.Log(out)
	}

	m.update("signed", vm.BuildSigned(l, "4.0.0", owner).Bundle, "")
	m.Reachable()
	m.runs("4.0.0")
}
