package build_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkImage makes the image of each architecture as it is released, and
// reports what it takes of a disk and of a network.
func BenchmarkImage(b *testing.B) {
	for _, arch := range []string{"amd64", "arm64"} {
		b.Run(arch, func(b *testing.B) {
			dir := b.TempDir()
			for b.Loop() {
				if out, err := exec.Command("../../build.sh", "image", arch, dir).CombinedOutput(); err != nil {
					b.Fatalf("build.sh: %v\n%s", err, out)
				}
			}
			for unit, name := range map[string]string{"MB-disk.xz": "*.img.xz", "MB-root": "*.root", "MB-kernel-image": "*.efi", "MB-binary": "holdfast-linux-*"} {
				b.ReportMetric(megabytes(b, dir, name), unit)
			}
		})
	}
}

// megabytes is the size of the one file of that pattern.
func megabytes(b *testing.B, dir, pattern string) float64 {
	b.Helper()
	names, err := fs.Glob(os.DirFS(dir), pattern)
	if err != nil || len(names) != 1 {
		b.Fatalf("want one %s, got %s (%v)", pattern, strings.Join(names, " "), err)
	}
	st, err := os.Stat(filepath.Join(dir, names[0]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(st.Size()) / 1e6
}
