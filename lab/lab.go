// Package lab is test hosts: network namespaces with wires between them, and
// in them the box and the BGP daemons of other people. No product code
// imports it.
package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// T is what a lab needs of the test, or of the program, that it works for.
// Every testing.TB is one.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any) // does not return
	Failed() bool
	Cleanup(func()) // last in, first out, also after Fatalf and panic
}

// Lab owns what one test started: hosts, processes and files. All of it ends
// with the test.
type Lab struct {
	T
	// Dir holds configurations, sockets and logs. Its name is short, because
	// the path of a UNIX socket has 107 octets at most. It is kept, and named,
	// when the test fails.
	Dir   string
	id    string // first part of the names of this lab's namespaces
	procs []*Process
	pipe  io.WriteCloser // to the guard
}

var labs atomic.Int64 // how many this process made: makes their names unique

// New gives t a lab. Root is needed; t fails without it.
func New(t T) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatalf("lab: network namespaces want root")
	}
	id := fmt.Sprintf("hf%d-%d", os.Getpid(), labs.Add(1))
	l := &Lab{T: t, id: id, Dir: filepath.Join("/tmp", id)}
	if err := os.Mkdir(l.Dir, 0o755); err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(l.removeDir)
	l.guard()
	return l
}

func (l *Lab) removeDir() {
	if !l.Failed() {
		os.RemoveAll(l.Dir)
		return
	}
	for _, p := range l.procs {
		l.Logf("%s\n%s", p.log, Tail(p.log, 40))
	}
	l.Logf("configurations and logs are kept in %s", l.Dir)
}

// Tail is the last n lines of a file.
func Tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// guard starts a shell that cleans up if this process dies without doing so:
// a test that times out, or is killed, runs no Cleanup.
func (l *Lab) guard() {
	cmd := exec.Command("setsid", "sh", "-c", "trap '' INT TERM HUP\nread word && exit\n"+l.sweep())
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.Fatalf("lab: start the guard: %v", err)
	}
	l.pipe = pipe
	l.Cleanup(func() {
		pipe.Close()
		cmd.Wait()
	})
}

// sweep is a script that removes all namespaces of this lab, and all that runs
// there.
func (l *Lab) sweep() string {
	return strings.ReplaceAll(`for ns in $(ip netns list | cut -d' ' -f1 | grep '^ID-'); do
	while pids=$(ip netns pids "$ns") && [ -n "$pids" ]; do
		kill -9 $pids 2>/dev/null
	done
	ip netns del "$ns"
done
`, "ID", l.id)
}

// Keep dismisses the guard, so that the lab outlives this process if that ends
// without Cleanup. It gives the path of a script that removes it, and what
// Binary built.
func (l *Lab) Keep() string {
	fmt.Fprintln(l.pipe, "keep")
	return l.File("remove", "#!/bin/sh\n"+l.sweep()+"rm -rf "+l.Dir+" "+built.dir+"\n")
}

// Until polls cond until it holds, and fails the test when that takes longer
// than limit, which is generous because it only matters when something is
// wrong.
func (l *Lab) Until(limit time.Duration, what string, cond func() bool) {
	l.Helper()
	if !Poll(limit, cond) {
		l.Fatalf("waited %s in vain: %s", limit, what)
	}
}

// Poll asks cond every 20 ms until it holds or limit has passed, and says
// whether it holds.
func Poll(limit time.Duration, cond func() bool) bool {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if cond() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// File writes a file into the lab's folder and gives its path.
func (l *Lab) File(name, text string) string {
	l.Helper()
	path := filepath.Join(l.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		l.Fatalf("lab: %v", err)
	}
	return path
}

// run runs a command to its end and fails the test if that is not success.
func (l *Lab) run(argv ...string) string {
	l.Helper()
	out, err := output(argv...)
	if err != nil {
		l.Fatalf("lab: %v", err)
	}
	return string(out)
}

// output is what a command prints; the error holds what it complained of.
func output(argv ...string) ([]byte, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s%s", strings.Join(argv, " "), err, complaint.Bytes(), out)
	}
	return out, err
}
