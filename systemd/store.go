package systemd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Inherited are the descriptors that the manager has kept for us, or opened, by
// their names. It is asked once: whom we start must not take them for its own.
func Inherited() map[string][]*os.File {
	all := map[string][]*os.File{}
	for _, f := range activation.Files(true) {
		all[f.Name()] = append(all[f.Name()], f)
	}
	return all
}

// Store has the manager keep copies of descriptors for our next life, if the unit
// has FileDescriptorStoreMax= for as many. They do not outlive a reboot, nor a
// stop without a start. The name has no colon in it. Store waits until the manager
// has room for the message.
func (n *Notifier) Store(name string, fds ...int) error {
	if n.fd < 0 {
		return errors.New("no service manager")
	}
	for _, fd := range fds { // some at once would be too many for one message
		if err := n.store(name, fd); err != nil {
			return fmt.Errorf("store descriptor %s: %w", name, err)
		}
	}
	return nil
}

func (n *Notifier) store(name string, fd int) error {
	// The manager would throw out what looks hung up; a timer or a listening
	// socket does not, and is ours to judge.
	text := strings.Join([]string{"FDSTORE=1", "FDNAME=" + name, "FDPOLL=0"}, "\n")
	return n.sure([]byte(text), unix.UnixRights(fd))
}

// Forget has the manager close what it keeps under a name.
func (n *Notifier) Forget(name string) {
	if n.fd >= 0 && n.sure([]byte("FDSTOREREMOVE=1\nFDNAME="+name), nil) != nil {
		n.dropped.Add(1)
	}
}

// sure sends what must not be lost, on a socket of its own that waits.
func (n *Notifier) sure(text, rights []byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		return err
	}
	return unix.Sendmsg(fd, text, rights, n.to(), unix.MSG_NOSIGNAL)
}

// StoreText is Store of a text, which ReadText of its descriptor gives.
func (n *Notifier) StoreText(name string, text []byte) error {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return n.Store(name, fd)
}

// ReadText is the text in a descriptor of StoreText.
func ReadText(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
}
