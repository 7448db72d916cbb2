package debian

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/image/tree"
)

func TestMatch(t *testing.T) {
	names := []string{"etc/a", "etc/b", "usr/bin/sh", "usr/lib/x"}
	for _, c := range []struct {
		list string
		want []string
		err  string
	}{
		{"etc/*\n-etc/b\n # a remark\nusr/bin/sh # the shell\n", []string{"etc/a", "usr/bin/sh"}, ""},
		{"etc/a\n\nnone/*\n", nil, "line 3: none/*: no package has such a file"},
		{"-etc/a\n", nil, "line 1: etc/a: no package has such a file"},
		{"[\n", nil, "line 1: [: syntax error in pattern"},
	} {
		got, err := match(names, c.list)
		if err != nil && err.Error() != c.err || err == nil && c.err != "" {
			t.Errorf("%q: %v, want %q", c.list, err, c.err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: -want +got:\n%s", c.list, d)
		}
	}
}

func TestPickFollowsLinks(t *testing.T) {
	all := tree.Tree{}
	all.File("usr/bin/dash", 0o755, []byte("shell"))
	all.Symlink("usr/bin/sh", "dash")
	all.Symlink("usr/bin/later", "/run/made/at/boot")
	out, err := Pick(all, "usr/bin/sh\nusr/bin/later\n")
	if err != nil {
		t.Fatal(err)
	}
	if out["usr/bin/dash"] == nil || out["usr/bin/sh"].Link != "dash" || out["usr/bin/later"] == nil {
		t.Error(out.Names())
	}
}

func TestUnpackMergesUsr(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(h tar.Header, data string) {
		h.Size = int64(len(data))
		w.WriteHeader(&h)
		io.WriteString(w, data)
	}
	put(tar.Header{Name: "./bin/", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	put(tar.Header{Name: "./bin/x", Typeflag: tar.TypeReg, Mode: 0o4755}, "x")
	put(tar.Header{Name: "./usr/bin/y", Typeflag: tar.TypeLink, Linkname: "./bin/x"}, "")
	put(tar.Header{Name: "./lib/l", Typeflag: tar.TypeSymlink, Linkname: "../x"}, "")
	w.Close()
	got := tree.Tree{}
	if err := add(got, tar.NewReader(&b)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"usr", "usr/bin", "usr/bin/x", "usr/bin/y", "usr/lib", "usr/lib/l"}, got.Names()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestWanted(t *testing.T) {
	if _, err := wanted("Reading…\n", t.TempDir()); err == nil {
		t.Error("nothing was wanted, and nobody says so")
	}
	if _, err := wanted("'http://x/y.deb' y_1.deb 5 SHA256:0\n", t.TempDir()); err == nil {
		t.Error("a package that is not there is nothing")
	}
}
