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
// are never written anew: which version a slot holds is told by its content.
const Label = "holdfast-root-"

// Running is the file, below the root, in which the first program of a box notes
// the device that it has mounted.
const Running = "run/holdfast-slot"

// Slot is a place for a root.
type Slot struct {
	Name   string // "rootfs.0" is that with the label "…-a"
	Label  string // "holdfast-root-a"
	Device string // "/dev/vda2"
	Disk   string // "vda"
	Booted bool   // this system runs from it
}

// Find gives the slots of all disks, below a root folder ("/"), in the order of
// their disks and labels. There may be others than those of the disk that runs:
// the stick that the box was installed from has the same labels.
func Find(root string) (slots []Slot, err error) {
	files, err := filepath.Glob(filepath.Join(root, "sys/class/block/*/uevent"))
	if err != nil {
		return nil, err
	}
	booted, err := os.ReadFile(filepath.Join(root, Running))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		s, ok := read(f)
		if !ok {
			continue
		}
		s.Booted = s.Device == strings.TrimSpace(string(booted))
		slots = append(slots, s)
	}
	slices.SortFunc(slots, func(a, b Slot) int { return strings.Compare(a.Disk+" "+a.Label, b.Disk+" "+b.Label) })
	return slots, nil
}

// ESPs are the devices of our EFI system partitions, below a root folder, for a
// time at which there is nobody yet who knows them by their labels.
func ESPs(root string) (devices []string, err error) {
	files, err := filepath.Glob(filepath.Join(root, "sys/class/block/*/uevent"))
	for _, f := range files {
		if label, device := partition(f); label == "holdfast-esp" {
			devices = append(devices, device)
		}
	}
	return devices, err
}

// partition takes what the kernel says of a block device. One that goes away
// meanwhile is none.
func partition(uevent string) (label, device string) {
	text, err := os.ReadFile(uevent)
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "PARTNAME":
			label = value
		case "DEVNAME":
			device = "/dev/" + value
		}
	}
	return label, device
}

func read(uevent string) (s Slot, ok bool) {
	s.Label, s.Device = partition(uevent)
	letter, ok := strings.CutPrefix(s.Label, Label)
	if !ok || len(letter) != 1 || letter[0] < 'a' || letter[0] > 'z' || s.Device == "" {
		return s, false
	}
	s.Name = fmt.Sprintf("rootfs.%d", letter[0]-'a')
	// /sys/class/block/vda2 leads to …/block/vda/vda2
	at, err := filepath.EvalSymlinks(filepath.Dir(uevent))
	if err != nil {
		return s, false
	}
	s.Disk = filepath.Base(filepath.Dir(at))
	return s, true
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
