// Package image is what boxes run, and how they come to another: signed bundles
// of a root and a kernel, and the installer that writes one into the slot that
// does not run. Words are RAUC's: bundle, slot, primary, good, bad.
package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"holdfast/image/signature"
)

// Names that begin each bundle, before its parts.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
)

// Bundle is one that is being read, from its beginning to its end: a tar of the
// manifest, its signatures, and the parts in the manifest's order. It is never
// held as a whole.
type Bundle struct {
	Manifest   *Manifest
	Signatures signature.Signatures
	text       []byte // of the manifest
	in         *tar.Reader
	next       int // index into Manifest.Parts
}

// errCut is what a bundle is that ends too early.
var errCut = errors.New("the bundle ends in the middle: fetch it again")

// Open reads a bundle's manifest and signatures. Nobody has vouched for it yet:
// see Verify.
func Open(from io.Reader) (*Bundle, error) {
	b := &Bundle{in: tar.NewReader(from)}
	var err error
	if b.text, err = b.small(manifestName, maxManifest); err != nil {
		return nil, err
	}
	sigs, err := b.small(signatureName, signature.MaxSize)
	if err != nil {
		return nil, err
	}
	if len(sigs) > 0 {
		if b.Signatures, err = signature.Parse(sigs); err != nil {
			return nil, fmt.Errorf("%s: %w", signatureName, err)
		}
	}
	return b, nil
}

// Verify gives the key that signed the manifest, of those that are known. Only
// then its words are read: its errors are those of signatures, or say what is
// wrong with the manifest.
func (b *Bundle) Verify(known []signature.Key) (signature.Key, error) {
	k, err := b.Signatures.Verify(known, b.text)
	if err != nil {
		return k, err
	}
	return k, b.Read()
}

// Read reads the manifest of a bundle whoever may have signed it: to show it.
func (b *Bundle) Read() (err error) {
	if b.Manifest, err = ParseManifest(b.text); err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	return nil
}

// small is a file of the bundle's beginning.
func (b *Bundle) small(name string, limit int64) ([]byte, error) {
	size, err := b.entry(name)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s: more than %d octets", name, limit)
	}
	text, err := io.ReadAll(b.in)
	return text, cut(err)
}

// entry goes on to the next file, which has to be that with a name.
func (b *Bundle) entry(name string) (size int64, err error) {
	h, err := b.in.Next()
	switch {
	case errors.Is(err, io.EOF):
		return 0, errCut
	case errors.Is(err, tar.ErrHeader):
		return 0, fmt.Errorf("want a bundle of images: a tar with %s in this place: %w", name, err)
	case err != nil:
		return 0, cut(err)
	case h.Typeflag != tar.TypeReg || h.Name != name:
		return 0, fmt.Errorf("want %s in this place, got %.70q", name, h.Name)
	}
	return h.Size, nil
}

func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

// Next gives the next part, of a bundle that has been verified; io.EOF: there is
// none any more. The end of a part is only told if its hash is right: what is
// read before that is nothing yet.
func (b *Bundle) Next() (Part, io.Reader, error) {
	if b.next == len(b.Manifest.Parts) {
		return Part{}, nil, b.end()
	}
	p := b.Manifest.Parts[b.next]
	b.next++
	size, err := b.entry(p.Name)
	if err != nil {
		return p, nil, err
	}
	if size != p.Size {
		return p, nil, fmt.Errorf("%s: want %d octets, got %d: fetch the bundle again", p.Name, p.Size, size)
	}
	return p, &part{Part: p, from: b.in, sum: sha256.New()}, nil
}

func (b *Bundle) end() error {
	h, err := b.in.Next()
	if err == nil {
		return fmt.Errorf("%.70q: the manifest does not name it", h.Name)
	}
	return cut(err)
}

// part is the octets of a part, with the manifest's hash held against them.
type part struct {
	Part
	from io.Reader
	sum  hash.Hash
}

func (p *part) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.sum.Write(b[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(p.sum.Sum(nil)) != p.SHA256 {
		return 0, fmt.Errorf("%s: it is not the one that was signed (SHA-256): fetch the bundle again", p.Name)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", p.Name, cut(err))
	}
	return n, err
}

// Pass reads a bundle to its end: its error is nil if all of it is there, and as
// it was signed, and look has nothing against a part; look may be nil, and need not
// read.
func (b *Bundle) Pass(look func(Part, io.Reader) error) error {
	for {
		p, r, err := b.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && look != nil {
			err = look(p, r)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return err
		}
	}
}
