package netio

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// linkIndex asks the kernel for a link's number: one ioctl, which does not
// block, and in the namespace of the calling thread.
func linkIndex(name string) (uint32, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r); err != nil {
		return 0, err
	}
	return r.Uint32(), nil
}

// zoneName is a link's name, or its number when it has gone.
func zoneName(index uint32) string {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return strconv.FormatUint(uint64(index), 10)
	}
	defer unix.Close(fd)
	if name, err := linkName(fd, index); err == nil {
		return name
	}
	return strconv.FormatUint(uint64(index), 10)
}

// linkName asks for the name of a link; the wrapper library can only ask the
// other way round.
func linkName(fd int, index uint32) (string, error) {
	var r struct {
		name  [unix.IFNAMSIZ]byte
		index uint32
		_     [20]byte
	}
	r.index = index
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGIFNAME, uintptr(unsafe.Pointer(&r)))
	if errno != 0 {
		return "", errno
	}
	return unix.ByteSliceToString(r.name[:]), nil
}
