package boot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is what a backend does to disks and to the firmware's variables, one
// operation each: a test stops after any of them, and loses what was not synced.
type disk interface {
	Write(path string, data []byte) error           // a new file
	Patch(path string, at int64, data []byte) error // of a file that has these octets
	Sync(path string) error                         // all of the file system that it is on
	Rename(from, to string) error
	Exchange(a, b string) error // of two files
	Remove(path string) error
	SetVariable(path string, data []byte) error
	Free(path string) (octets uint64, err error)
}

// system is the machine's disks.
type system struct{}

func (system) Write(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }

func (system) Patch(path string, at int64, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, at)
	return errors.Join(err, f.Close())
}

// Sync writes what is in memory, has the disk write what is in its own, and
// forgets the former: what is read next is what the disk has. On FAT a name and
// its file are two things to sync, and syncfs does not flush the disk.
func (system) Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	fd := int(f.Fd())
	err = errors.Join(unix.Syncfs(fd), f.Sync())
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) // a wish
	return errors.Join(err, f.Close())
}

func (system) Rename(from, to string) error { return os.Rename(from, to) }

func (system) Exchange(a, b string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return nil
}

func (system) Remove(path string) error { return os.Remove(path) }

func (system) Free(path string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(path, &s)
	return s.Bavail * uint64(s.Bsize), err
}

// SetVariable writes a variable of UEFI with one write, which is how efivarfs
// takes it. It holds such files against removal by mistake.
func (system) SetVariable(path string, data []byte) error {
	mutable(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// immutable is FS_IMMUTABLE_FL (linux/fs.h).
const immutable = 0x10

// mutable takes the immutable flag from a file, if it has one. If that fails,
// writing tells of it.
func mutable(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS); err == nil && flags&immutable != 0 {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags&^immutable)
	}
}

// steps does one after the other, until one fails.
func steps(list ...func() error) error {
	for _, step := range list {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fresh reads a file of the disk, and not what memory still has of it.
func fresh(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // what is not written yet stays
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, st.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// same reads a file back.
func same(path string, want []byte) error {
	got, err := fresh(path)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s: what is read back is not what was written: the disk is failing", path)
	}
	return err
}

// sector is what a disk writes at once or not at all.
const sector = 512

// put writes a program for the firmware: its first sector last. Without it, it
// is no program, and boot loaders pass it over; so there is no moment at which
// they take half of one, and none at which FAT has one file under two names, as
// a rename that is cut off leaves it.
func put(d disk, path string, data []byte) error {
	headless := bytes.Clone(data)
	clear(headless[:sector])
	return steps(
		func() error { return drop(d, path) },
		func() error { return d.Write(path, headless) },
		func() error { return d.Sync(path) },
		func() error { return d.Sync(filepath.Dir(path)) },
		func() error { return same(path, headless) },
		func() error { return d.Patch(path, 0, data[:sector]) },
		func() error { return d.Sync(path) },
		func() error { return same(path, data) },
	)
}

// drop removes a program: its first sector first, since FAT may free what a name
// still points to.
func drop(d disk, path string) error {
	st, err := os.Stat(path)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Size() > 0 {
		if err := d.Patch(path, 0, make([]byte, min(sector, st.Size()))); err != nil {
			return err
		}
		if err := d.Sync(path); err != nil {
			return err
		}
	}
	if err := d.Remove(path); err != nil {
		return err
	}
	return d.Sync(filepath.Dir(path))
}

// replace has a program be another one, at once: firmware knows no other name.
// The two names are exchanged, not renamed over: so nothing is freed of which a
// name on the disk could still tell.
func replace(d disk, path string, data []byte) error {
	if same(path, data) == nil {
		return nil
	}
	next := path[:len(path)-len(filepath.Ext(path))] + ".NEW"
	if err := leftover(d, path, next); err != nil {
		return err
	}
	if err := steps(
		func() error { return d.Write(next, data) },
		func() error { return d.Sync(next) },
		func() error { return d.Sync(filepath.Dir(next)) },
		func() error { return same(next, data) },
	); err != nil {
		return err
	}
	if _, err := os.Stat(path); gone(err) {
		return steps(func() error { return d.Rename(next, path) }, func() error { return d.Sync(filepath.Dir(path)) }, func() error { return same(path, data) })
	}
	return steps(
		func() error { return d.Exchange(next, path) },
		func() error { return d.Sync(path) },
		func() error { return d.Sync(filepath.Dir(path)) },
		func() error { return same(path, data) },
		func() error { return d.Remove(next) },
		func() error { return d.Sync(filepath.Dir(path)) },
	)
}

// leftover removes what a replacement that was cut off has left. Two names with
// the same octets may be one file on FAT: removing one would take the other's,
// which is for fsck.
func leftover(d disk, path, next string) error {
	was, err := os.ReadFile(next)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(was) > 0 && same(path, was) == nil {
		return fmt.Errorf("%s and %s may be one file under two names, since the power went while one replaced the other: have fsck.vfat -a look at their file system", next, path)
	}
	return steps(func() error { return d.Remove(next) }, func() error { return d.Sync(filepath.Dir(next)) })
}
