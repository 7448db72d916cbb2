package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Outside starts programs in hosts that the service manager starts, one for each
// connection to the socket at Path. Where nobody listens there, programs run here,
// and the log says so once.
type Outside struct {
	Path string // "": all run here
	Log  *slog.Logger

	mu     sync.Mutex
	shared *Host // of Shell
	warned sync.Once
}

// Start starts a program in a unit of its own, unless only we may run it.
func (o *Outside) Start(p Program) (Running, error) {
	if o.Path != "" && !public(p.Path) {
		o.Log.Warn("a helper runs within the daemon's own walls: others may not run it", "program", p.Path)
		return Here(p)
	}
	h, err := o.dial()
	if h == nil {
		if err != nil {
			return nil, err
		}
		return Here(p)
	}
	r, err := h.Start(p)
	if err != nil {
		h.Close()
		return nil, err
	}
	return owner{r, h}, nil
}

// public says whether everybody may run a program, such as those that a bundle has
// brought are not: they lie among keys. What can't be seen is somebody else's error.
func public(path string) bool {
	for mode := os.FileMode(0o005); ; mode = 0o001 {
		if st, err := os.Stat(path); err == nil && st.Mode()&mode != mode {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
		path = filepath.Dir(path)
	}
}

// owner closes the connection of a program that has it for itself.
type owner struct {
	Running
	host *Host
}

func (o owner) Wait() error {
	defer o.host.Close()
	return o.Running.Wait()
}

// Shell runs a shell's command to its end, with all that it prints thrown away;
// when ctx is done, all of its process group is killed. All commands share one
// unit: there may be many, and each takes but a moment.
func (o *Outside) Shell(ctx context.Context, command string, env []string) error {
	h, err := o.sharedHost()
	if err != nil {
		return err
	}
	p := Program{Path: "/bin/sh", Args: []string{"-c", command}, Env: env}
	if h == nil {
		return toItsEnd(ctx, Here, p)
	}
	// A unit that is frozen, or has no memory, neither starts nor kills: what a check
	// finds out about its service is not to wait for that.
	done := make(chan error, 1)
	go func() { done <- toItsEnd(ctx, h.Start, p) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// toItsEnd starts a program and waits for it.
func toItsEnd(ctx context.Context, start Start, p Program) error {
	r, err := start(p)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { r.Signal(syscall.SIGKILL) })()
	return r.Wait()
}

// sharedHost is nil where nobody listens.
func (o *Outside) sharedHost() (h *Host, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shared == nil || o.shared.ended() {
		o.shared, err = o.dial()
	}
	return o.shared, err
}

// Close ends what Shell has started.
func (o *Outside) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shared != nil {
		o.shared.Close()
	}
}

// dial gives nil without an error where nobody listens.
func (o *Outside) dial() (*Host, error) {
	if o.Path == "" {
		return nil, nil
	}
	h, err := Dial(o.Path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		o.warned.Do(func() { o.Log.Warn("helpers run within the daemon's own walls", "error", err) })
		return nil, nil
	}
	return h, err
}

// Host is a connection to a host.
type Host struct {
	conn     *net.UnixConn
	mu       sync.Mutex
	last     uint32
	programs map[uint32]*remote
	err      error // why it has ended
}

// Dial connects to a host. Its programs end with the connection.
func Dial(path string) (*Host, error) {
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, fmt.Errorf("helper host: %w", err)
	}
	h := &Host{conn: c, programs: map[uint32]*remote{}}
	go h.hear()
	return h, nil
}

// Close hangs up.
func (h *Host) Close() { h.conn.Close() }

func (h *Host) ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err != nil
}

// startTime is how long a host may take to start a program: it may itself have to
// be started first, on a machine that is busy.
const startTime = 10 * time.Second

