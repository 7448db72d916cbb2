package helper

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// child is a started program, leader of a process group of its own, and our
// ends of its pipes.
type child struct {
	in, out, err *os.File

	cmd  *exec.Cmd
	mu   sync.Mutex
	gone bool
}

// start runs a process's program.
func start(p Process) (*child, error) {
	path, err := p.program()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(path, p.Run[1:]...)}
	c.cmd.Env = append(os.Environ(), p.Env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	theirs, err := c.pipes()
	if err == nil {
		err = c.cmd.Start()
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("process %s: %w", p.Name, err)
	}
	c.widen()
	return c, nil
}

// pipes makes the three pipes, and gives the child's ends.
func (c *child) pipes() (theirs []*os.File, err error) {
	for _, p := range []struct {
		ours   **os.File
		theirs func(*os.File)
		write  bool
	}{
		{&c.in, func(f *os.File) { c.cmd.Stdin = f }, true},
		{&c.out, func(f *os.File) { c.cmd.Stdout = f }, false},
		{&c.err, func(f *os.File) { c.cmd.Stderr = f }, false},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, fmt.Errorf("pipe: %w", err)
		}
		if p.write {
			r, w = w, r
		}
		*p.ours = r
		p.theirs(w)
		theirs = append(theirs, w)
	}
	return theirs, nil
}

// widen asks for a larger pipe, a longer breath for a helper that writes in
// bursts; what the kernel gives is good enough.
func (c *child) widen() {
	if rc, err := c.out.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, readSize) })
	}
}

// signal sends a signal to all of the helper's processes, if it still lives.
func (c *child) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		_ = syscall.Kill(-c.cmd.Process.Pid, s) // there may be nobody left to get it
	}
}

// wait waits for the program's end and gives how it ended. What it started and
// left behind ends too: the next life would have it twice. The program stays a
// zombie until then, so that its number can not be somebody else's.
func (c *child) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	c.signal(syscall.SIGKILL)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	return c.cmd.Wait()
}

// close closes our ends of the pipes.
func (c *child) close() {
	for _, f := range []*os.File{c.in, c.out, c.err} {
		if f != nil {
			f.Close()
		}
	}
}
