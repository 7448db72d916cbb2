// Package provision is how a box gets its configuration: bundles, whom they are
// for, who signed them, and where they come from.
package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/image/signature"
)

// Limits of a bundle. A bundle is held in memory as a whole, on a small box.
const (
	MaxSize     = 32 << 20 // octets of all its files, unpacked
	MaxFiles    = 1000
	MaxDepth    = 8   // folders, with the file
	maxPath     = 240 // octets
	maxManifest = 1 << 20
)

// Names that are a bundle's own.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
)

// File is one file of a bundle.
type File struct {
	Data []byte
	Mode fs.FileMode // 0600, or 0700 for what can be run
}

// Bundle is what one box, or each of many, is to run: whole, or not at all.
type Bundle struct {
	Name     string // of the file or folder that it came in
	Manifest *Manifest
	Files    map[string]File // without the manifest and its signatures
	Digest   string          // SHA-256 of the manifest, which has those of the files; in hex
	manifest []byte          // as it was signed
	sigs     signature.Signatures
}

// Sign adds a signature, in place of an older one of the same key.
func (b *Bundle) Sign(p signature.Private) { b.sigs.Sign(p, b.manifest) }

// Signatures are the IDs of the keys by which it says that it is signed.
func (b *Bundle) Signatures() []string { return b.sigs.IDs() }

// Verify gives the key that signed a bundle, of those that are known; its errors
// are those of signatures.
func (b *Bundle) Verify(known []signature.Key) (signature.Key, error) {
	return b.sigs.Verify(known, b.manifest)
}

// Configurations are the names of the files that are the configuration, in
// order: those of the bundle's top.
func (b *Bundle) Configurations() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(b.Files)) {
		if path.Ext(name) == ".conf" && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	return names
}

// Version is the manifest's; 0 for a configuration without one.
func (b *Bundle) Version() uint64 {
	if b.Manifest == nil {
		return 0
	}
	return b.Manifest.Version
}

// Short is a digest as people read it.
func Short(digest string) string { return digest[:min(12, len(digest))] }

// Plain is the bundle that a configuration alone is: for any box, of no version,
// signed by nobody.
func Plain(name string, text []byte) *Bundle {
	return &Bundle{Name: name, Digest: digest(text), Files: map[string]File{path.Base(name): {Data: text, Mode: 0o600}}}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// assemble makes a bundle of the files that were found, the manifest and its
// signatures among them. With an error, a bundle says whom it would have been
// for, if that much is known; it has no files then.
func assemble(name string, found map[string]File) (*Bundle, error) {
	raw, ok := found[manifestName]
	if !ok {
		return nil, fmt.Errorf("there is no %s", manifestName)
	}
	m, err := ParseManifest(raw.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	b := &Bundle{Name: name, Manifest: m, manifest: raw.Data, Digest: digest(raw.Data)}
	if sig, ok := found[signatureName]; ok {
		if b.sigs, err = signature.Parse(sig.Data); err != nil {
			return b, fmt.Errorf("%s: %w", signatureName, err)
		}
	}
	files, err := m.match(found)
	if err != nil {
		return b, err
	}
	b.Files = files
	if len(b.Configurations()) == 0 {
		b.Files = nil
		return b, errors.New("there is no configuration (*.conf) in it")
	}
	return b, nil
}

// match is the files that the manifest names, if they are those that were found,
// octet by octet, and no others are there.
func (m *Manifest) match(found map[string]File) (map[string]File, error) {
	var errs []error
	files := map[string]File{}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		want := m.Files[name]
		f, ok := found[name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s: it is in the manifest, and missing", name))
		case int64(len(f.Data)) != want.Size:
			errs = append(errs, fmt.Errorf("%s: want %d octets, got %d", name, want.Size, len(f.Data)))
		case digest(f.Data) != want.SHA256:
			errs = append(errs, fmt.Errorf("%s: it is not the file that the manifest names (SHA-256)", name))
		default:
			files[name] = File{Data: f.Data, Mode: maskMode(want.mode)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := m.Files[name]; !ok && name != manifestName && name != signatureName {
			errs = append(errs, fmt.Errorf("%s: the manifest does not name it", name))
		}
	}
	return files, errors.Join(errs...)
}

// maskMode leaves of a mode what a box has a use for: the daemon reads a file, and
// may run it. Nobody else does either.
func maskMode(m fs.FileMode) fs.FileMode {
	if m&0o111 != 0 {
		return 0o700
	}
	return 0o600
}

// checkPath refuses what could leave the folder that a bundle is unpacked in, or
// could not be written down in a line.
func checkPath(name string) error {
	switch {
	case len(name) > maxPath:
		return fmt.Errorf("%.40q…: a path of more than %d octets", name, maxPath)
	case !fs.ValidPath(name) || name == "." || !utf8.ValidString(name):
		return fmt.Errorf("%q: not a path inside of a bundle", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }):
		return fmt.Errorf("%q: not a path inside of a bundle", name)
	case strings.Count(name, "/") >= MaxDepth:
		return fmt.Errorf("%q: deeper than %d folders", name, MaxDepth)
	}
	if name[0] == '.' || strings.Contains(name, "/.") {
		return fmt.Errorf("%q: hidden files do not belong into a bundle", name)
	}
	return nil
}