// Start has the host start a program.
func (h *Host) Start(p Program) (Running, error) {
	files, null, err := p.files()
	if err != nil {
		return nil, err
	}
	defer closeAll(null)
	h.mu.Lock()
	if h.err != nil {
		h.mu.Unlock()
		return nil, h.err
	}
	h.last++
	r := &remote{host: h, id: h.last, started: make(chan struct{}), gone: make(chan struct{})}
	h.programs[r.id] = r
	h.mu.Unlock()
	if err := h.send(request{ID: r.id, Path: p.Path, Args: p.Args, Env: p.Env}, files...); err != nil {
		h.forget(r.id)
		return nil, fmt.Errorf("helper host: %w", err)
	}
	late := time.NewTimer(startTime)
	defer late.Stop()
	select {
	case <-r.started:
		return r, nil
	case <-r.gone:
		return r.quick()
	case <-late.C:
		h.Close()
		return nil, fmt.Errorf("helper host: nothing was started within %s", startTime)
	}
}

// quick is a program that is gone before anybody has looked whether it was started.
func (r *remote) quick() (Running, error) {
	select {
	case <-r.started:
		return r, nil
	default:
		return nil, cmp.Or(r.err, errHung)
	}
}

// files are the program's three, and those of them that we have opened for it.
func (p Program) files() (all, null []*os.File, err error) {
	for _, f := range []*os.File{p.In, p.Out, p.Err} {
		if f == nil {
			if f, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
				closeAll(null)
				return nil, nil, err
			}
			null = append(null, f)
		}
		all = append(all, f)
	}
	return all, null, nil
}

// patience is how long a host may take to read, and to say that what was killed is
// gone. One that takes longer is hung up on: the service manager ends it all.
const patience = 5 * time.Second

func (h *Host) send(r request, files ...*os.File) error {
	err := h.conn.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		err = send(h.conn, r, files...)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		h.Close()
	}
	return err
}

func (h *Host) forget(id uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.programs, id)
}

var errHung = errors.New("the unit that it ran in has ended")

// hear takes what the host says until it hangs up.
func (h *Host) hear() {
	b := make([]byte, longest)
	for {
		n, err := h.conn.Read(b) // without room for descriptors: we want none
		if err != nil || n == 0 {
			break
		}
		h.take(b[:n])
	}
	h.conn.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = errHung
	for id, r := range h.programs {
		delete(h.programs, id)
		r.end(errHung)
	}
}

// take takes one reply. It comes from somebody who may do less than we may, and is
// not believed: what makes no sense is dropped.
func (h *Host) take(text []byte) {
	var m reply
	if json.Unmarshal(text, &m) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.programs[m.ID]
	if r == nil {
		return
	}
	switch {
	case m.Error != "":
		delete(h.programs, m.ID)
		r.end(errors.New(m.Error))
	case m.Status != nil:
		delete(h.programs, m.ID)
		var err error
		if *m.Status != 0 {
			err = Exit(*m.Status)
		}
		r.end(err)
	case m.PID > 0 && r.pid == 0:
		r.pid, r.unit = m.PID, m.Unit
		close(r.started)
	}
}

// remote is a program that a host has started.
type remote struct {
	host    *Host
	id      uint32
	pid     int    // set before started is closed
	unit    string // likewise
	started chan struct{}
	gone    chan struct{} // closed with err set
	err     error
}

func (r *remote) end(err error) {
	r.err = err
	close(r.gone)
}

func (r *remote) PID() int     { return r.pid }
func (r *remote) Unit() string { return r.unit }

// Signal: a host that can't be told has hung up, and its programs have ended.
func (r *remote) Signal(s syscall.Signal) {
	_ = r.host.send(request{ID: r.id, Signal: s})
	if s == syscall.SIGKILL {
		time.AfterFunc(patience, r.bury)
	}
}

func (r *remote) bury() {
	select {
	case <-r.gone:
	default:
		r.host.Close()
	}
}

func (r *remote) Wait() error {
	<-r.gone
	return r.err
}
