package vm

import (
	"encoding/json"
	"os"
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
