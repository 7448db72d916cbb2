package early

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/image/verity"
)

// The device mapper's interface (linux/dm-ioctl.h, version 4): a header of 312
// octets, and what belongs to the request behind it.
const (
	dmHeader  = 312
	dmBuffer  = 4096
	dmCreate  = 0xc138fd03 // DM_DEV_CREATE
	dmLoad    = 0xc138fd09 // DM_TABLE_LOAD
	dmSuspend = 0xc138fd06 // DM_DEV_SUSPEND: without its flag, it resumes
	dmRead    = 1          // DM_READONLY_FLAG
	dmTarget  = 40         // octets of struct dm_target_spec
)

// verify makes the device of which the kernel proves each block, by the root.
// Without more words of what it does about one that is broken, that one can't be
// read.
func verify(r verity.Root, dev, onError string) error {
	ctl, err := control()
	if err != nil {
		return err
	}
	defer unix.Close(ctl)
	if err := dm(ctl, dmCreate, "DM_DEV_CREATE", nil); err != nil {
		return err
	}
	if err := dm(ctl, dmLoad, "DM_TABLE_LOAD", target(r.Sectors(), "verity", r.Table(dev)+onError)); err != nil {
		return err
	}
	if err := dm(ctl, dmSuspend, "DM_DEV_SUSPEND", nil); err != nil {
		return err
	}
	return node()
}

// control opens the device mapper, whose number the kernel has chosen.
func control() (int, error) {
	fd, err := unix.Open("/dev/mapper/control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("device mapper: %w", err)
	}
	return fd, nil
}

// request is a header with the device's name, and a body.
func request(body []byte) []byte {
	b := make([]byte, dmBuffer)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], 4)         // version
	ne.PutUint32(b[12:], dmBuffer) // data_size
	ne.PutUint32(b[16:], dmHeader) // data_start
	if body != nil {
		ne.PutUint32(b[20:], 1) // target_count
	}
	ne.PutUint32(b[28:], dmRead) // flags
	copy(b[48:], mapped)         // name
	copy(b[dmHeader:], body)
	return b
}

// target is a table of one row.
func target(sectors uint64, kind, params string) []byte {
	b := make([]byte, dmTarget+len(params)+1)
	binary.NativeEndian.PutUint64(b[8:], sectors)
	copy(b[24:], kind)
	copy(b[dmTarget:], params)
	return b
}

func dm(fd int, what uintptr, name string, body []byte) error {
	b := request(body)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), what, uintptr(unsafe.Pointer(&b[0]))); errno != 0 {
		return fmt.Errorf("%s: %w", name, errno)
	}
	return nil
}

// node makes the device's file, which udev would make later.
func node() error {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob("/sys/class/block/dm-*/dm/name")
		for _, f := range files {
			if b, err := os.ReadFile(f); err != nil || strings.TrimSpace(string(b)) != mapped {
				continue
			}
			dev := "/dev/" + filepath.Base(filepath.Dir(filepath.Dir(f)))
			if err := os.Symlink(dev, "/dev/mapper/"+mapped); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
			if _, err := os.Stat(dev); err == nil {
				return nil
			}
		}
	}
	return errors.New("the kernel does not show the device that it has made")
}
