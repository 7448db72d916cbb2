package generation

import (
	"errors"
	"os"
)

// disk is what a store does to a disk, one operation each: a test stops after any
// of them, and looks at their order. That is why they are not a library's:
// renameio neither syncs the folder nor can be stopped in between.
type disk interface {
	Mkdir(path string) error
	Write(path string, data []byte, mode os.FileMode) error // a file, not synced
	Sync(path string) error                                 // a file or a folder
	Rename(from, to string) error
	Remove(path string) error // with all that is below
}

// system is the machine's disk.
type system struct{}

func (system) Mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	return err
}

func (system) Write(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (system) Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (system) Rename(from, to string) error { return os.Rename(from, to) }

func (system) Remove(path string) error { return os.RemoveAll(path) }

// replace has a file be data, or what it was before.
func replace(d disk, folder, path string, data []byte) error {
	next := path + ".new"
	for _, step := range []func() error{
		func() error { return d.Write(next, data, 0o600) },
		func() error { return d.Sync(next) },
		func() error { return d.Rename(next, path) },
		func() error { return d.Sync(folder) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
