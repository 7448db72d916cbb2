package provision

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Pack makes a bundle of the files of a folder. A manifest that is there gives
// way to the new one, and its signatures go with it.
func Pack(name string, dir fs.FS, targets []Target, version uint64) (*Bundle, error) {
	m := &Manifest{Format: Format, Name: name, Targets: targets, Version: version, Files: map[string]Entry{}}
	r := reader{found: map[string]File{}}
	err := fs.WalkDir(dir, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || p == "." || e.IsDir() && !strings.HasPrefix(e.Name(), "."):
			return err
		case p == manifestName || p == signatureName:
			return nil
		case !e.Type().IsRegular():
			return fmt.Errorf("%q: want plain files and folders", p)
		}
		return r.file(dir, p)
	})
	if err != nil {
		return nil, err
	}
	for p, f := range r.found {
		m.Files[p] = Entry{SHA256: digest(f.Data), Size: int64(len(f.Data)), Mode: fmt.Sprintf("%04o", f.Mode)}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	r.found[manifestName] = File{Data: append(raw, '\n'), Mode: 0o600}
	b, err := assemble(name, r.found)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// WriteTar writes a bundle as an archive that ReadTar reads. Of one bundle the
// archive is the same each time.
func (b *Bundle) WriteTar(to io.Writer) error {
	w := tar.NewWriter(to)
	if err := put(w, manifestName, b.manifest, 0o600); err != nil {
		return err
	}
	if len(b.sigs) > 0 {
		if err := put(w, signatureName, b.sigs.Encode(), 0o600); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Files)) {
		if err := put(w, name, b.Files[name].Data, b.Files[name].Mode); err != nil {
			return err
		}
	}
	return w.Close()
}

func put(w *tar.Writer, name string, data []byte, mode fs.FileMode) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: int64(mode), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err := io.Copy(w, bytes.NewReader(data))
	return err
}
