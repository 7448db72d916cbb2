package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProvision holds the units of provisioning to what systemd says of them, though
// they mount volumes.
func TestProvision(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"holdfast.service", "holdfast-provision.service", "holdfast-provision@.service"} {
		b, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "/usr/bin/holdfast", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("holdfast-provision@.service", filepath.Join(dir, "holdfast-provision@sdb1.service")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"holdfast-provision.service", "holdfast-provision@sdb1.service"} {
		path := filepath.Join(dir, name)
		out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput()
		if err != nil || strings.Contains(string(out), "holdfast") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		out, err = exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
	}
}
