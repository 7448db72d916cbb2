// Package host runs programs: here, as our own children within our own walls, or
// outside, in a unit of their own that another process is the host of.
//
// The daemon may do what a helper must not, and a helper may need what the daemon
// has no use for. So the service manager starts a host for each connection to a
// socket, in a unit with walls of its own (holdfast-helper@.service), and the host
// starts what the daemon says. Neither of them needs a right to start units: to
// start one with properties of one's own choice is to be root.
package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Program is what is to be run. Its files are the caller's, who may close them once
// it has been started; nil is /dev/null.
type Program struct {
	Path         string
	Args         []string // without its name
	Env          []string // KEY=VALUE, beside the environment of whoever runs it
	In, Out, Err *os.File
}

// Running is a program at work, the leader of a process group of its own.
type Running interface {
	PID() int
	// Unit is the unit that it was started in, "" for our own.
	Unit() string
	// Signal sends a signal to all of its group, if it still lives.
	Signal(syscall.Signal)
	// Wait waits for its end and gives how it ended. What it started and left behind
	// in its group ends too. It is called once.
	Wait() error
}

// Start runs a program starter, such as Here.
type Start func(Program) (Running, error)

// Here starts a program as our child.
func Here(p Program) (Running, error) {
	c := &child{cmd: exec.Command(p.Path, p.Args...)}
	c.cmd.Env = append(os.Environ(), p.Env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.In != nil { // a nil *os.File in an interface is not nil
		c.cmd.Stdin = p.In
	}
	if p.Out != nil {
		c.cmd.Stdout = p.Out
	}
	if p.Err != nil {
		c.cmd.Stderr = p.Err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// child is a program that we have started.
type child struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	gone bool
}

func (c *child) PID() int     { return c.cmd.Process.Pid }
func (c *child) Unit() string { return "" }

func (c *child) Signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		_ = syscall.Kill(-c.cmd.Process.Pid, s) // there may be nobody left to get it
	}
}

// Wait: the program stays a zombie until its group has ended, so that its number
// can not be somebody else's.
func (c *child) Wait() error {
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	c.Signal(syscall.SIGKILL)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	return ended(c.cmd.Wait())
}

// ended is how a program ended, as an Exit where it is one.
func ended(err error) error {
	var e *exec.ExitError
	if errors.As(err, &e) {
		if s, ok := e.Sys().(syscall.WaitStatus); ok {
			return Exit(s)
		}
	}
	return err
}

// Exit is how a program has ended that did not succeed.
type Exit syscall.WaitStatus

// Error is it in exec's words.
func (e Exit) Error() string {
	s := syscall.WaitStatus(e)
	if s.Signaled() {
		return fmt.Sprintf("signal: %s", s.Signal())
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}
