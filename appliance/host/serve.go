package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Serve starts what the other side asks for, until it hangs up; then all programs
// are asked to end, and after grace are not asked. It returns when they are gone.
// The descriptor of the socket is f's, and stays the caller's.
func Serve(f *os.File, grace time.Duration) error {
	c, err := net.FileConn(f)
	if err != nil {
		return err
	}
	defer c.Close()
	u, ok := c.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%s is no unix socket", f.Name())
	}
	s := &server{conn: u, unit: unit(), programs: map[uint32]Running{}}
	err = s.serve()
	s.signal(syscall.SIGTERM)
	late := time.AfterFunc(grace, func() { s.signal(syscall.SIGKILL) })
	defer late.Stop()
	s.wait.Wait()
	return err
}

// server is one connection.
type server struct {
	conn     *net.UnixConn
	unit     string
	wait     sync.WaitGroup
	mu       sync.Mutex // of what follows, and of writing
	programs map[uint32]Running
}

func (s *server) serve() error {
	b := make([]byte, longest)
	for {
		text, files, err := receive(s.conn, b)
		if err == nil && len(text) > 0 {
			var r request
			if err = json.Unmarshal(text, &r); err == nil {
				s.take(r, files)
			}
		}
		closeAll(files)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), err == nil && len(text) == 0:
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *server) take(r request, files []*os.File) {
	if r.Signal != 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		if p := s.programs[r.ID]; p != nil {
			p.Signal(r.Signal)
		}
		return
	}
	if err := s.start(r, files); err != nil {
		s.say(reply{ID: r.ID, Error: err.Error()})
	}
}

func (s *server) start(r request, files []*os.File) error {
	if len(files) != 3 {
		return fmt.Errorf("want three descriptors, got %d", len(files))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs[r.ID] != nil {
		return fmt.Errorf("program %d has been started already", r.ID)
	}
	p, err := Here(Program{Path: r.Path, Args: r.Args, Env: r.Env, In: files[0], Out: files[1], Err: files[2]})
	if err != nil {
		return err
	}
	s.programs[r.ID] = p
	s.write(reply{ID: r.ID, PID: p.PID(), Unit: s.unit})
	s.wait.Go(func() {
		err := p.Wait()
		s.mu.Lock()
		delete(s.programs, r.ID)
		s.mu.Unlock()
		s.say(end(r.ID, err))
	})
	return nil
}

// end tells how a program has ended.
func end(id uint32, err error) reply {
	status := uint32(0)
	var e Exit
	switch {
	case errors.As(err, &e):
		status = uint32(e)
	case err != nil:
		return reply{ID: id, Error: err.Error()}
	}
	return reply{ID: id, Status: &status}
}

func (s *server) say(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(r)
}

// write is called with mu held. Who has hung up is not told.
func (s *server) write(r reply) { _ = send(s.conn, r) }

func (s *server) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.programs {
		p.Signal(sig)
	}
}

// unit is the unit that this process was started in, "" where that can't be seen.
func unit() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	return unitOf(string(b))
}

// unitOf is the innermost unit in the text of /proc/PID/cgroup.
func unitOf(text string) string {
	for line := range strings.Lines(text) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::") // the unified hierarchy
		if !ok {
			continue
		}
		parts := strings.Split(path, "/")
		for i := len(parts) - 1; i >= 0; i-- {
			if strings.HasSuffix(parts[i], ".service") || strings.HasSuffix(parts[i], ".scope") {
				return parts[i]
			}
		}
	}
	return ""
}
