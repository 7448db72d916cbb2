package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unpack writes all files into a root, with a program that is there in place of
// ours, which is not installed where tests run.
func unpack(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	if _, err := Install(root, "/bin/true", append(Names(), Hardware)); err != nil {
		t.Fatal(err)
	}
	return root
}

// unitFiles are the units among all files; a template is checked as one of its
// instances.
func unitFiles(t *testing.T) (paths []string) {
	t.Helper()
	root := unpack(t)
	for _, name := range Names() {
		if path := filepath.Join(root, Path(name)); filepath.Dir(Path(name)) == "etc/systemd/system" {
			paths = append(paths, path)
		}
	}
	return paths
}

// TestVerify: systemd has nothing to say of our units, nor of the drop-in, which
// lies beside one of them.
func TestVerify(t *testing.T) {
	paths := unitFiles(t)
	for _, path := range paths {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", instance(path)).CombinedOutput()
		if err != nil || strings.Contains(string(out), "holdfast") {
			t.Errorf("%s: %v\n%s", filepath.Base(path), err, out)
		}
	}
	t.Logf("systemd-analyze verify: %d units, nothing to say", len(paths))
}

// instance is a unit that systemd can load: of a template, one of those that a
// socket makes.
func instance(path string) string {
	if !strings.HasSuffix(path, "@.service") {
		return path
	}
	return strings.Replace(path, "@.service", "@1-2-3.service", 1)
}

// exposed are the figures that units are held to, in tenths: below 3.0 systemd
// says OK.
var exposed = map[string]string{"holdfast.service": "20", "holdfast-helper@.service": "35"}

// TestExposure holds each service to a figure.
func TestExposure(t *testing.T) {
	figure := regexp.MustCompile(`exposure level for \S+: (\S+)`)
	for _, path := range unitFiles(t) {
		name := filepath.Base(path)
		if filepath.Ext(name) != ".service" {
			continue
		}
		limit := exposed[name]
		if limit == "" {
			limit = "30"
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold="+limit, "--no-pager", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if m := figure.FindSubmatch(out); m != nil {
			t.Logf("systemd-analyze security: %s %s", name, m[1])
		}
	}
}

// TestUsersAndFiles has systemd make our users and folders in a root.
func TestUsersAndFiles(t *testing.T) {
	root := unpack(t)
	if out, err := exec.Command("systemd-sysusers", "--root="+root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil || !strings.Contains(string(passwd), "holdfast:") || !strings.Contains(string(passwd), "holdfast-helper:") {
		t.Errorf("%v\n%s", err, passwd)
	}
	key := filepath.Join(root, "etc/holdfast/keys/upstream")
	if err := os.MkdirAll(filepath.Dir(key), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-tmpfiles", "--root="+root, "--create", "holdfast.conf").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for path, want := range map[string]os.FileMode{filepath.Dir(key): 0o700, key: 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
}

// TestProgram: a program that lies elsewhere is the one that the units start.
func TestProgram(t *testing.T) {
	root := t.TempDir()
	paths, err := Install(root, "/opt/holdfast", Names())
	if err != nil || len(paths) != len(Names()) {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(b), program) {
			t.Errorf("%s: %v", path, err)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != 0o644 {
			t.Errorf("%s: mode %o", path, st.Mode().Perm())
		}
	}
	if _, err := os.Stat(filepath.Join(root, Path(Hardware))); err == nil {
		t.Error("the drop-in was not asked for")
	}
}
