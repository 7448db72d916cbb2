package provision

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
)

// errCut is what an archive is that ends too early: it may still be on its way.
var errCut = errors.New("the archive ends in the middle")

var errSize = fmt.Errorf("more than %d octets", MaxSize)

// IsCut says whether a bundle could not be read for it is not there as a whole.
func IsCut(err error) bool { return errors.Is(err, errCut) }

// reader takes the files of a bundle, within its limits.
type reader struct {
	found map[string]File
	size  int64
}

// add takes one file. Its size is only what somebody says, until it is read.
func (r *reader) add(name string, from io.Reader, mode fs.FileMode) error {
	if err := checkPath(name); err != nil {
		return err
	}
	if _, ok := r.found[name]; ok {
		return fmt.Errorf("%s: it is there twice", name)
	}
	if len(r.found) >= MaxFiles+2 {
		return fmt.Errorf("more than %d files", MaxFiles)
	}
	b, err := io.ReadAll(io.LimitReader(from, MaxSize-r.size+1))
	if err != nil {
		return err
	}
	if r.size += int64(len(b)); r.size > MaxSize {
		return errSize
	}
	r.found[name] = File{Data: b, Mode: maskMode(mode)}
	return nil
}

// ReadTar reads a bundle out of a tar archive, plain or compressed by gzip. With
// an error there is no bundle; but see Candidate.
func ReadTar(name string, from io.Reader) (*Bundle, error) {
	r := reader{found: map[string]File{}}
	if err := r.tar(from); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errCut
		}
		return nil, err
	}
	return assemble(name, r.found)
}

func (r *reader) tar(from io.Reader) error {
	in := bufio.NewReader(from)
	var plain io.Reader = in
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		plain = z
	}
	// Headers and padding count as well: a thousand of them are a megabyte.
	all := &bounded{Reader: plain, left: MaxSize + 4<<20}
	t := tar.NewReader(all)
	for entries := 0; ; entries++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && all.ended: // its last blocks are missing
			return errCut
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case entries > 2*MaxFiles:
			return fmt.Errorf("more than %d entries", 2*MaxFiles)
		}
		if err := r.entry(h, t); err != nil {
			return err
		}
	}
}

// bounded reads no more than its limit, and says so: an end would look like that
// of an archive that is still on its way.
type bounded struct {
	io.Reader
	left  int
	ended bool // there was nothing any more
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errSize
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.ended = n == 0 && errors.Is(err, io.EOF)
	return n, err
}

// entry takes one header. Folders come with their files; links and devices are
// refused, for they point out of the bundle.
func (r *reader) entry(h *tar.Header, from io.Reader) error {
	name := strings.TrimPrefix(h.Name, "./")
	switch h.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeReg:
		return r.add(name, from, h.FileInfo().Mode())
	case tar.TypeXGlobalHeader: // of "git archive": a comment
		return nil
	}
	return fmt.Errorf("%q: want plain files and folders, got a tar entry of type %q", h.Name, h.Typeflag)
}

// ReadDir reads a bundle out of a folder. Hidden files, and the folder that
// Windows leaves on each stick, are not part of it.
func ReadDir(name string, dir fs.FS) (*Bundle, error) {
	r := reader{found: map[string]File{}}
	err := fs.WalkDir(dir, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == ".":
			return nil
		case litter(path.Base(p)):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return checkPath(p)
		case !e.Type().IsRegular():
			return fmt.Errorf("%q: want plain files and folders", p)
		}
		return r.file(dir, p)
	})
	if err != nil {
		return nil, err
	}
	return assemble(name, r.found)
}

func (r *reader) file(dir fs.FS, p string) error {
	f, err := dir.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return r.add(p, f, st.Mode())
}

// litter is what desktops leave on volumes.
func litter(name string) bool {
	return name[0] == '.' || strings.EqualFold(name, "System Volume Information") || name == "lost+found" || strings.EqualFold(name, "Thumbs.db")
}

