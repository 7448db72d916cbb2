package provision

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"holdfast/image/signature"
)

// Format is that of the manifests that this package reads and writes.
const Format = 1

// Manifest is manifest.json: whom a bundle is for, its version, and its files.
type Manifest struct {
	Format  int      `json:"format"`
	Name    string   `json:"name,omitempty"`
	Targets []Target `json:"targets"`
	// Version only grows, for each box: a bundle of an older one is refused.
	// Nothing depends on a clock, which a box has not when it is new.
	Version uint64           `json:"version"`
	Files   map[string]Entry `json:"files"`
}

// Entry is what a manifest says of a file.
type Entry struct {
	SHA256 string `json:"sha256"` // in hex
	Size   int64  `json:"size"`
	Mode   string `json:"mode"` // octal, "0644"
	mode   fs.FileMode
}

// ParseManifest reads a manifest. What it does not know it refuses: a newer
// tool may have meant it as a condition.
func ParseManifest(b []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := signature.Decode(b, maxManifest, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manifest) check() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("format: want %d, got %d", Format, m.Format)
	case len(m.Targets) == 0:
		return errors.New(`targets: want "serial:…", "uuid:…", "mac:…" or "*"`)
	case m.Version == 0:
		return errors.New("version: want a number from 1")
	case len(m.Files) == 0 || len(m.Files) > MaxFiles:
		return fmt.Errorf("files: want 1-%d, got %d", MaxFiles, len(m.Files))
	case strings.ContainsFunc(m.Name, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf("name: want one line, got %q", m.Name)
	}
	total := int64(0)
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		e, err := m.Files[name].check(name)
		if err != nil {
			return err
		}
		m.Files[name] = e
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := m.Files[dir]; ok {
				return fmt.Errorf("files: %s is a file and a folder", dir)
			}
		}
		if total += e.Size; total > MaxSize {
			return fmt.Errorf("files: more than %d octets together", MaxSize)
		}
	}
	return nil
}

// check is the entry with its mode read.
func (e Entry) check(name string) (Entry, error) {
	if err := checkPath(name); err != nil {
		return e, err
	}
	if name == manifestName || name == signatureName {
		return e, fmt.Errorf("files: %s does not name itself", name)
	}
	if sum, err := hex.DecodeString(e.SHA256); err != nil || len(sum) != 32 || strings.ToLower(e.SHA256) != e.SHA256 {
		return e, fmt.Errorf("%s: sha256: want 64 hexadecimal digits, got %q", name, e.SHA256)
	}
	if e.Size < 0 || e.Size > MaxSize {
		return e, fmt.Errorf("%s: size: want 0-%d, got %d", name, MaxSize, e.Size)
	}
	mode, err := strconv.ParseUint(e.Mode, 8, 32)
	if err != nil || mode > 0o777 {
		return e, fmt.Errorf("%s: mode: want octal digits up to 0777, got %q", name, e.Mode)
	}
	e.mode = fs.FileMode(mode)
	return e, nil
}
