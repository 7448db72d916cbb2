package sim

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// identity is what the simulated device calls itself.
const identity = "holdfast simulated watchdog"

// server is the device's side of the socket: lines of text, one answer each.
type server struct {
	log      *slog.Logger
	mu       sync.Mutex
	dog      dog
	holder   int // process
	listener *net.UnixListener
	conns    map[net.Conn]bool
	changed  chan struct{} // the dog's time may be another
}

func listen(path string, d dog, log *slog.Logger) (*server, error) {
	if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSocket != 0 {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("simulated watchdog: %s: somebody listens there", path)
		}
		os.Remove(path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("simulated watchdog: %w", err)
	}
	s := &server{log: log, dog: d, listener: l, conns: map[net.Conn]bool{}, changed: make(chan struct{}, 1)}
	go s.accept()
	return s, nil
}

func (s *server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		go s.serve(c)
	}
}

// serve is one connection: it holds the device once it has opened it.
func (s *server) serve(c *net.UnixConn) {
	magic, holds := false, false
	defer func() {
		c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
		if holds && s.holder != 0 {
			s.holder = 0
			stopped := s.dog.release(magic)
			s.log.Info("simulated watchdog closed", "stopped", stopped)
			s.poke()
		}
	}()
	in := bufio.NewScanner(c)
	for in.Scan() {
		if answer, ok := s.answer(in.Text(), peer(c), &holds, &magic); !ok || !write(c, answer) {
			return
		}
	}
}

func write(c net.Conn, line string) bool {
	_, err := fmt.Fprintln(c, line)
	return err == nil
}

// answer does what a line says. It gives false to end the connection.
func (s *server) answer(line string, pid int, holds, magic *bool) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.poke()
	now := time.Now()
	verb, arg, _ := strings.Cut(line, " ")
	if verb == "open" {
		if !s.dog.take(now) {
			return fmt.Sprintf("busy %d", s.holder), true
		}
		*holds, s.holder = true, pid
		return fmt.Sprintf("ok %s %v %v", s.dog.timeout, s.dog.reset, s.dog.nowayout), true
	}
	if !*holds || s.holder == 0 {
		return "error not open", false
	}
	switch verb {
	case "feed":
		s.dog.feed(now)
		return "ok", true
	case "timeout":
		t, err := time.ParseDuration(arg)
		if err != nil || t <= 0 {
			return "error bad timeout", true
		}
		return "ok " + s.dog.set(now, t).String(), true
	case "magic":
		*magic = true
		return "ok", true
	}
	return "error unknown request", true
}

// poke has the supervisor look at the dog again.
func (s *server) poke() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// bites is when the dog bites next; zero: it does not.
func (s *server) bites() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dog.armed {
		return time.Time{}
	}
	return s.dog.bites
}

// due is dog.due; a bite ends all connections.
func (s *server) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dog.due(now) {
		return false
	}
	s.holder = 0
	for c := range s.conns {
		c.Close()
	}
	return true
}

func (s *server) close() { s.listener.Close() }

func peer(c *net.UnixConn) (pid int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if u, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(u.Pid)
		}
	})
	return pid
}
