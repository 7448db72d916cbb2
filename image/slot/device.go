package slot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"holdfast/image/verity"
)

// Chunk is how much is written at once, in octets: no more than that waits in
// memory for the disk.
const Chunk = 1 << 20

// Device is a slot that is open, and nobody else's.
type Device struct {
	f    *os.File
	size int64
}

// ErrInUse is a slot that is mounted, mapped or written by somebody else.
var ErrInUse = errors.New("it is in use")

// Open opens a slot's device. The kernel gives a block device to one owner only:
// one that is mounted, or below the device mapper, is in use. A lock does the
// same where the device is a file.
func Open(device string) (*Device, error) {
	flags := os.O_RDWR
	if st, err := os.Stat(device); err == nil && st.Mode()&os.ModeDevice != 0 {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(device, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s: %w: unmount it", device, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	d := &Device{f: f}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w: wait for the other update", device, ErrInUse)
	}
	if d.size, err = f.Seek(0, io.SeekEnd); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", device, err)
	}
	return d, nil
}

// Close gives the slot back.
func (d *Device) Close() error { return d.f.Close() }

// Size is what fits into the slot, in octets.
func (d *Device) Size() int64 { return d.size }

// ReadAt reads of the device.
func (d *Device) ReadAt(b []byte, at int64) (int, error) { return d.f.ReadAt(b, at) }

// magic is how a superblock of dm-verity begins.
var magic = []byte("verity\x00\x00")

// Erase has the slot hold no root: neither any that is in it, nor the one that is
// to be written. It takes the topmost block of hashes, by which a root is known.
// It is on the disk when Erase comes back.
func (d *Device) Erase(ctx context.Context, next verity.Root) error {
	tops := []int64{top(next)}
	buf := make([]byte, Chunk)
	for at := int64(0); at < d.size; at += Chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(Chunk, d.size-at)]
		if _, err := d.f.ReadAt(b, at); err != nil {
			return err
		}
		for i := 0; i+verity.Block <= len(b); i += verity.Block {
			if bytes.HasPrefix(b[i:], magic) {
				tops = append(tops, at+int64(i)+verity.Block)
			}
		}
	}
	for _, at := range tops {
		if at+verity.Block > d.size {
			continue
		}
		if _, err := d.f.WriteAt(make([]byte, verity.Block), at); err != nil {
			return err
		}
	}
	return d.forget()
}

// top is where the topmost block of hashes of a root is: behind the superblock.
func top(r verity.Root) int64 { return int64(r.Blocks+1) * verity.Block }

// Write takes all of a root's image, from the slot's beginning; but keeps its
// topmost block of hashes and gives it back: until Finish the slot holds nothing.
// More than the root has is an error, and less.
func (d *Device) Write(ctx context.Context, r verity.Root, from io.Reader, tell func(written int64)) ([]byte, error) {
	size, kept := r.Size(), make([]byte, verity.Block)
	if size > d.size {
		return nil, fmt.Errorf("want at most %d octets, as many as the slot has, got %d", d.size, size)
	}
	buf := make([]byte, Chunk)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := buf[:min(Chunk, size-at)]
		if _, err := io.ReadFull(from, b); err != nil {
			return nil, err
		}
		if i := top(r) - at; i >= 0 && i < int64(len(b)) { // Chunk is whole blocks
			copy(kept, b[i:])
			clear(b[i : i+verity.Block])
		}
		if err := d.write(b, at); err != nil {
			return nil, err
		}
		at += int64(len(b))
		tell(at)
	}
	if n, err := io.Copy(io.Discard, from); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, fmt.Errorf("want %d octets, as the root has, got %d more", size, n)
	}
	return kept, nil
}

// write writes one chunk and waits until the disk has taken it.
func (d *Device) write(b []byte, at int64) error {
	if _, err := d.f.WriteAt(b, at); err != nil {
		return err
	}
	return unix.SyncFileRange(int(d.f.Fd()), at, int64(len(b)), unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
}

// Check reads all that was written back from the disk, and proves it to be the
// root that the kept block makes it.
func (d *Device) Check(r verity.Root, kept []byte) error {
	if err := d.forget(); err != nil {
		return err
	}
	return r.Check(whole{d, kept, top(r)})
}

// forget has the next reads come from the disk, and not from memory.
func (d *Device) forget() error {
	if err := d.f.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(d.f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// Finish writes the block that was kept: from now on the slot holds the root.
func (d *Device) Finish(r verity.Root, kept []byte) error {
	if _, err := d.f.WriteAt(kept, top(r)); err != nil {
		return err
	}
	if err := d.forget(); err != nil {
		return err
	}
	if !r.Holds(d) {
		return errors.New("the topmost block of hashes was written, and another is read")
	}
	return nil
}

// whole is a device as it will be when the kept block is in its place.
type whole struct {
	dev  io.ReaderAt
	kept []byte
	top  int64
}

func (w whole) ReadAt(b []byte, at int64) (int, error) {
	n, err := w.dev.ReadAt(b, at)
	from, to := max(at, w.top), min(at+int64(n), w.top+int64(len(w.kept)))
	if from < to {
		copy(b[from-at:to-at], w.kept[from-w.top:])
	}
	return n, err
}
