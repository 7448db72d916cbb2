package helper

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"holdfast/appliance/host"
)

// child is a started program, and our ends of its pipes.
type child struct {
	host.Running
	in, out, err *os.File
}

// start runs a process's program.
func start(p Process, run host.Start) (*child, error) {
	path, err := p.program()
	if err != nil {
		return nil, err
	}
	c := &child{}
	program := host.Program{Path: path, Args: p.Run[1:], Env: p.Env}
	theirs, err := c.pipes(&program)
	if err == nil {
		c.Running, err = run(program)
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

// pipes makes the three pipes, and gives the program its ends.
func (c *child) pipes(p *host.Program) (theirs []*os.File, err error) {
	for _, p := range []struct {
		ours, theirs **os.File
		write        bool
	}{{&c.in, &p.In, true}, {&c.out, &p.Out, false}, {&c.err, &p.Err, false}} {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, fmt.Errorf("pipe: %w", err)
		}
		if p.write {
			r, w = w, r
		}
		*p.ours = r
		*p.theirs = w
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

// close closes our ends of the pipes.
func (c *child) close() {
	for _, f := range []*os.File{c.in, c.out, c.err} {
		if f != nil {
			f.Close()
		}
	}
}
