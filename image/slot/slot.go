// Package slot is the partitions that hold the root of a box: which they are,
// which one runs, and how one is opened to be written. Names are RAUC's.
package slot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Label is how the names of such partitions begin, in the partition table. They
// are never written anew: which version a slot holds is told by its content. ESP
// and Data are the names of the partitions beside them.
const (
	Label = "holdfast-root-"
	ESP   = "holdfast-esp"
	Data  = "holdfast-data"
)

// Running is the file, below the root, in which the first program of a box notes
// the device that it has mounted.
const Running = "run/holdfast-slot"

// Broken is the file, below the root, in which the first program notes what is
// broken of the root that it has started all the same.
const Broken = "run/holdfast-broken"

// ReadBroken is what is broken of the root that this system runs from, below a root
// folder; "": nothing that is known.
func ReadBroken(root string) string {
	why, _ := os.ReadFile(filepath.Join(root, Broken))
	return strings.TrimSpace(string(why))
}

// Slot is a place for a root.
type Slot struct {
	Name string // "rootfs.0" is that with the label "…-a"
	Partition
	Booted bool // this system runs from it
}

// Find gives the slots of all disks, below a root folder ("/"), in the order of
// their disks and labels. There may be others than those of the disk that runs:
// the stick that the box was installed from has the same labels.
func Find(root string) (slots []Slot, err error) {
	booted, err := running(root)
	if err != nil {
		return nil, err
	}
	all, err := Partitions(root)
	for _, p := range all {
		letter, ok := strings.CutPrefix(p.Label, Label)
		if !ok || len(letter) != 1 || letter[0] < 'a' || letter[0] > 'z' {
			continue
		}
		slots = append(slots, Slot{Name: fmt.Sprintf("rootfs.%d", letter[0]-'a'), Partition: p, Booted: p.Device == booted})
	}
	return slots, err
}

// running is the device that this system runs from, "" if it is none.
func running(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, Running))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// Partition is one of those that an image has, known by its name in the partition
// table.
type Partition struct {
	Label  string // "holdfast-root-a"
	Device string // "/dev/vda2"
	Disk   string // "vda"
}

// Partitions gives our partitions of all disks, below a root folder, in the order
// of their disks and labels, as the kernel knows them: before udev does.
func Partitions(root string) (all []Partition, err error) {
	files, err := filepath.Glob(filepath.Join(root, "sys/class/block/*/uevent"))
	for _, f := range files {
		if p, ok := read(f); ok {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Partition) int { return strings.Compare(a.Disk+" "+a.Label, b.Disk+" "+b.Label) })
	return all, err
}

// Beside gives the device of the partition with a label, on the disk that this
// system runs from.
func Beside(root, label string) (string, error) {
	booted, err := running(root)
	if err != nil {
		return "", err
	}
	all, err := Partitions(root)
	if err != nil {
		return "", err
	}
	from := slices.IndexFunc(all, func(p Partition) bool { return p.Device == booted })
	if from < 0 {
		return "", errors.New("/" + Running + ": want the device of a slot: this system did not start from one")
	}
	at := slices.IndexFunc(all, func(p Partition) bool { return p.Label == label && p.Disk == all[from].Disk })
	if at < 0 {
		return "", fmt.Errorf("disk %s has no partition %s: write an image to it", all[from].Disk, label)
	}
	return all[at].Device, nil
}

// read takes what the kernel says of a block device. One that goes away
// meanwhile is none.
func read(uevent string) (p Partition, ok bool) {
	text, err := os.ReadFile(uevent)
	if err != nil {
		return p, false
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "PARTNAME":
			p.Label = value
		case "DEVNAME":
			p.Device = "/dev/" + value
		}
	}
	// /sys/class/block/vda2 leads to …/block/vda/vda2
	at, err := filepath.EvalSymlinks(filepath.Dir(uevent))
	if err != nil || p.Device == "" || !strings.HasPrefix(p.Label, "holdfast-") {
		return p, false
	}
	p.Disk = filepath.Base(filepath.Dir(at))
	return p, true
}

// Inactive is the slot that an update is written to: that of the running disk
// which does not run.
func Inactive(slots []Slot) (Slot, error) {
	i := slices.IndexFunc(slots, func(s Slot) bool { return s.Booted })
	if i < 0 {
		return Slot{}, errors.New("/" + Running + ": want the device of a slot: this system did not start from one, and can't be updated: write an image to its disk")
	}
	running := slots[i]
	others := slices.DeleteFunc(slices.Clone(slots), func(s Slot) bool { return s.Booted || s.Disk != running.Disk })
	if len(others) != 1 {
		return Slot{}, fmt.Errorf("disk %s: want one partition %s… beside %s, got %d: write an image to it", running.Disk, Label, running.Label, len(others))
	}
	return others[0], nil
}
