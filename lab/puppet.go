package lab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a puppet may take for a step, which only matters when
// something is wrong.
const patience = 2 * time.Minute

// Puppet is a helper process of a box, with a test behind it: it is a program of
// its own, which does nothing but pass on what the test says and hears.
type Puppet struct {
	T
	name string
	at   *net.UnixListener
	path string
}

// Puppet prepares a helper process; Process is for the box's configuration.
func (h *Host) Puppet(name string) *Puppet {
	h.Helper()
	p := &Puppet{T: h, name: name, path: filepath.Join(h.Dir, h.Short+"."+name)}
	var err error
	if p.at, err = net.ListenUnix("unix", &net.UnixAddr{Name: p.path}); err != nil {
		h.Fatalf("lab: %v", err)
	}
	h.Cleanup(func() { p.at.Close() })
	return p
}

// Process is the puppet's section of a configuration; its events are JSON.
func (p *Puppet) Process() string {
	return fmt.Sprintf("process %s { run %s puppet %s; encoder json; }\n", p.name, self(p), p.path)
}

// self is the path of this program.
func self(t T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	return path
}

// Live waits for the puppet's next life.
func (p *Puppet) Live() *Life {
	p.Helper()
	p.at.SetDeadline(time.Now().Add(patience))
	c, err := p.at.AcceptUnix()
	if err != nil {
		p.Fatalf("lab: %s does not start: %v", p.name, err)
	}
	p.Cleanup(func() { c.Close() })
	l := &Life{UnixConn: c, puppet: p, in: bufio.NewReaderSize(c, 1<<20)}
	l.PID = l.number()
	return l
}

// Life is one life of a puppet, from its start by the daemon to its end. Closing
// it ends it.
type Life struct {
	*net.UnixConn
	PID    int
	puppet *Puppet
	in     *bufio.Reader
}

// number is the process at the other end.
func (l *Life) number() (pid int) {
	rc, err := l.SyscallConn()
	if err == nil {
		err = rc.Control(func(fd uintptr) {
			if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				pid = int(cred.Pid)
			}
		})
	}
	if err != nil || pid == 0 {
		l.puppet.Fatalf("lab: %s has no process number: %v", l.puppet.name, err)
	}
	return pid
}

// Say says lines, or what is none.
func (l *Life) Say(format string, args ...any) {
	l.puppet.Helper()
	l.SetWriteDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(l, format, args...); err != nil {
		l.puppet.Fatalf("lab: %s can not say %.80q: %v", l.puppet.name, format, err)
	}
}

// Hear is the next line that it is told.
func (l *Life) Hear() string {
	l.puppet.Helper()
	l.SetReadDeadline(time.Now().Add(patience))
	line, err := l.in.ReadString('\n')
	if err != nil {
		l.puppet.Fatalf("lab: %s hears %.80q: %v", l.puppet.name, line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// Answer is what a command is answered with: all lines up to "done" or "error",
// without events.
func (l *Life) Answer() (lines []string) {
	l.puppet.Helper()
	for {
		line := l.Hear()
		if strings.HasPrefix(line, "{") {
			continue
		}
		lines = append(lines, line)
		if line == "done" || line == "error" {
			return lines
		}
	}
}

// Read reads what it is told and was not heard yet.
func (l *Life) Read(b []byte) (int, error) { return l.in.Read(b) }

// Signal sends a signal to the process.
func (l *Life) Signal(s syscall.Signal) {
	l.puppet.Helper()
	if err := syscall.Kill(l.PID, s); err != nil {
		l.puppet.Fatalf("lab: %s to %s: %v", s, l.puppet.name, err)
	}
}

// PuppetMain is the puppet's program: it does not return if this process is one.
// It is for the start of TestMain.
func PuppetMain() {
	if len(os.Args) < 3 || os.Args[1] != "puppet" {
		return
	}
	c, err := net.Dial("unix", os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		io.Copy(c, os.Stdin)
		os.Exit(0)
	}()
	io.Copy(os.Stdout, c)
	os.Exit(0)
}
