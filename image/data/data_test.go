package data

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain has mounts of its own: whoever else begins a namespace on this machine
// would take them along, and hold the file system when it is unmounted here.
func TestMain(m *testing.M) {
	if os.Getenv("OWN_MOUNTS") != "" {
		os.Exit(m.Run())
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), "OWN_MOUNTS=1"), os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	err := c.Run()
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		os.Exit(e.ExitCode())
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "want to be root:", err)
		os.Exit(1)
	}
}

func write(t *testing.T, path, text string, perm os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
}

func TestKeepAndRestore(t *testing.T) {
	state, again := t.TempDir(), t.TempDir()
	file := filepath.Join(t.TempDir(), "esp", "state.tar")
	write(t, state+"/generations/1/files/edge.conf", "neighbor", 0o600)
	write(t, state+"/generations/1/files/helper", "#!", 0o700)
	write(t, state+"/generations/.2/files/edge.conf", "half", 0o600)
	write(t, state+"/generations/1/record.new", "{", 0o600)
	write(t, state+"/generations/1/files/edge.new", "a file of the configuration", 0o600)
	write(t, state+"/generations/1/files/lock", "a file of the configuration", 0o600)
	write(t, state+"/generations/1/files/.env", "another", 0o600)
	write(t, state+"/generations/lock", "", 0o600)
	write(t, state+"/generations/facts", "up", 0o600)
	write(t, state+"/generations/facts.new", "up", 0o600)
	write(t, state+"/history", "ring", 0o600)
	if err := Keep(state, file); err != nil {
		t.Fatal(err)
	}
	if err := Restore(file, again, os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(state + "/generations/1/record.new"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("diff", "-r", state+"/generations/1", again+"/generations/1").CombinedOutput()
	if err != nil {
		t.Errorf("%s", out)
	}
	if st, err := os.Stat(again + "/generations/1/files/helper"); err != nil || st.Mode().Perm() != 0o700 {
		t.Error(st, err)
	}
	for _, name := range []string{"generations/.2", "generations/lock", "generations/facts", "generations/facts.new", "history"} {
		if _, err := os.Stat(filepath.Join(again, name)); err == nil {
			t.Errorf("%s was kept", name)
		}
	}
	// What is damaged makes way, but for nothing less than a whole copy; and
	// nothing at all takes the place of none.
	write(t, again+"/generations/1/files/edge.conf", "noise", 0o600)
	write(t, again+"/generations/2/files/edge.conf", "noise", 0o600)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(whole[:len(whole)-1600]), 0o600)
	if err := Restore(file, again, os.Getuid(), os.Getgid()); err == nil {
		t.Error("half a copy was taken")
	}
	if _, err := os.Stat(again + "/generations/2"); err != nil {
		t.Error(err)
	}
	write(t, file, string(whole), 0o600)
	none := t.TempDir()
	write(t, none+"/generations/bundles", "1", 0o600)
	if err := Keep(none, file); err != nil {
		t.Error(err)
	}
	if err := Restore(file, again, os.Getuid(), os.Getgid()); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("diff", "-r", state+"/generations/1", again+"/generations/1").CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
	if _, err := os.Stat(again + "/generations/2"); err == nil {
		t.Error("what was damaged is still there")
	}
}

// TestKeepMeanwhile: generations come and go while they are read.
func TestKeepMeanwhile(t *testing.T) {
	state, file := t.TempDir(), filepath.Join(t.TempDir(), "state.tar")
	write(t, state+"/generations/1/record", "{}", 0o600)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
			}
			os.MkdirAll(state+"/generations/2", 0o700)
			for _, name := range []string{"a", "b", "c", "d"} {
				os.WriteFile(state+"/generations/2/"+name, nil, 0o600)
			}
			os.RemoveAll(state + "/generations/2")
		}
	}()
	for range 200 {
		if err := Keep(state, file); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	<-ended
}

func TestRestoreTakesNothingOutside(t *testing.T) {
	for _, name := range []string{"../x", "/etc/passwd", "generations/../../x"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o600})
		w.Write([]byte("x"))
		w.Close()
		file := filepath.Join(t.TempDir(), "a")
		write(t, file, b.String(), 0o600)
		if err := Restore(file, t.TempDir(), 0, 0); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

var silent = Options{Say: func(string, ...any) {}}

