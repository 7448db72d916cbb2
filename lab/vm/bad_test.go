//go:build images

package vm_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// bad is a version that is no good.
type bad struct {
	name, version string
	line          string // for the kernel
	fault         []vm.Fault
	deadline      string
	cause         string // that the history says
	bites         int    // of the hardware
	says          string // on the console, or why in the history: it is this and nothing else
}

// bads each fail in a way of their own. Ours fail for the daemon of an image, so
// that the fault does not reach the verb that tells of it.
var bads = []bad{
	{name: "kernel panic", version: "1.1.0", line: "init=/usr/bin/true", cause: "start", says: "Attempted to kill init"},
	{name: "hangs before systemd", version: "1.2.0", line: "init=/usr/bin/sh holdfast.watchdog=30", cause: "start", bites: 3, says: "the hardware watchdog has reset the box"},
	{name: "loop hangs", version: "1.3.0", cause: "watchdog", bites: 3, says: "before a verdict", fault: []vm.Fault{vm.LoopHangs}},
	{name: "crash loop", version: "1.4.0", cause: "died", says: "before a verdict", fault: []vm.Fault{vm.CrashLoop}},
	{name: "MD5", version: "1.5.0", deadline: "90s", cause: "health", says: vm.Router, fault: []vm.Fault{vm.NoMD5}},
	{name: "no network", version: "1.6.0", line: "modprobe.blacklist=virtio_net", deadline: "90s", cause: "health", says: vm.Router},
}

// TestBadVersions: a box that is given versions that are no good ends on the old
// one, announcing, without anybody's help, and says why.
func TestBadVersions(t *testing.T) {
	m := flashed(t, vm.Build(lab.New(t), "amd64", "1.0.0", ""))
	for _, b := range bads {
		if !t.Run(b.name, func(t *testing.T) { m.in(t, func() { m.comesBack(b) }) }) {
			return // what the box is like now is not known
		}
	}
}

// in has a part of a test fail by itself.
func (m *imaged) in(t *testing.T, f func()) {
	was, of := m.t, m.Lab.T
	m.t, m.Lab.T = t, t
	defer func() { m.t, m.Lab.T = was, of }()
	f()
}

// comesBack updates to a version that is no good.
func (m *imaged) comesBack(b bad) {
	m.t.Helper()
	m.send(vm.Build(m.Lab, "amd64", b.version, b.line, b.fault...).Bundle, "/var/tmp/bundle")
	bites, resets := len(m.Events("WATCHDOG")), len(m.Events("RESET"))
	args := ""
	if b.deadline != "" {
		args = "--deadline " + b.deadline + " "
	}
	silence, console := m.silence(), len(m.Console())
	m.installs(args + "/var/tmp/bundle")
	begin, outcome := time.Now(), ""
	m.Until(40*time.Minute, b.name+": the box knows what became of it", func() bool {
		time.Sleep(2 * time.Second) // it has better things to do
		status := m.Ask("holdfast update status")
		_, rest, _ := strings.Cut(status, "1.0.0 to "+b.version+" ")
		outcome, _, _ = strings.Cut(rest, "\n")
		return strings.HasPrefix(status, "running: 1.0.0\n") && outcome != ""
	})
	m.announced(b.name)
	took := time.Since(begin)
	bites, resets = len(m.Events("WATCHDOG"))-bites, len(m.Events("RESET"))-resets
	m.t.Logf("%s: %s; %s, %s of it without an announcement; %d resets, the hardware bit %d times",
		b.name, outcome, took.Round(time.Second), silence().Round(time.Second/10), resets, bites)
	if !strings.HasPrefix(outcome, "failed ("+b.cause+")") || bites != b.bites || !strings.Contains(outcome+m.Console()[console:], b.says) {
		m.t.Errorf("want %s, %d times bitten, and %q", b.cause, b.bites, b.says)
	}
	m.runs("1.0.0")
}

// silence counts the time in which the neighbor has no route, until it is asked.
func (m *imaged) silence() (end func() time.Duration) {
	stop, sum := make(chan struct{}), make(chan time.Duration)
	go func() {
		var all time.Duration
		for last := time.Now(); ; {
			select {
			case <-stop:
				sum <- all
				return
			case now := <-time.After(200 * time.Millisecond):
				if !m.has() {
					all += now.Sub(last)
				}
				last = now
			}
		}
	}()
	return func() time.Duration { close(stop); return <-sum }
}
