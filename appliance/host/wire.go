package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Both sides speak JSON in the packets of a SOCK_SEQPACKET socket.

// request is what the daemon wants of a host. A start has three descriptors with
// it: what the program reads, says and complains on.
type request struct {
	ID     uint32         `json:"id"` // the daemon's choice, of one program
	Path   string         `json:"path,omitempty"`
	Args   []string       `json:"args,omitempty"`
	Env    []string       `json:"env,omitempty"`
	Signal syscall.Signal `json:"signal,omitempty"` // in place of a start
}

// reply is what a host says of a program: that it was started, or could not be,
// and then that it has ended.
type reply struct {
	ID     uint32  `json:"id"`
	PID    int     `json:"pid,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	Error  string  `json:"error,omitempty"`
	Status *uint32 `json:"status,omitempty"` // of wait(2)
}

// longest is the longest packet that is taken. A kernel's default buffers have
// room for a little less.
const longest = 256 << 10

// send sends one packet.
func send(c *net.UnixConn, m any, files ...*os.File) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var fds []int
	for _, f := range files {
		// Fd may or may not have it block, and a program expects that it does.
		fd := int(f.Fd())
		if err := unix.SetNonblock(fd, false); err != nil {
			return err
		}
		fds = append(fds, fd)
	}
	var rights []byte
	if fds != nil {
		rights = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(text, rights, nil)
	if errors.Is(err, unix.EMSGSIZE) {
		return fmt.Errorf("%d octets are too many for one packet", len(text))
	}
	return err
}

// receive takes one packet and the descriptors in it.
func receive(c *net.UnixConn, b []byte) (text []byte, files []*os.File, err error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, k, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return nil, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:k])
	if err != nil {
		return nil, nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return b[:n], files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