// TestStates: what is found on a partition, on files in its place.
func TestStates(t *testing.T) {
	dev := filepath.Join(t.TempDir(), "dev")
	write(t, dev, strings.Repeat("\x00", 1<<16), 0o600)
	if silent.ways(dev) != nil || silent.ways(dev+"none") != nil {
		t.Error("nothing is something")
	}
	if err := os.Truncate(dev, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), dev); err != nil {
		t.Fatal(err)
	}
	if len(silent.ways(dev)) != 3 {
		t.Error("what was made is not found")
	}
	if err := silent.check(t.Context(), dev); err != nil {
		t.Error(err)
	}
	// A superblock that says it is one, and nothing else that is right.
	f, err := os.OpenFile(dev, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt(bytes.Repeat([]byte{0xa5}, 16<<20), 0)
	f.WriteAt([]byte{0x53, 0xef}, 0x438)
	f.Close()
	if len(silent.ways(dev)) != 2 {
		t.Fatal("the mark is gone")
	}
	if err := silent.check(t.Context(), dev); err == nil {
		t.Error("what is broken was mended")
	}
}

// TestPrepare: whatever is on the disk, there is a /var and an /etc that can be
// written, and what can be saved is saved.
func TestPrepare(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage string // what is done to it while nobody has it mounted, for a shell
		says   string
		kept   bool
	}{
		{"as it was", "true", "", true},
		{"nothing", "head -c 32M /dev/zero >$DEV", "is new", false},
		{"noise", "head -c 32M /dev/urandom >$DEV", "is new", false},
		{"a mark and noise", `head -c 32M /dev/urandom >$DEV; printf '\123\357' | dd of=$DEV bs=1 seek=1080 conv=notrunc status=none`, "is made anew", false},
		{"an earlier life of the disk", `head -c 4M /dev/zero | dd of=$DEV conv=notrunc status=none`, "is new", false},
		{"a superblock of noise", `(head -c 56 /dev/urandom; printf '\123\357'; head -c 966 /dev/urandom) | dd of=$DEV bs=1024 seek=1 conv=notrunc status=none`, "", true},
		{"a folder that is gone", "debugfs -w -R 'clri /lib' $DEV", "lib", false},
		{"a file that is gone", "debugfs -w -R 'clri /lib/holdfast/state' $DEV", "state", false},
		{"full", "true", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, dev := t.TempDir(), filepath.Join(t.TempDir(), "dev")
			write(t, dev, "", 0o600)
			if err := os.Truncate(dev, 32<<20); err != nil {
				t.Fatal(err)
			}
			loop := attach(t, dev)
			prepare(t, loop, root)
			write(t, root+"/var/lib/holdfast/state", "state", 0o600)
			if c.name == "full" {
				exec.Command("sh", "-c", "cat /dev/zero >"+root+"/var/full").Run()
			}
			away(t, root)
			if out, err := exec.Command("sh", "-c", "DEV="+loop+"; "+c.damage).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			said := prepare(t, loop, root)
			if !strings.Contains(said, c.says) || strings.Contains(said, "in memory") {
				t.Errorf("said %q", said)
			}
			if text, err := os.ReadFile(root + "/var/lib/holdfast/state"); (err == nil && string(text) == "state") != c.kept {
				t.Errorf("kept: %q, %v", text, err)
			}
			if c.name != "full" {
				write(t, root+"/etc/new", "text", 0o600)
			}
		})
	}
}

func TestInMemory(t *testing.T) {
	root := t.TempDir()
	if said := prepare(t, root+"/none", root); !strings.Contains(said, "in memory") {
		t.Errorf("said %q", said)
	}
	write(t, root+"/etc/new", "text", 0o600)
}

// prepare is a boot of a box whose files are below root; the test ends it.
func prepare(t *testing.T, dev, root string) string {
	t.Helper()
	for _, dir := range []string{"/var", "/etc"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	t.Cleanup(func() { exec.Command("umount", "-q", root+"/etc", root+"/var").Run() })
	if err := Prepare(t.Context(), Options{Device: dev, Root: root, Say: func(f string, args ...any) { fmt.Fprintf(&said, f+"\n", args...) }}); err != nil {
		t.Fatalf("%v; said %s", err, &said)
	}
	return said.String()
}

// away ends a boot.
func away(t *testing.T, root string) {
	t.Helper()
	if out, err := exec.Command("umount", root+"/etc", root+"/var").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// attach has a file be a disk.
func attach(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command("losetup", "--find", "--show", file).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup: %v %s", err, out)
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "-d", loop).Run() })
	return loop
}
