package data

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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
	write(t, state+"/generations/lock", "", 0o600)
	write(t, state+"/history", "ring", 0o600)
	if err := Keep(state, file); err != nil {
		t.Fatal(err)
	}
	if err := Restore(file, again, os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("diff", "-r", state+"/generations/1", again+"/generations/1").CombinedOutput()
	if err != nil {
		t.Errorf("%s", out)
	}
	if st, err := os.Stat(again + "/generations/1/files/helper"); err != nil || st.Mode().Perm() != 0o700 {
		t.Error(st, err)
	}
	for _, name := range []string{"generations/.2", "generations/lock", "history"} {
		if _, err := os.Stat(filepath.Join(again, name)); err == nil {
			t.Errorf("%s was kept", name)
		}
	}
	if err := Restore(file, again, 0, 0); err == nil || !strings.Contains(err.Error(), "has generations already") {
		t.Error(err)
	}
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

// TestStates: what is found on a partition, on files in its place.
func TestStates(t *testing.T) {
	dev := filepath.Join(t.TempDir(), "dev")
	write(t, dev, strings.Repeat("\x00", 1<<16), 0o600)
	if state(dev) != empty || state(dev+"none") != empty {
		t.Error("nothing is something")
	}
	if err := os.Truncate(dev, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), dev); err != nil {
		t.Fatal(err)
	}
	if state(dev) != ours {
		t.Error("what was made is not found")
	}
	if err := check(t.Context(), dev); err != nil {
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
	if state(dev) != ours {
		t.Fatal("the mark is gone")
	}
	if err := check(t.Context(), dev); err == nil {
		t.Error("what is broken was mended")
	}
}