// isArchive says whether a file is named as a bundle.
func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// Read gives the candidates at a path of a folder: a bundle that is a folder, an
// archive or a configuration alone; or, of a folder without a manifest, all that
// are in it. What is none of these is passed over. Of a bundle that is not kept, the
// manifest is all that stays; nil keeps all, however much that is.
func Read(root fs.FS, p string, keep func(*Bundle) bool) []Candidate {
	all := read(root, p, keep)
	for _, c := range all {
		if c.Bundle != nil && keep != nil && !keep(c.Bundle) {
			c.Files = nil
		}
	}
	return all
}

func read(root fs.FS, p string, keep func(*Bundle) bool) []Candidate {
	st, err := fs.Stat(root, p)
	if err != nil {
		return []Candidate{{Name: p, Err: err}}
	}
	if !st.IsDir() {
		c, ok := readFile(root, p)
		if !ok {
			return nil
		}
		return []Candidate{c}
	}
	dir, err := fs.Sub(root, p)
	if err != nil {
		return []Candidate{{Name: p, Err: err}}
	}
	if _, err := fs.Stat(dir, manifestName); err == nil {
		b, err := ReadDir(p, dir)
		return []Candidate{{Bundle: b, Name: p, Err: err}}
	}
	return readAll(root, p, keep)
}

// mostTogether is how many octets of bundles are kept of a folder: they are in
// memory together, before anybody has looked at who signed them.
const mostTogether = 2 * MaxSize

var errTogether = fmt.Errorf("it is not read: the bundles before it have %d octets, or more", mostTogether)

// size is how many octets of files a candidate has.
func (c Candidate) size() (n int) {
	if c.Bundle != nil {
		for _, f := range c.Files {
			n += len(f.Data)
		}
	}
	return n
}

// readAll is the candidates of a folder that is none itself.
func readAll(root fs.FS, p string, keep func(*Bundle) bool) (all []Candidate) {
	entries, err := fs.ReadDir(root, p)
	if err != nil {
		return []Candidate{{Name: p, Err: err}}
	}
	left := mostTogether
	if keep == nil {
		left = math.MaxInt
	}
	for _, e := range entries {
		name := path.Join(p, e.Name())
		if litter(e.Name()) || isResult(e.Name()) {
			continue
		}
		found := readEntry(root, name, e.IsDir(), left, keep)
		for _, c := range found {
			left -= c.size()
		}
		all = append(all, found...)
	}
	return all
}

// readEntry is the candidates that an entry of a folder is, of which so many octets
// may still be read.
func readEntry(root fs.FS, name string, dir bool, left int, keep func(*Bundle) bool) []Candidate {
	if dir {
		if _, err := fs.Stat(root, path.Join(name, manifestName)); err != nil {
			return nil
		}
	} else if !isCandidate(name) {
		return nil
	}
	if left <= 0 {
		return []Candidate{{Name: name, Err: errTogether}}
	}
	return Read(root, name, keep)
}

// isCandidate says whether a file is named as one.
func isCandidate(name string) bool { return path.Ext(name) == ".conf" || isArchive(name) }

// readFile is the candidate that a file is, if it is named as one.
func readFile(root fs.FS, p string) (Candidate, bool) {
	c := Candidate{Name: p}
	if !isCandidate(p) {
		return c, false
	}
	plain := path.Ext(p) == ".conf"
	// To open a pipe would wait for who writes into it.
	if st, err := fs.Stat(root, p); err != nil || !st.Mode().IsRegular() {
		c.Err = cmp.Or(err, errors.New("want a plain file"))
		return c, true
	}
	f, err := root.Open(p)
	if err != nil {
		c.Err = err
		return c, true
	}
	defer f.Close()
	if !plain {
		c.Bundle, c.Err = ReadTar(p, f)
		return c, true
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(text) > MaxSize {
		err = errSize
	}
	if c.Err = err; err == nil {
		c.Bundle = Plain(p, text)
	}
	return c, true
}
