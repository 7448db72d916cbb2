package vm

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOverlay: faults of one file go together, and one that does not fit is no
// version at all.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	path, err := overlay(dir, []Fault{{"lab/vm/qmp.go", "package vm\n", "package bad\n"}, {"lab/vm/qmp.go", "package bad\n", "package worse\n"}})
	if err != nil {
		t.Fatal(err)
	}
	var files struct{ Replace map[string]string }
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &files)
	}
	own, _ := filepath.Abs("qmp.go")
	if changed, _ := os.ReadFile(files.Replace[own]); err != nil || !strings.HasPrefix(string(changed), "package worse\n") {
		t.Errorf("%v: %s: %.20q", err, text, changed)
	}
	for _, f := range []Fault{{"lab/vm/qmp.go", "no such text", ""}, {"lab/vm/qmp.go", "func ", ""}, {"lab/vm/nowhere.go", "a", "b"}} {
		if _, err := overlay(dir, []Fault{f}); err == nil {
			t.Errorf("%v fits", f)
		}
	}
}

// TestFaults: each fits what stands there now, and is Go.
func TestFaults(t *testing.T) {
	for _, f := range []Fault{LoopHangs, CrashLoop, NoMD5} {
		path, err := overlay(t.TempDir(), []Fault{f})
		if err != nil {
			t.Error(err)
			continue
		}
		if out, err := exec.Command("go", "build", "-overlay", path, "holdfast/"+filepath.Dir(f.File)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f.New, err, out)
		}
	}
}
