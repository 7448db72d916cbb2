package boot

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/image/versions"
)

// slotted is a boot loader that knows two slots, A and B, by variables of its
// environment, as RAUC has them. Beside those, it has which version is in a slot
// (HOLDFAST_A, HOLDFAST_B), and which slot is on trial (HOLDFAST_TRYING): the
// board's boot script has to count tries of that one only, so that a good version
// has as many boots as anybody wants.
type slotted struct {
	root string
	disk disk
	env  environment
}

// environment is one kind of a boot loader's.
type environment interface {
	name() string
	load(root string) (variables, error)
	save(d disk, root string, v variables) error // at once or not at all
	order() string                               // the variable with the slots to boot, the first one first
	left(v variables, slot string) int           // tries; 0: it is not booted
	setLeft(v variables, slot string, tries int)
}

type variables map[string]string

const (
	versionOf = "HOLDFAST_" // and the slot
	onTrial   = "HOLDFAST_TRYING"
	// fullTries is what a good slot has, for scripts that count each boot.
	fullTries = 3
)

// slotNames are those of RAUC's scripts.
var slotNames = []string{"A", "B"}

func other(slot string) string {
	if slot == "A" {
		return "B"
	}
	return "A"
}

func (v variables) slot(version string) string {
	for _, s := range slotNames {
		if version != "" && v[versionOf+s] == version {
			return s
		}
	}
	return ""
}

// Name is that of the boot loader.
func (b *slotted) Name() string { return b.env.name() }

func (b *slotted) Current() (version string, trial bool, err error) {
	version, err = running(b.root)
	if err != nil {
		return "", false, err
	}
	v, err := b.env.load(b.root)
	return version, err == nil && v[onTrial] != "" && v.slot(version) == v[onTrial], err
}

func (b *slotted) State() (entries []Entry, err error) {
	runs, _, err := b.Current()
	if err != nil {
		return nil, err
	}
	v, err := b.env.load(b.root)
	if err != nil {
		return nil, err
	}
	v = b.settled(v, runs)
	primary := ""
	for _, slot := range b.order(v) {
		if primary == "" && b.env.left(v, slot) > 0 {
			primary = slot
		}
	}
	for _, slot := range slotNames {
		if version := v[versionOf+slot]; version != "" {
			e := Entry{Version: version, State: b.state(v, slot, runs), Primary: slot == primary}
			if e.State == Trying {
				e.TriesLeft = b.env.left(v, slot)
			}
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return versions.Compare(b.Version, a.Version) })
	return entries, nil
}

func (b *slotted) state(v variables, slot, runs string) State {
	there := slices.Contains(b.order(v), slot)
	switch {
	case v[onTrial] == slot && there && (b.env.left(v, slot) > 0 || v[versionOf+slot] == runs):
		return Trying
	case v[onTrial] != slot && there && (b.env.left(v, slot) > 0 || v[versionOf+slot] == runs):
		return Good
	}
	return Bad
}

func (b *slotted) order(v variables) []string { return strings.Fields(v[b.env.order()]) }

// settled is an environment in which what runs has a slot. One that nobody has
// written yet is that of a new disk, which was made with its version in A.
func (b *slotted) settled(v variables, runs string) variables {
	v = maps.Clone(v)
	if v.slot(runs) == "" && v[versionOf+"A"] == "" {
		v[versionOf+"A"] = runs
		v[b.env.order()] = strings.Join(append([]string{"A"}, slices.DeleteFunc(b.order(v), func(s string) bool { return s == "A" })...), " ")
		b.env.setLeft(v, "A", fullTries)
	}
	return v
}

// change reads the environment, and writes it if it is another one afterwards.
func (b *slotted) change(do func(v variables, runs string) error) error {
	runs, _, err := b.Current()
	if err != nil {
		return err
	}
	was, err := b.env.load(b.root)
	if err != nil {
		return err
	}
	v := b.settled(was, runs)
	if err := do(v, runs); err != nil {
		return err
	}
	maps.DeleteFunc(v, func(_, value string) bool { return value == "" })
	if maps.Equal(v, was) {
		return nil
	}
	if err := b.env.save(b.disk, b.root, v); err != nil {
		return err
	}
	is, err := b.env.load(b.root)
	if err == nil && !maps.Equal(is, v) {
		err = errors.New("the environment is not what was written: its disk is failing")
	}
	return err
}

