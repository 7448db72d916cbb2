// Package remote reaches the sockets of a daemon: on this box by their path, on
// another one over ssh, where "holdfast bridge" joins them.
package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// scheme begins the address of a socket on another box.
const scheme = "ssh://"

// Address is the place of a socket on a host, or on this box if there is no host.
// Without a path it is where the host's daemon has it by default.
func Address(host, path string) string {
	if host == "" {
		return path
	}
	return scheme + host + path
}

// Split is what Address has made an address of.
func Split(address string) (host, path string) {
	rest, far := strings.CutPrefix(address, scheme)
	if !far {
		return "", address
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// Dial connects to the socket at an address. The kind, "control" or "api", is
// what a host without a path is asked for. The limit is for this box; a host may
// first want somebody to say who he is.
func Dial(address, kind string, limit time.Duration) (net.Conn, error) {
	host, path := Split(address)
	if host != "" {
		return dialSSH(host, kind, path)
	}
	c, err := net.DialTimeout("unix", path, limit)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers on %s: %w", path, errors.Unwrap(err))
	}
	return c, nil
}

// Command is ssh that runs holdfast on a host, with arguments that come through
// the shell there as they are.
func Command(host string, options []string, args ...string) *exec.Cmd {
	words := []string{"holdfast"}
	for _, a := range args {
		words = append(words, quote(a))
	}
	return exec.Command("ssh", append(append(options, "--", host), words...)...)
}

// quote is a word for a POSIX shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// far is a connection that a process of ssh carries. Its end says what ssh
// complained of.
type far struct {
	net.Conn
	host  string
	cmd   *exec.Cmd
	said  bytes.Buffer // ssh's complaints; whole once it has ended
	ended chan struct{}
	err   error // once ended
	close sync.Once
}

func dialSSH(host, kind, path string) (net.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ssh"), os.NewFile(uintptr(fds[1]), "ssh")
	defer ours.Close()
	defer theirs.Close()
	c, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	args := []string{"bridge", kind}
	if path != "" {
		args = append(args, path)
	}
	f := &far{Conn: c, host: host, cmd: Command(host, []string{"-T"}, args...), ended: make(chan struct{})}
	f.cmd.Stdin, f.cmd.Stdout, f.cmd.Stderr = theirs, theirs, &f.said
	if err := f.cmd.Start(); err != nil {
		c.Close()
		return nil, fmt.Errorf("ssh: %w", err)
	}
	go func() {
		f.err = f.cmd.Wait()
		close(f.ended)
	}()
	return f, nil
}

// Read has ssh's complaint in place of an end that nobody would understand.
func (f *far) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	return n, f.why(err)
}

// Write fails when ssh has gone: then its complaint says why.
func (f *far) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(b)
	if err != nil {
		err = f.why(err)
	}
	return n, err
}

// why is ssh's complaint, if it has ended with one; it ends right behind its
// standard output.
func (f *far) why(err error) error {
	select {
	case <-f.ended:
	case <-time.After(lingering):
		return err
	}
	if f.err == nil {
		return err
	}
	text := strings.TrimSpace(f.said.String())
	if text == "" {
		text = f.err.Error()
	}
	return fmt.Errorf("%s: %s", f.host, text)
}

// lingering bounds the wait for an ssh that has nothing to do any more.
const lingering = 2 * time.Second

// Close ends ssh as well.
func (f *far) Close() error {
	err := f.Conn.Close()
	f.close.Do(func() {
		select {
		case <-f.ended:
		case <-time.After(lingering):
			_ = f.cmd.Process.Kill() // it may have ended just now
			<-f.ended
		}
	})
	return err
}

// Bridge joins a socket of this box with a reader and a writer, until the socket
// is closed or nobody reads.
func Bridge(path string, in io.Reader, out io.Writer) error {
	c, err := Dial(path, "", lingering)
	if err != nil {
		return err
	}
	defer c.Close()
	go func() {
		_, _ = io.Copy(c, in) // whose end is told to the daemon, or whose daemon has gone
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, err = io.Copy(out, c)
	return err
}
