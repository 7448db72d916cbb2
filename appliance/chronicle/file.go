package chronicle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// file is the ring on a disk. It is the writer's.
type file struct {
	*os.File
	size   int64
	at     int64 // of the next record
	unsync bool  // what was written may not be on the disk yet
}

// errHeld says that another process writes the file.
var errHeld = errors.New("another process writes it")

// openFile opens a ring, or makes one.
func openFile(path string, size int64) (f *file, es []Entry, aside string, err error) {
	f, es, err = openRing(path)
	var bad *badError
	switch {
	case err == nil, !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &bad):
		return f, es, "", err
	case bad != nil:
		aside = path + ".bad"
		if err := os.Rename(path, aside); err != nil {
			return nil, nil, "", err
		}
		aside = fmt.Sprintf("%s, kept as %s", bad, aside)
	}
	if err := create(path, size); err != nil {
		return nil, nil, aside, err
	}
	f, es, err = openRing(path)
	return f, es, aside, err
}

// badError says that a file is no ring of ours.
type badError struct {
	path string
	err  error
}

func (e *badError) Error() string { return fmt.Sprintf("history %s: %s", e.path, e.err) }

// create makes an empty ring, which is there as a whole or not at all.
func create(path string, size int64) error {
	b := make([]byte, size)
	copy(b, appendHead(nil, size))
	return renameio.WriteFile(path, b, 0o600, renameio.IgnoreUmask())
}

// openRing opens a ring that is there, for the one process that writes it.
func openRing(path string) (*file, []Entry, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	es, next, size, err := lockAndScan(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return &file{File: f, size: size, at: int64(next)}, es, nil
}

func lockAndScan(f *os.File) (es []Entry, next int, size int64, err error) {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, 0, 0, &os.PathError{Op: "history", Path: f.Name(), Err: errHeld}
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, 0, 0, err
	}
	b, err := readRing(f.Name())
	if err != nil {
		return nil, 0, 0, err
	}
	es, next = scan(b)
	return es, next, int64(len(b)), nil
}

// sizeMax is that of a file that is looked at.
const sizeMax = 64 << 20

func readRing(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > sizeMax {
		return nil, &badError{path, fmt.Errorf("want at most %d octets, has %d", sizeMax, st.Size())}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := checkHead(b); err != nil {
		return nil, &badError{path, err}
	}
	return b, nil
}

// Read is what stands in a file, whether or not somebody writes it.
func Read(path string) ([]Entry, error) {
	b, err := readRing(path)
	if err != nil {
		return nil, err
	}
	es, _ := scan(b)
	return es, nil
}

// write puts entries behind the newest, all that fit in one write.
func (f *file) write(es []Entry) error {
	var b []byte
	for _, e := range es {
		r := appendRecord(nil, e)
		if f.at+int64(len(b)+len(r)) > f.size {
			if err := f.turn(b); err != nil {
				return err
			}
			b = b[:0]
		}
		b = append(b, r...)
	}
	return f.put(b)
}

// turn writes what is before the end, and zeros what is left there: those
// records would be the oldest for a whole round.
func (f *file) turn(b []byte) error {
	rest := f.size - f.at - int64(len(b))
	err := f.put(append(b, make([]byte, rest)...))
	f.at = headLen
	return err
}

func (f *file) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := f.WriteAt(b, f.at)
	f.at += int64(len(b))
	f.unsync = true
	return err
}

// sync has all that was written be on the disk.
func (f *file) sync() error {
	if !f.unsync {
		return nil
	}
	f.unsync = false
	return unix.Fdatasync(int(f.Fd()))
}

func lostText(n int) string {
	return fmt.Sprintf("%d entries were not written: the disk was too slow", n)
}

// syncEvery is how often the disk is asked to keep what was written.
const syncEvery = time.Second

// Run writes what is recorded until the context ends, and then what is left. Its
// error is the disk's; recording goes on in memory.
func (c *Chronicle) Run(ctx context.Context) error {
	if c.file == nil {
		return nil
	}
	err := c.serve(ctx)
	if err == nil {
		err = errors.Join(c.file.write(c.take()), c.file.sync())
	}
	err = errors.Join(err, c.file.Close())
	c.mu.Lock()
	c.file, c.pending = nil, nil
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("history is kept in memory only from now on: %w", err)
	}
	return nil
}

// serve writes at once, and has the disk keep it a moment later: what comes
// meanwhile goes with it.
func (c *Chronicle) serve(ctx context.Context) error {
	var due <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
			err = c.file.write(c.take())
			if due == nil {
				due = time.After(syncEvery)
			}
		case <-due:
			err, due = c.file.sync(), nil
		}
		if err != nil {
			return err
		}
	}
}
