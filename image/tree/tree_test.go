package tree

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() Tree {
	t := Tree{}
	t.File("/usr/bin/tool", 0o755|fs.ModeSetuid, []byte("#!"))
	t.Symlink("bin", "usr/bin")
	t.Symlink("loop", "loop")
	t.File("etc/a", 0o600, []byte("odd"))
	t.Dir("tmp", 0o777|fs.ModeSticky)
	return t
}

func TestNamesHaveFoldersFirst(t *testing.T) {
	if d := cmp.Diff([]string{"bin", "etc", "etc/a", "loop", "tmp", "usr", "usr/bin", "usr/bin/tool"}, sample().Names()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestResolve(t *testing.T) {
	for name, want := range map[string]string{"bin/tool": "usr/bin/tool", "/bin": "usr/bin", "etc/a": "etc/a", "none/x": "none/x", "loop/x": "loop/x"} {
		if got := sample().Resolve(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestCPIO has the archiver read what the kernel is to read.
func TestCPIO(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteCPIO(&b); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cpio", "-t", "--quiet", "-v", "-n")
	cmd.Stdin = &b
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		got = append(got, f[0]+" "+strings.Join(f[8:], " "))
	}
	want := []string{"drwxr-xr-x .", "lrwxrwxrwx bin -> usr/bin", "drwxr-xr-x etc", "-rw------- etc/a", "lrwxrwxrwx loop -> loop", "drwxrwxrwt tmp",
		"drwxr-xr-x usr", "drwxr-xr-x usr/bin", "-rwsr-xr-x usr/bin/tool"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestModes(t *testing.T) {
	want := `"etc" m 755 0 0
"etc/a" m 600 0 0
"tmp" m 1777 0 0
"usr" m 755 0 0
"usr/bin" m 755 0 0
"usr/bin/tool" m 4755 0 0
`
	if d := cmp.Diff(want, sample().Modes()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	if err := sample().Unpack(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "bin/tool")); string(b) != "#!" {
		t.Error(string(b), err)
	}
	copied := Tree{}
	if err := copied.Copy("x", os.DirFS(filepath.Join(dir, "etc"))); err != nil || string(copied["x/a"].Data) != "odd" {
		t.Error(err, copied.Names())
	}
}
