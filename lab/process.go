package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is something that runs on a host.
type Process struct {
	host *Host
	name string
	log  string // path of what it writes to standard output and error
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// Start starts a command on the host, in a process group of its own, with env
// added to the environment. What it prints goes to a file NAME.log.
func (h *Host) Start(name string, env []string, argv ...string) *Process {
	h.Helper()
	argv = h.exec(argv)
	p := &Process{host: h, name: name, done: make(chan struct{})}
	p.log = filepath.Join(h.Dir, fmt.Sprintf("%s-%s.log", h.Short, name))
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		h.Fatalf("lab: %v", err)
	}
	defer log.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = h.Dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		h.Fatalf("lab: start %s on %s: %v", name, h.Short, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	h.adopt(p)
	return p
}

func (l *Lab) adopt(p *Process) {
	l.Cleanup(p.Kill)
	for _, q := range l.procs {
		if q.log == p.log { // started again
			return
		}
	}
	l.procs = append(l.procs, p)
}

// PID is the process's number, which is its process group's, too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running says whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits for the process to end and gives how: nil is exit status 0.
func (p *Process) Wait(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		return fmt.Errorf("%s still runs after %s", p.name, limit)
	}
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s syscall.Signal) {
	p.host.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.host.Fatalf("lab: %s to %s: %v", s, p.name, err)
	}
}

// Kill ends the process and its group at once; nothing happens if it has
// ended.
func (p *Process) Kill() {
	if p.Running() {
		syscall.Kill(-p.PID(), syscall.SIGKILL)
		<-p.done
	}
}

// Stop asks the process to end, with SIGTERM, and fails the test if it does
// not within a minute.
func (p *Process) Stop() {
	p.host.Helper()
	if !p.Running() {
		return
	}
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.host.Fatalf("lab: %s on %s does not stop", p.name, p.host.Short)
	}
}

// Log is what the process has printed so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		p.host.Fatalf("lab: %v", err)
	}
	return string(b)
}

// Memory is the most that the process has had in memory so far, in MiB.
func (p *Process) Memory() (most int) {
	p.host.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		p.host.Fatalf("lab: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &most)
	}
	return most / 1024
}
