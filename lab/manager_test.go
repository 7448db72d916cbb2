package lab_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/lab"
)

// manager is a service manager as far as a restart needs one: it keeps
// descriptors for its service, and starts it again.
type manager struct {
	*lab.Host
	argv   []string
	env    []string
	socket *net.UnixConn
	log    *os.File

	mu    sync.Mutex
	said  []string
	store []stored

	cmd  *exec.Cmd
	done chan struct{}
}

type stored struct {
	name string
	file *os.File
}

// manage starts a command on the host under a manager.
func manage(h *lab.Host, env []string, argv ...string) *manager {
	h.Helper()
	m := &manager{Host: h, argv: argv, env: env}
	var err error
	if m.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(h.Dir, "notify"), Net: "unixgram"}); err != nil {
		h.Fatalf("lab: %v", err)
	}
	if m.log, err = os.Create(filepath.Join(h.Dir, h.Short+"-managed.log")); err != nil {
		h.Fatalf("lab: %v", err)
	}
	go m.listen()
	h.Cleanup(func() { m.end(syscall.SIGKILL); m.socket.Close(); m.log.Close(); m.forget() })
	m.start()
	return m
}

// listen takes the service's messages.
func (m *manager) listen() {
	b, oob := make([]byte, 4096), make([]byte, 256)
	for {
		n, k, _, _, err := m.socket.ReadMsgUnix(b, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		m.take(strings.Split(string(b[:n]), "\n"), oob[:k])
	}
}

func (m *manager) take(lines []string, oob []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, lines...)
	name := "stored"
	for _, l := range lines {
		if n, ok := strings.CutPrefix(l, "FDNAME="); ok {
			name = n
		}
	}
	if slices.Contains(lines, "FDSTOREREMOVE=1") {
		m.drop(name)
	}
	messages, _ := unix.ParseSocketControlMessage(oob)
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			m.store = append(m.store, stored{name, os.NewFile(uintptr(fd), name)})
		}
	}
}

// drop closes what is stored under a name, or all of it.
func (m *manager) drop(name string) {
	m.store = slices.DeleteFunc(m.store, func(s stored) bool {
		if name == "" || s.name == name {
			s.file.Close()
			return true
		}
		return false
	})
}

// forget drops all that is stored, as a boot does.
func (m *manager) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop("")
}

// start starts the service with what is stored.
func (m *manager) start() {
	m.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	c := exec.Command("ip", append([]string{"netns", "exec", m.NS, "sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, m.argv...)...)
	var names []string
	for _, s := range m.store {
		names = append(names, s.name)
		c.ExtraFiles = append(c.ExtraFiles, s.file)
	}
	c.Env = append(append(os.Environ(), m.env...), "NOTIFY_SOCKET="+filepath.Join(m.Dir, "notify"))
	if names != nil {
		c.Env = append(c.Env, "LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	c.Dir, c.Stdout, c.Stderr = m.Dir, m.log, m.log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		m.Fatalf("lab: %v", err)
	}
	m.said, m.cmd, m.done = nil, c, make(chan struct{})
	go func(done chan struct{}) { c.Wait(); close(done) }(m.done)
}

// end sends a signal and waits for the service's end.
func (m *manager) end(s syscall.Signal) {
	m.Helper()
	syscall.Kill(m.cmd.Process.Pid, s)
	select {
	case <-m.done:
	case <-time.After(20 * time.Second):
		m.Fatalf("lab: the service does not end")
	}
}

// has says whether the service has said a line in this life.
func (m *manager) has(line string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.said, line)
}

// keeps is how many descriptors are stored under a name.
func (m *manager) keeps(name string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.store {
		if s.name == name {
			n++
		}
	}
	return n
}

// output is what all lives of the service have printed.
func (m *manager) output() string {
	b, _ := os.ReadFile(m.log.Name())
	return string(b)
}

// acceptFor is a socket with Accept=yes: a command is started on the host for each
// connection, which is its standard input.
func acceptFor(h *lab.Host, path string, argv ...string) {
	h.Helper()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		h.Fatalf("lab: %v", err)
	}
	h.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			f, err := c.File()
			if err != nil {
				return
			}
			cmd := exec.Command("ip", append([]string{"netns", "exec", h.NS}, argv...)...)
			cmd.Stdin, cmd.Dir = f, h.Dir
			if cmd.Start() == nil {
				go cmd.Wait()
			}
			f.Close()
			c.Close()
		}
	}()
}
