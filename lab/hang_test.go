package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/lab"
)

// hangs mounts a file system on a folder that answers nobody, until it is let go.
func hangs(l *lab.Lab, folder string) (letGo func()) {
	l.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Mount("lab", folder, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
	}
	if err != nil {
		l.Fatalf("a file system that hangs: %v", err)
	}
	open := true
	letGo = func() {
		if open {
			unix.Close(fd)
		}
		open = false
	}
	l.Cleanup(func() { letGo(); unix.Unmount(folder, unix.MNT_DETACH) })
	return letGo
}

// TestFileSystemHangs: a file that a gate looks at is on a server that does not
// answer any more. Nobody waits for it: the hardware is fed, what else closes the
// gate does so, and a new configuration is at work. What nobody can see for half a
// minute fails, until it can be seen again.
func TestFileSystemHangs(t *testing.T) {
	s := tell(t, func(s *story) string {
		return s.gated(usual+"file "+filepath.Join(s.Dir, "at", "service")+" present;", "watchdog { device sim:"+s.dog+"; timeout 10s; }")
	})
	for _, dir := range []string{"well", "hung"} {
		if err := os.Mkdir(filepath.Join(s.Dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := func(dir string) {
		next := filepath.Join(s.Dir, "next")
		if err := os.Symlink(dir, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(s.Dir, "at")); err != nil {
			t.Fatal(err)
		}
	}
	s.File("well/service", "")
	letGo := hangs(s.Lab, filepath.Join(s.Dir, "hung"))
	at("well")
	s.simulate()
	s.announced()
	before := s.armed()

	at("hung")
	s.box.IP("link set eth1 down")
	s.withdrawn()
	s.box.IP("link set eth1 up")
	s.announced()
	s.Until(soon, "the file is given up", func() bool { return strings.Contains(s.explain(), "its file system has not answered since") })
	s.withdrawn()
	s.rewrite("hold-time 9;", "hold-time 9; description \"new\";")
	if out := s.holdfast("reload", "--socket", s.daemon.Socket()); !strings.Contains(out, "reloaded") {
		t.Errorf("reload: %s", out)
	}
	at("well")
	letGo()
	s.announced()
	if after := s.armed(); after.PID != before.PID {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
