package debian

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"holdfast/image/tree"
)

// merged are the folders that are one with those of /usr: Debian's packages
// name them both ways.
var merged = []string{"bin", "sbin", "lib", "lib64"}

// Unpack gives all files of packages as one tree, with /bin and its like merged
// into /usr.
func Unpack(ctx context.Context, packages []string) (tree.Tree, error) {
	t := tree.Tree{}
	for _, name := range merged {
		t.Symlink(name, "usr/"+name)
		t.Dir("usr/"+name, 0o755)
	}
	for _, p := range packages {
		data, err := run(ctx, "dpkg-deb", "--fsys-tarfile", p)
		if err == nil {
			err = add(t, tar.NewReader(bytes.NewReader(data)))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
	}
	return t, nil
}

func add(t tree.Tree, r *tar.Reader) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := intoUsr(path.Clean(h.Name))
		switch h.Typeflag {
		case tar.TypeReg:
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			t.File(name, h.FileInfo().Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid), data)
		case tar.TypeSymlink:
			t.Symlink(name, h.Linkname)
		case tar.TypeLink:
			f := t[intoUsr(path.Clean(h.Linkname))]
			if f == nil {
				return fmt.Errorf("%s is a link to %s, which is not there", name, h.Linkname)
			}
			t.File(name, f.Mode, f.Data)
		}
	}
}

func intoUsr(name string) string {
	for _, m := range merged {
		if name == m || strings.HasPrefix(name, m+"/") {
			return "usr/" + name
		}
	}
	return name
}
