package provision

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Labels are the names of volumes on which bundles are looked for.
var Labels = []string{"HOLDFAST", "CIDATA"}

// volume is what a device's first blocks say.
type volume struct{ system, label string }

// readVolume looks for the label of a FAT or ISO 9660 file system. FAT has it in
// its boot sector, or, where Windows wrote it, in the root folder; ISO 9660 in
// its primary volume descriptor (ECMA-119, 8.4), sector 16.
func readVolume(r io.ReaderAt) (volume, bool) {
	var b [512]byte
	if _, err := r.ReadAt(b[:], 16*2048); err == nil && string(b[:6]) == "\x01CD001" {
		return volume{"iso9660", strings.TrimRight(string(b[40:72]), " \x00")}, true
	}
	if _, err := r.ReadAt(b[:], 0); err != nil || b[510] != 0x55 || b[511] != 0xaa {
		return volume{}, false
	}
	for _, at := range []struct{ signature, label, system int }{{0x26, 0x2b, 0x36}, {0x42, 0x47, 0x52}} {
		if !bytes.HasPrefix(b[at.system:], []byte("FAT")) {
			continue
		}
		v := volume{system: "vfat"}
		if b[at.signature] == 0x29 {
			v.label = strings.TrimRight(string(b[at.label:at.label+11]), " \x00")
		}
		if root := rootLabel(r, b[:]); root != "" {
			v.label = root
		}
		return v, true
	}
	return volume{}, false
}

// rootLabel is the volume's entry in the first sectors of FAT's root folder.
func rootLabel(r io.ReaderAt, boot []byte) string {
	le := binary.LittleEndian
	sector, cluster := int64(le.Uint16(boot[11:])), int64(boot[13])
	reserved, fats, entries, size := int64(le.Uint16(boot[14:])), int64(boot[16]), int64(le.Uint16(boot[17:])), int64(le.Uint16(boot[22:]))
	if sector < 512 || sector > 4096 {
		return ""
	}
	at := reserved + fats*size
	if size == 0 { // FAT32: the root folder is a file
		at = reserved + fats*int64(le.Uint32(boot[36:])) + (int64(le.Uint32(boot[44:]))-2)*cluster
		entries = sector / 32
	}
	list := make([]byte, min(entries, 512)*32)
	if n, _ := r.ReadAt(list, at*sector); n < len(list) {
		return ""
	}
	for e := range slices.Chunk(list, 32) {
		if e[0] == 0 {
			break
		}
		if attr := e[11]; e[0] != 0xe5 && attr&0x08 != 0 && attr != 0x0f { // 0x0f is a part of a long name
			return strings.TrimRight(string(e[:11]), " ")
		}
	}
	return ""
}

func (v volume) ours() bool {
	return slices.ContainsFunc(Labels, func(l string) bool { return strings.EqualFold(l, v.label) })
}

// Volumes are the sources on the block devices of this machine that have one of
// our labels, that of HOLDFAST first. Root only.
func Volumes(id Identity) (all []Source) {
	names, _ := filepath.Glob("/sys/class/block/*")
	var found []Source
	for _, n := range names {
		base := filepath.Base(n)
		for _, skip := range []string{"loop", "ram", "zram", "dm-", "nbd"} {
			if strings.HasPrefix(base, skip) {
				base = ""
			}
		}
		if base == "" {
			continue
		}
		s, label, err := Device("/dev/"+base, id)
		if err != nil {
			continue
		}
		if strings.EqualFold(label, Labels[0]) {
			all = append(all, s)
		} else {
			found = append(found, s)
		}
	}
	return append(all, found...)
}

// Device is the source on one block device, and its label.
func Device(path string, id Identity) (Source, string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a drive without a disk is not waited for
	if err != nil {
		return Source{}, "", err
	}
	defer f.Close()
	v, ok := readVolume(f)
	if !ok || !v.ours() {
		return Source{}, "", fmt.Errorf("%s: want a FAT or ISO 9660 volume labelled %s", path, strings.Join(Labels, " or "))
	}
	return Source{Name: "volume-" + filepath.Base(path),
		Find:   func(context.Context) ([]Candidate, error) { return v.find(path, id) },
		Answer: func(name string, text []byte) error { return v.answer(path, name, text) },
	}, v.label, nil
}

// find reads the bundles of a volume, which is mounted for reading, and nowhere
// that anybody else could see it.
func (v volume) find(device string, id Identity) (all []Candidate, err error) {
	root, done, err := v.mount(device, true)
	if err != nil {
		return nil, err
	}
	defer done()
	return Read(root.FS(), ".", id.keeps), nil
}

// answer writes a result onto a volume, and waits until it is on it: it may be
// pulled at once.
func (v volume) answer(device, name string, text []byte) error {
	if v.system == "iso9660" {
		return errors.New("a CD takes no answer")
	}
	root, done, err := v.mount(device, false)
	if err != nil {
		return err
	}
	defer done()
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), unix.Syncfs(int(f.Fd())), f.Close())
}

// mount mounts a device without a place in the file system (fsmount(2), Linux 5.2).
// It goes with the last descriptor of it.
func (v volume) mount(device string, readOnly bool) (root *os.Root, done func(), err error) {
	fail := func(what string, err error) (*os.Root, func(), error) {
		return nil, nil, fmt.Errorf("mount %s: %s: %w", device, what, err)
	}
	fs, err := unix.Fsopen(v.system, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fail(v.system, err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "source", device); err != nil {
		return fail("source", err)
	}
	flags := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	if readOnly {
		flags |= unix.MOUNT_ATTR_RDONLY
		if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
			return fail("read-only", err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return fail(v.system, err)
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, flags)
	if err != nil {
		return fail(v.system, err)
	}
	root, err = os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", m))
	if err != nil {
		unix.Close(m)
		return fail(v.system, err)
	}
	return root, func() { root.Close(); unix.Close(m) }, nil
}
