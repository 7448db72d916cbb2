package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Engine is a daemon that reads ExaBGP's configuration and can be the box.
type Engine struct {
	Name string
	argv func(*Box) []string // the command for its configuration
	env  []string
}

// Holdfast is ours. Its command is built once for all tests of a process.
var Holdfast = Engine{Name: "holdfast", argv: func(b *Box) []string {
	return []string{Binary(b.Host), "run", b.Conf, "--socket", b.Socket()}
}}

// Watched is ours on a machine with a simulated hardware watchdog, which is
// the device sim:PATH with the path of Host.Device.
var Watched = Engine{Name: "holdfast", argv: func(b *Box) []string {
	return append([]string{Binary(b.Host), "watchdog-sim", "--socket", b.Device(), "--timeout", "3s", "--"}, Holdfast.argv(b)...)
}}

// Reference is Debian's ExaBGP: what a test of the lab itself runs.
var Reference = Engine{Name: "exabgp", env: exabgpEnv, argv: func(b *Box) []string {
	return []string{"/usr/sbin/exabgp", b.Conf}
}}

// Box is a host's daemon under test.
type Box struct {
	*Host
	*Process        // nil before Start
	Engine   Engine // who plays it
	Conf     string // path of the configuration
	commands *os.File
}

// Box prepares a box; Start starts it. Its configuration may use "process
// lab", whose commands are what Command says.
func (h *Host) Box(engine Engine, config string) *Box {
	h.Helper()
	b := &Box{Host: h, Engine: engine}
	fifo := filepath.Join(h.Dir, h.Short+".commands")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		h.Fatalf("lab: %s: %v", fifo, err)
	}
	// Open for both, so that opening does not wait for the other side.
	var err error
	if b.commands, err = os.OpenFile(fifo, os.O_RDWR, 0); err != nil {
		h.Fatalf("lab: %v", err)
	}
	h.Cleanup(func() { b.commands.Close() })
	helper := h.File(h.Short+".helper", "#!/bin/sh\nexec cat "+fifo+"\n")
	b.Conf = h.File(h.Short+".conf", fmt.Sprintf("process lab { run %s; encoder text; }\n", helper)+config)
	return b
}

// Start starts the daemon.
func (b *Box) Start() {
	b.Helper()
	b.Process = b.Host.Start(b.Engine.Name, b.Engine.env, b.Engine.argv(b)...)
}

// Socket is the path of the control socket of the host's box.
func (h *Host) Socket() string { return filepath.Join(h.Dir, h.Short+".ctl") }

// Device is the path of the socket of the host's simulated watchdog.
func (h *Host) Device() string { return filepath.Join(h.Dir, h.Short+".dog") }

// Status is what "holdfast status --json" says, as far as tests ask.
type Status struct {
	PID      int
	Summary  string
	Watchdog struct {
		Armed bool
		Why   string
	}
	Gates []struct {
		Name   string
		On     bool
		Rung   string
		Reason string
		Next   time.Time // when time alone changes it
	}
	Receipts struct { // of withdraws and degrades, by neighbors
		Withdraws, Degrades int
		Lost                int
		Last                struct {
			Neighbor, Group string
			Withdrawn       bool
			Took            int64 `json:"took-us"`
		}
	}
	Neighbors []struct {
		Address, State string
		Sessions       int
		LastError      string `json:"last-error"`
	}
	Loop struct { // turns, in microseconds
		P50 int64 `json:"turn-p50-us"`
		P99 int64 `json:"turn-p99-us"`
		Max int64 `json:"turn-max-us"`
	}
}

// Status asks the daemon; ok is whether it answered.
func (b *Box) Status() (s Status, ok bool) {
	out, err := b.Try(Binary(b.Host), "status", "--socket", b.Socket(), "--json")
	return s, err == nil && json.Unmarshal(out, &s) == nil
}

// Explain is what "holdfast explain" says of a prefix.
func (b *Box) Explain(p netip.Prefix) string {
	b.Helper()
	out, _ := b.Try(Binary(b.Host), "explain", "--socket", b.Socket(), p.String()) // not announced is status 1
	return string(out)
}

// Command says a line of the text API, as a helper of the configuration does.
func (b *Box) Command(format string, args ...any) {
	b.Helper()
	if _, err := fmt.Fprintf(b.commands, format+"\n", args...); err != nil {
		b.Fatalf("lab: %v", err)
	}
}

// built is what Binary built.
var built struct {
	sync.Once
	dir, path string
	err       error
}

// Binary is the path of the holdfast command, built from this tree, or taken
// from HOLDFAST if the environment has that.
func Binary(t T) string {
	t.Helper()
	built.Do(build)
	if built.err != nil {
		t.Fatalf("lab: %v", built.err)
	}
	return built.path
}

func build() {
	if built.path = os.Getenv("HOLDFAST"); built.path != "" {
		return
	}
	if built.dir, built.err = os.MkdirTemp("", "holdfast-build-"); built.err != nil {
		return
	}
	os.Chmod(built.dir, 0o755) // helpers may run as somebody else
	built.path = filepath.Join(built.dir, "holdfast")
	cmd := exec.Command("go", "build", "-o", built.path, "holdfast/cmd/holdfast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		built.err = fmt.Errorf("go build holdfast/cmd/holdfast: %w\n%s", err, bytes.TrimSpace(out))
	}
}

// RemoveBinary removes what Binary built: for the end of TestMain.
func RemoveBinary() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}
