package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestCredential: a key's name is that of a credential first, and then of a file
// beside the configuration.
func TestCredential(t *testing.T) {
	beside, given := t.TempDir(), t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", given)
	put := func(folder, name string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, []byte(filepath.Base(folder)+"/"+name), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one", "two", "three"} {
		put(beside, name, 0o600)
	}
	put(given, "one", 0o400)
	put(given, "keys_two", 0o400)
	put(given, "keys_one", 0o400)
	put(beside, "open", 0o644)
	read := func(name string) ([]byte, error) {
		c := candidateOf(filepath.Join(beside, "edge.conf"), nil)
		return c.key(name)
	}
	for name, want := range map[string]string{
		"one": filepath.Base(given) + "/one", "two": filepath.Base(given) + "/keys_two", "three": filepath.Base(beside) + "/three",
		"./one": filepath.Base(beside) + "/one", filepath.Join(beside, "one"): filepath.Base(beside) + "/one",
	} {
		if b, err := read(name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v, want %q", name, b, err, want)
		}
	}
	if _, err := read("../" + filepath.Base(given) + "/one"); err != nil {
		t.Error(err)
	}
	if _, err := read("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := read("open"); err == nil {
		t.Error("a key that everybody may read")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if b, err := read("one"); err != nil || string(b) != filepath.Base(beside)+"/one" {
		t.Error(fmt.Sprint(string(b), err))
	}
}
