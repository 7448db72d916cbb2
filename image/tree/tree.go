// Package tree is the files of an image in memory: what a root is made of before
// it becomes an archive. Equal trees give equal bytes.
package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is a regular file, a folder or a symbolic link.
type File struct {
	Mode fs.FileMode // type and permissions; setuid is kept
	Data []byte
	Link string // of a symbolic link
}

// Tree is files by their path, which is clean and does not begin with "/".
// Everything belongs to root.
type Tree map[string]*File

// Dir makes a folder and those above it.
func (t Tree) Dir(name string, perm fs.FileMode) {
	name = clean(name)
	if name == "" {
		return
	}
	if _, is := t[name]; !is {
		t.Dir(path.Dir(name), 0o755)
		t[name] = &File{Mode: fs.ModeDir | perm}
	}
}

// File puts a file, and the folders above it.
func (t Tree) File(name string, perm fs.FileMode, data []byte) {
	name = clean(name)
	t.Dir(path.Dir(name), 0o755)
	t[name] = &File{Mode: perm, Data: data}
}

// Symlink puts a link to a target.
func (t Tree) Symlink(name, target string) {
	name = clean(name)
	t.Dir(path.Dir(name), 0o755)
	t[name] = &File{Mode: fs.ModeSymlink | 0o777, Link: target}
}

// clean is a path as it stands in a tree; "" is its root.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// Names are all paths in order: a folder comes before what is in it.
func (t Tree) Names() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Copy puts all of a file system into the tree, below a folder.
func (t Tree) Copy(at string, from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			t.Dir(path.Join(at, name), 0o755)
			return nil
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		perm := fs.FileMode(0o644)
		if i, err := d.Info(); err == nil && i.Mode()&0o100 != 0 {
			perm = 0o755
		}
		t.File(path.Join(at, name), perm, data)
		return nil
	})
}

// Resolve follows the links of a path within the tree: "lib/x" is "usr/lib/x"
// where lib is a link.
func (t Tree) Resolve(name string) string {
	name = clean(name)
	for range 40 { // more links are a circle
		at, rest, link := "", name, false
		for rest != "" && !link {
			var part string
			part, rest, _ = strings.Cut(rest, "/")
			at = path.Join(at, part)
			if f := t[at]; f != nil && f.Mode&fs.ModeSymlink != 0 {
				to := f.Link
				if !path.IsAbs(to) {
					to = path.Join("/"+path.Dir(at), to)
				}
				name, link = clean(path.Join(to, rest)), true
			}
		}
		if !link {
			return name
		}
	}
	return name
}

// Unpack writes the tree below a folder of this machine, as whoever runs it.
func (t Tree) Unpack(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range t.Names() {
		f, to := t[name], filepath.Join(dir, name)
		var err error
		switch {
		case f.Mode.IsDir():
			err = os.MkdirAll(to, 0o755)
		case f.Mode&fs.ModeSymlink != 0:
			err = os.Symlink(f.Link, to)
		default:
			err = os.WriteFile(to, f.Data, f.Mode.Perm()|0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Modes has the modes of all files and folders, as mksquashfs reads them with -pf:
// what they are on the disk may be less.
func (t Tree) Modes() string {
	var b strings.Builder
	for _, name := range t.Names() {
		if f := t[name]; f.Mode&fs.ModeSymlink == 0 {
			fmt.Fprintf(&b, "%q m %o 0 0\n", name, unixMode(f.Mode)&0o7777)
		}
	}
	return b.String()
}

// unixMode is a mode as the kernel has it.
func unixMode(m fs.FileMode) uint32 {
	mode := uint32(m.Perm())
	for _, b := range []struct {
		of   fs.FileMode
		unix uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.of != 0 {
			mode |= b.unix
		}
	}
	switch {
	case m.IsDir():
		return mode | 0o040000
	case m&fs.ModeSymlink != 0:
		return mode | 0o120000
	}
	return mode | 0o100000
}