func (b *slotted) Install(version string, kernel []byte, tries int) error {
	if err := b.install(version, kernel, tries); err != nil {
		return fmt.Errorf("install version %s: %w", version, err)
	}
	return nil
}

// Check refuses what no firmware would start.
func (*slotted) Check(version string, kernel []byte) error { return checkKernel(kernel, version) }

func (b *slotted) install(version string, kernel []byte, tries int) error {
	entries, err := b.State()
	if err != nil {
		return err
	}
	if err := installable(b, entries, version, tries); err != nil {
		return err
	}
	if err := b.Check(version, kernel); err != nil {
		return err
	}
	slot := ""
	return steps(
		func() error {
			return b.change(func(v variables, runs string) error {
				slot = other(v.slot(runs))
				b.empty(v, slot)
				return nil
			})
		},
		func() error { return b.write(slot, kernel) },
		func() error {
			return b.change(func(v variables, _ string) error {
				v[versionOf+slot], v[onTrial] = version, slot
				v[b.env.order()] = slot + " " + other(slot)
				b.env.setLeft(v, slot, tries)
				return nil
			})
		},
	)
}

// empty has a slot be nobody's: it is not booted.
func (b *slotted) empty(v variables, slot string) {
	v[versionOf+slot] = ""
	b.unbootable(v, slot)
}

func (b *slotted) unbootable(v variables, slot string) {
	v[b.env.order()] = strings.Join(slices.DeleteFunc(b.order(v), func(s string) bool { return s == slot }), " ")
	b.env.setLeft(v, slot, 0)
	if v[onTrial] == slot {
		v[onTrial] = ""
	}
}

// kernelPath is the file of a slot, on the partition that the boot loader reads.
func (b *slotted) kernelPath(slot string) string {
	return filepath.Join(b.root, "boot", prefix+slot+suffix)
}

// write writes the kernel image of a slot that is not booted meanwhile.
func (b *slotted) write(slot string, kernel []byte) error {
	path := b.kernelPath(slot)
	return steps(
		func() error {
			if err := b.disk.Remove(path); !gone(err) {
				return err
			}
			return nil
		},
		func() error { return b.disk.Write(path, kernel) },
		func() error { return b.disk.Sync(path) },
		func() error { return b.disk.Sync(filepath.Dir(path)) },
		func() error { return same(path, kernel) },
	)
}

func (b *slotted) MarkGood(version string) error {
	err := onlyRunning(b.root, version)
	if err == nil {
		err = b.change(func(v variables, _ string) error {
			slot := v.slot(version)
			if slot == "" {
				return errors.New("the environment names no slot that has it")
			}
			b.env.setLeft(v, slot, fullTries)
			if o := other(slot); v[onTrial] == o && b.env.left(v, o) > 0 {
				return nil // that one stays next, and on trial
			}
			v[onTrial] = ""
			v[b.env.order()] = strings.Join(append([]string{slot}, slices.DeleteFunc(b.order(v), func(s string) bool { return s == slot })...), " ")
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("mark version %s good: %w", version, err)
	}
	return nil
}

func (b *slotted) MarkBad(version string) error {
	entries, err := b.State()
	if err == nil && otherGood(entries, version) == "" {
		err = errors.New("no other version is good: nothing would be left to boot")
	}
	if err == nil {
		err = b.change(func(v variables, _ string) error {
			slot := v.slot(version)
			if slot == "" {
				return errors.New("it is not in place")
			}
			b.unbootable(v, slot)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("mark version %s bad: %w", version, err)
	}
	return nil
}

func (b *slotted) Remove(version string) error {
	entries, err := b.State()
	if err == nil {
		err = removable(b, entries, version)
	}
	if err == nil {
		err = b.change(func(v variables, _ string) error {
			if slot := v.slot(version); slot != "" {
				b.empty(v, slot)
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("remove version %s: %w", version, err)
	}
	return nil
}

// readAll reads a part of a file or a device.
func readAll(path string, at int64, size int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, size)
	if n, err := f.ReadAt(b, at); n < size {
		return nil, fmt.Errorf("%s: want %d octets at %d: %w", path, size, at, err)
	}
	return b, nil
}
