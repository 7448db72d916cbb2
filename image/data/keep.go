package data

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What is kept of a state directory outside the data partition: enough for a box
// whose partition is gone to announce its last good configuration.
var kept = []string{"generations", "drain.json"}

// most is how many octets of a state are kept, mostKept how many files.
const (
	most     = 16 << 20
	mostKept = 10000
)

// Keep writes a copy of a state directory into a file, as a whole or not at all,
// if it differs. Nothing is no copy: it takes the place of none. Keys are in it:
// the file is for root alone.
func Keep(state, file string) error {
	text, err := pack(state)
	for n := 0; n < 100 && errors.Is(err, fs.ErrNotExist); n++ {
		text, err = pack(state) // a file went or got another name meanwhile
	}
	if err != nil || text == nil {
		return err
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return err
	}
	// FAT writes what a name stands for with the file, and not with its folder:
	// else the name would still have the old copy after a power cut.
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer dir.Close()
	return errors.Join(unix.Syncfs(int(dir.Fd())), f.Sync(), dir.Sync())
}

// left are names of the folder of generations that are not kept: whose process has
// it, and how the box stands, which changes too often for an ESP.
var left = []string{"lock", "facts"}

// pack is the archive of what is kept; nil: there is no generation. A generation
// that is being written has a name that begins with a dot, and is no generation
// yet; a file beside one's files is written as NAME.new.
func pack(state string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	generations, whole := filepath.Join(state, kept[0]), false
	for _, name := range kept {
		err := filepath.WalkDir(filepath.Join(state, name), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			direct := filepath.Dir(path) == generations
			record := filepath.Dir(filepath.Dir(path)) == generations
			switch {
			case direct && d.IsDir() && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			case !d.Type().IsRegular(), direct && slices.Contains(left, d.Name()), (direct || record) && strings.HasSuffix(d.Name(), ".new"):
				return nil
			}
			whole = whole || !direct
			return put(w, state, path)
		})
		if err != nil {
			return nil, err
		}
		if !whole { // drains alone are no state
			return nil, nil
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > most {
		return nil, fmt.Errorf("%s: %d MiB are too much to keep, want %d at most", state, b.Len()>>20, most>>20)
	}
	return b.Bytes(), nil
}

func put(w *tar.Writer, state, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(state, path)
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(name), Mode: int64(st.Mode().Perm()), Size: int64(len(text)), Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// Restore puts a copy back into a state directory, for an owner: in the place of
// what is there, once it was found to be whole. A power cut leaves what was there,
// or nothing, or all of the copy.
func Restore(file, state string, uid, gid int) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	files, err := unpack(io.LimitReader(f, most))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	temp := filepath.Join(state, ".restored")
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := fill(temp, files); err != nil {
		return err
	}
	if err := own(temp, uid, gid); err != nil {
		return err
	}
	for _, name := range slices.Backward(kept) { // by generations it is seen whether anything has to be restored
		if err := swap(temp, state, name); err != nil {
			return err
		}
	}
	return own(state, uid, gid)
}

// fill writes files into a new folder, and to its disk.
func fill(folder string, files []copied) error {
	for _, one := range files {
		to := filepath.Join(folder, one.name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, one.text, one.mode); err != nil {
			return err
		}
	}
	return syncAll(folder)
}

// swap has a name be what it is in another folder, which may be nothing.
func swap(from, to, name string) error {
	old := filepath.Join(from, name+".old")
	for _, r := range [][2]string{{filepath.Join(to, name), old}, {filepath.Join(from, name), filepath.Join(to, name)}} {
		if err := os.Rename(r[0], r[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncAll(to)
}

// syncAll has all of a folder's file system be on its disk.
func syncAll(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// copied is a file of a copy.
type copied struct {
	name string
	mode fs.FileMode
	text []byte
}

func unpack(from io.Reader) (files []copied, err error) {
	for r := tar.NewReader(from); len(files) < mostKept; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if !filepath.IsLocal(h.Name) || h.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%q does not belong there", h.Name)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files = append(files, copied{filepath.FromSlash(h.Name), fs.FileMode(h.Mode).Perm() & 0o700, text})
	}
	return nil, fmt.Errorf("it has more than %d files", mostKept)
}

// own gives all of it to the service's user.
func own(state string, uid, gid int) error {
	return filepath.WalkDir(state, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}
