package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/image/signature"
)

// ReleaseFile is where an image says what it is. It lies in the root that is
// proven, so nothing on a box can change it.
const ReleaseFile = "/etc/holdfast-release.json"

// KeysFolder has the public keys that may sign bundles, a file NAME.pub for each:
// two while they are changed. It lies in the root as well.
const KeysFolder = "/usr/share/holdfast/keys"

// ReadKeys reads the keys of a folder.
func ReadKeys(folder string) (keys []signature.Key, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.pub"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		more, err := signature.ParseKeys(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		keys = append(keys, more...)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: want public keys, *.pub: without one, nobody can sign a bundle", folder)
	}
	return keys, nil
}

// Release is what runs on a box, or will when a bundle is installed.
type Release struct {
	Compatible string  `json:"compatible"` // the family of boards: "holdfast-amd64"
	Version    Version `json:"version"`
	Arch       string  `json:"arch"` // as Go names it: "amd64"
	// MinVersion is the oldest version that a box takes when it runs this one, even
	// if it is told to take an older one: those before have a known hole.
	MinVersion Version `json:"min-version,omitempty"`
}

// ReadRelease reads an image's file.
func ReadRelease(path string) (r Release, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Compatible == "" || r.Version == "" || r.Arch == "" {
		return r, fmt.Errorf("%s: want compatible, version and arch", path)
	}
	return r, nil
}

// Admit says why a box does not take a bundle; nil: it does. An older version is
// only taken if that is asked for, and never one from before the oldest that
// what runs may be replaced by: an old bundle that is sent again does nothing.
func (r Release) Admit(m *Manifest, downgrade bool) error {
	switch order := m.Version.Compare(r.Version); {
	case m.Compatible != r.Compatible:
		return fmt.Errorf("compatible: want %s, as this box is, got %s: take the bundle for its boards", r.Compatible, m.Compatible)
	case m.Arch != r.Arch:
		return fmt.Errorf("arch: want %s, as this box has, got %s: take the bundle for its processor", r.Arch, m.Arch)
	case order == 0:
		return fmt.Errorf("version: %s runs already: there is nothing to do", r.Version)
	case r.MinVersion != "" && m.Version.Compare(r.MinVersion) < 0:
		return fmt.Errorf("version: want %s or newer, the oldest that may replace %s, got %s: nothing allows it, take a newer one", r.MinVersion, r.Version, m.Version)
	case order < 0 && !downgrade:
		return fmt.Errorf("version: %s is older than %s, which runs: --allow-downgrade takes it all the same", m.Version, r.Version)
	}
	return nil
}
