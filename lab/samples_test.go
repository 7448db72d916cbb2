package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// TestExampleHelpers runs each helper of the manual in our daemon, and in the
// one that it is written for as well: the prefix is announced, the helper hears
// that the neighbor is up, and the prefix is withdrawn when the helper ends.
func TestExampleHelpers(t *testing.T) {
	for _, e := range []lab.Engine{lab.Holdfast, lab.Reference} {
		for _, name := range []string{"announce.py", "announce.sh", "announce.go"} {
			t.Run(e.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				exampleHelper(t, e, name)
			})
		}
	}
}

func exampleHelper(t *testing.T, e lab.Engine, name string) {
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	program := exampleProgram(box, name)
	daemon := box.Box(e, fmt.Sprintf(`process announce { run %s %s; encoder json; respawn false; }
neighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	api { processes [ announce ]; neighbor-changes; }
}
`, program, anycast))
	bird := lab.BIRD(upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Passive: true})
	bird.Start()
	l.Until(soon, "bird listens", func() bool { return upstream.Listens(179) })
	daemon.Start()
	has := func() bool { _, ok := bird.Route(anycast); return ok }
	l.Until(soon, "the prefix is announced", has)
	l.Until(soon, "the helper hears that the neighbor is up", func() bool {
		log, err := os.ReadFile(filepath.Join(l.Dir, "box-"+e.Name+".log"))
		return err == nil && strings.Contains(string(log), " is up")
	})
	if err := syscall.Kill(pidOf(t, program), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	l.Until(soon, "the prefix is withdrawn", func() bool { return !has() })
	if !bird.Established() || !daemon.Running() {
		t.Error("the session has ended with the helper")
	}
}

// exampleProgram is a helper of the manual, in the lab's folder: the one in Go
// is built.
func exampleProgram(h *lab.Host, name string) string {
	h.Helper()
	source := filepath.Join("..", "docs", "examples", name)
	if base, ok := strings.CutSuffix(name, ".go"); ok {
		program := filepath.Join(h.Dir, base)
		if out, err := h.Try("go", "build", "-o", program, source); err != nil {
			h.Fatalf("%v\n%s", err, out)
		}
		return program
	}
	text, err := os.ReadFile(source)
	if err != nil {
		h.Fatalf("%v", err)
	}
	return h.File(name, string(text))
}

// pidOf is the process that runs a program, or a script, of this path.
func pidOf(t *testing.T, program string) int {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for i, word := range strings.Split(string(text), "\x00") {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); i < 2 && word == program && err == nil {
				return pid
			}
		}
	}
	t.Fatalf("nobody runs %s", program)
	return 0
}
