package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Take listens at path, for the owner and the group of the daemon. If a daemon
// answers there already, the error says which process it is; a socket that
// nobody answers on is replaced. The noun is how errors name the socket.
func Take(noun, path string) (*net.UnixListener, error) {
	if pid, ok := holder(path); ok {
		return nil, fmt.Errorf("%s %s is held by %s", noun, path, process(pid))
	}
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", noun, err)
	}
	return l, nil
}

func listen(path string) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that a dead process has left, and nothing else.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s: there is something else at that path", path)
	}
	return os.Remove(path)
}

// holder is the process that answers on a unix socket; 0: one that is too busy
// to say.
func holder(path string) (pid int, ok bool) {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return 0, errors.Is(err, unix.EAGAIN) || errors.Is(err, os.ErrDeadlineExceeded)
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, true
	}
	raw.Control(func(fd uintptr) {
		if u, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(u.Pid)
		}
	})
	return pid, true
}

func process(pid int) string {
	if pid == 0 {
		return "a process that does not answer"
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d (%s)", pid, strings.TrimSpace(string(comm)))
}
