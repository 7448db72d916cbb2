package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Step is what an installer does, in this order.
type Step string

// The steps. Before Erase nothing has been changed.
const (
	Verify   Step = "verify"    // the bundle is one for this box, and the slot free
	Erase    Step = "erase"     // the slot holds nothing
	Write    Step = "write"     // the root is written
	ReadBack Step = "read back" // it is read from the disk and proven
	Kernel   Step = "kernel"    // the version is put in place to be booted
	Done     Step = "done"      // it is booted next
)

// Progress is how far an installation has come.
type Progress struct {
	Version Version `json:"version,omitempty"` // none: nobody has vouched for the bundle yet
	Slot    string  `json:"slot"`              // "rootfs.1"
	Step    Step    `json:"step"`
	Written int64   `json:"written,omitempty"` // octets of the root
	Total   int64   `json:"total,omitempty"`
	Error   string  `json:"error,omitempty"` // why it ended in this step
}

// progressFile is in the folder of updates.
const progressFile = "install.json"

// Record keeps progress in a folder: "holdfast update status" reads it there. What
// is recorded and not Done, and has no error, is going on or was cut off.
func Record(dir string, p Progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, progressFile), append(b, '\n'), 0o644)
}

// Recorded is the last progress that was kept; the zero one if there is none.
func Recorded(dir string) (p Progress, err error) {
	name := filepath.Join(dir, progressFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
