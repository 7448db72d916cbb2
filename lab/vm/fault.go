package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Fault is a change of our source: a version that is built with it is no good.
type Fault struct {
	File     string // from the module's folder
	Old, New string // text that is there once, and what takes its place
}

// overlay writes what "go build -overlay" takes, into a folder. A fault that does
// not fit any more is an error: a version without it would be a good one.
func overlay(dir string, faults []Fault) (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	var files struct{ Replace map[string]string }
	files.Replace = map[string]string{}
	for i, f := range faults {
		at := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), f.File)
		from := at
		if earlier := files.Replace[at]; earlier != "" {
			from = earlier
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), f.Old); n != 1 {
			return "", fmt.Errorf("fault: %s has %q %d times: write it anew for what stands there now", f.File, f.Old, n)
		}
		files.Replace[at] = filepath.Join(dir, fmt.Sprintf("fault%d.go", i))
		if err := os.WriteFile(files.Replace[at], []byte(strings.Replace(string(text), f.Old, f.New, 1)), 0o644); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(files)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o644)
}
