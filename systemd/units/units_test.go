package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unpack writes the unit into a folder, with a program that is there in place
// of ours, which is not installed where tests run.
func unpack(t *testing.T) string {
	t.Helper()
	b, err := Files.ReadFile("holdfast.service")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "holdfast.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), "/usr/bin/holdfast", "/bin/true")), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerify(t *testing.T) {
	out, err := exec.Command("systemd-analyze", "verify", unpack(t)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "holdfast.service") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestExposure holds the unit to a figure: below 3.0 systemd says OK.
func TestExposure(t *testing.T) {
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", unpack(t)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
}
