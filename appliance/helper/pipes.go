package helper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Pipes are the two named pipes through which ExaBGP 4's command line talks to
// its daemon: NAME.in has the commands, NAME.out the answers. Somebody has to
// make them; mkfifo does.
type Pipes struct{ in, out string }

func (p Pipes) String() string { return p.in }

// FindPipes looks for them where ExaBGP does; nil: they are not there.
func FindPipes(name string) *Pipes {
	return findPipes("/", name)
}

func findPipes(root, name string) *Pipes {
	for _, run := range []string{"run", "var/run"} {
		for _, dir := range []string{"exabgp", strconv.Itoa(os.Getuid()), ""} {
			base := filepath.Join(root, run, dir, name)
			if p := (Pipes{base + ".in", base + ".out"}); isPipe(p.in) && isPipe(p.out) {
				return &p
			}
		}
	}
	return nil
}

func isPipe(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&os.ModeNamedPipe != 0
}

// Attend is a session with all who come to the pipes, one after the other, until
// ctx is done.
func (h *Helpers) Attend(ctx context.Context, p Pipes) error {
	in, err := p.open()
	if err != nil {
		h.options.Log.Warn("named pipes", "error", err)
		return nil
	}
	h.options.Log.Info("named pipes", "commands", p.in, "answers", p.out)
	h.talk(ctx, client{ReadWriteCloser: &pipes{File: in, path: p.out}, stays: true})
	return nil
}

// open takes the pipe of commands; nobody else may have it. Opened for writing
// too, it does not end when a client does.
func (p Pipes) open() (*os.File, error) {
	in, err := os.OpenFile(p.in, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := in.SyscallConn()
	if err == nil {
		bad := raw.Control(func(fd uintptr) { err = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
		err = errors.Join(err, bad)
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: another daemon has it: %w", p.in, err)
	}
	return in, nil
}

// pipes is both pipes as one stream.
type pipes struct {
	*os.File
	path string // of the answers

	mu     sync.Mutex
	out    *os.File // while something is written
	closed bool
}

// Write opens the answers' pipe each time, as ExaBGP does: what a client left
// unread is gone with it, and the next one does not take it for its own. Nobody
// there is nobody to tell, and no error.
func (p *pipes) Write(b []byte) (int, error) {
	out, err := os.OpenFile(p.path, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err == nil && p.writes(out) {
		_, _ = paced{out}.Write(b)
		p.writes(nil)
		out.Close()
	}
	return len(b), nil
}

// writes notes what is written to; false: nothing is any more.
func (p *pipes) writes(out *os.File) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out = out; p.closed && out != nil {
		out.Close()
	}
	return !p.closed
}

// Close ends what is being written, too.
func (p *pipes) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.out != nil {
		p.out.Close()
	}
	return p.File.Close()
}
