// Package boot is what decides which version of the image a box starts:
// systemd-boot on an EFI system partition, the environment of U-Boot, or that of
// GRUB. A version is put in place to be tried, what runs is marked good, and what
// was marked good before stays until then, whenever the power goes.
package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/image/versions"
)

// Backend is one way to choose what is started. Its methods work on disks and
// take their time: they are for no event loop. Each of them may be called again
// after a power cut, and does what is left to do.
type Backend interface {
	// Name is "systemd-boot", "uboot" or "grub".
	Name() string
	// Current is the version that runs, and whether it is on trial.
	Current() (version string, trial bool, err error)
	// State is the versions that are in place, newest first.
	State() ([]Entry, error)
	// Check says why Install would refuse a kernel image, whatever else is in place.
	Check(version string, kernel []byte) error
	// Install puts a version in place to be tried at the next boot, at most so
	// many times. What runs must have been marked good. A power cut before its
	// end changes nothing of what is booted.
	Install(version string, kernel []byte, tries int) error
	// MarkGood keeps a version, which must be the one that runs.
	MarkGood(version string) error
	// MarkBad has a version not be booted any more; another one must be good.
	MarkBad(version string) error
	// Remove removes a version that does not run and is not the only good one. It
	// has to be called before the slot of its root is written.
	Remove(version string) error
}

// Entry is a version that is in place.
type Entry struct {
	Version   string `json:"version"`
	State     State  `json:"state"`
	TriesLeft int    `json:"tries-left"`    // of one that is tried: boots to come
	Primary   bool   `json:"primary"`       // the one that is booted next
	Why       string `json:"why,omitempty"` // it is bad, where somebody has said so
	// Unloadable: the boot loader has chosen it for this boot, and another one runs.
	Unloadable bool `json:"unloadable,omitempty"`
}

// State is what is known of a version, in RAUC's words.
type State uint8

// The states.
const (
	Bad    State = iota // it is not booted
	Trying              // it is booted, so many times, until it is marked good
	Good                // it is booted
)

func (s State) String() string { return [...]string{"bad", "trying", "good"}[s] }

// MarshalText is how JSON tells of it.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *State) UnmarshalText(b []byte) error {
	for _, one := range []State{Bad, Trying, Good} {
		if one.String() == string(b) {
			*s = one
			return nil
		}
	}
	return fmt.Errorf(`want good, trying or bad, got %q`, b)
}

// Detect finds the backend of the box whose files are below a folder, which is
// "/" but in tests. That of UEFI goes first: some boards have U-Boot as their
// UEFI.
func Detect(root string) (Backend, error) {
	for _, b := range []struct {
		needs   []string
		backend func(root string) Backend
	}{
		{[]string{efivars, esp + "/EFI/systemd"}, func(root string) Backend { return NewSystemdBoot(root) }},
		{[]string{fwEnv}, NewUBoot},
		{[]string{grubEnv}, NewGRUB},
	} {
		if all(root, b.needs) {
			return b.backend(root), nil
		}
	}
	return nil, fmt.Errorf("nothing says how this box boots: want %s and %s/EFI/systemd, or %s, or %s", efivars, esp, fwEnv, grubEnv)
}

func all(root string, paths []string) bool {
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join(root, p)); err != nil {
			return false
		}
	}
	return true
}

// running is the version of the image that runs.
func running(root string) (string, error) {
	const release = "etc/os-release"
	text, err := os.ReadFile(filepath.Join(root, release))
	if err != nil {
		return "", err
	}
	if v := imageVersion(text); v != "" {
		return v, nil
	}
	return "", errors.New("/" + release + ": IMAGE_VERSION is missing: this is no image of Holdfast")
}

// imageVersion is IMAGE_VERSION of an os-release; "" is that there is none.
func imageVersion(text []byte) (version string) {
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "IMAGE_VERSION="); ok {
			version = strings.Trim(v, `"'`)
		}
	}
	return version
}

// find is the entry of a version.
func find(entries []Entry, version string) (Entry, bool) {
	for _, e := range entries {
		if e.Version == version {
			return e, true
		}
	}
	return Entry{}, false
}

// otherGood is the newest good version besides one; "" is that there is none.
func otherGood(entries []Entry, version string) string {
	for _, e := range entries {
		if e.Version != version && e.State == Good {
			return e.Version
		}
	}
	return ""
}

// onlyRunning refuses to mark another version than that which runs.
func onlyRunning(root, version string) error {
	runs, err := running(root)
	if err == nil && runs != version {
		err = fmt.Errorf("only what runs can be marked good, and that is version %s", runs)
	}
	return err
}

// installable refuses what would leave the box without a good version, or
// without a way to tell two of them apart.
func installable(b Backend, entries []Entry, version string, tries int) error {
	if err := versions.Check(version); err != nil {
		return err
	}
	if tries < 1 || tries > maxTries {
		return fmt.Errorf("want 1 to %d tries, got %d", maxTries, tries)
	}
	runs, trial, err := b.Current()
	is, _ := find(entries, runs)
	switch e, _ := find(entries, version); {
	case err != nil:
		return err
	case trial:
		return fmt.Errorf("version %s, which runs, is on trial: it has to be marked good or bad before another is tried", runs)
	case is.State != Good:
		return fmt.Errorf("version %s, which runs, is not in place for the next boot: mark it good before another is tried", runs)
	case runs == version:
		return errors.New("it runs already")
	case e.State == Good:
		return errors.New("it is in place, and good: remove it first")
	}
	return nil
}

// removable refuses to take away what the box needs.
func removable(b Backend, entries []Entry, version string) error {
	runs, _, err := b.Current()
	switch e, ok := find(entries, version); {
	case err != nil:
		return err
	case runs == version:
		return errors.New("it runs")
	case ok && e.State == Good && otherGood(entries, version) == "":
		return errors.New("no other version is good: nothing would be left to boot")
	}
	return nil
}

// maxTries is as many as anybody wants to wait for.
const maxTries = 9

// gone says whether a file does not exist, which often is no error.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
