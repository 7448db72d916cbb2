// Package golden is tests by example: files of sections, in some of which stands
// what is said, and in others what comes of it.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Update is the flag -update: goldens become what comes out.
var Update = flag.Bool("update", false, "write what comes out into the goldens")

// Files runs f for each file that a pattern finds, of which there has to be one.
// f sets what comes out in the sections of the file; they have to be what stands
// there.
func Files(t *testing.T, pattern string, f func(t *testing.T, a *txtar.Archive)) {
	t.Helper()
	for _, file := range Find(t, pattern) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a := Read(t, file)
			want := string(txtar.Format(a))
			a.Files = slices.Clone(a.Files)
			f(t, a)
			Is(t, file, want, string(txtar.Format(a)))
		})
	}
}

// Sections runs f for each section of each file; what it gives is what the
// section has to be.
func Sections(t *testing.T, pattern string, f func(t *testing.T, name, text string) string) {
	t.Helper()
	Files(t, pattern, func(t *testing.T, a *txtar.Archive) {
		for i := range a.Files {
			s := &a.Files[i]
			t.Run(s.Name, func(t *testing.T) { s.Data = []byte(f(t, s.Name, string(s.Data))) })
		}
	})
}

// Find is the files of a pattern, of which there has to be one.
func Find(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens %s: %v", pattern, err)
	}
	return files
}

// Read is a file's sections.
func Read(t *testing.T, file string) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Is compares what a file has with what it has to have, or writes it.
func Is(t *testing.T, file, want, got string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" && !*Update {
		t.Errorf("%s: -want +got:\n%s", file, d)
	}
	if *Update && want != got {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
