package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"holdfast/image/signature"
)

// Content is a part with its octets.
type Content struct {
	Name string
	Data []byte
}

// Make writes a bundle of parts, the root and its kernel first, signed by keys.
// A release says whom it is for (Compatible, Arch, MinVersion); its version is that
// of the parts, which are proven to belong together. The same parts and keys give
// the same octets.
func Make(to io.Writer, r Release, parts []Content, keys []signature.Private) (*Manifest, error) {
	if len(parts) < 2 || parts[0].Name != RootPart || parts[1].Name != KernelPart {
		return nil, fmt.Errorf("want %s and %s", RootPart, KernelPart)
	}
	k, err := readKernel(parts[1].Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KernelPart, err)
	}
	r.Version = k.version
	m := Manifest{Format: Format, Release: r, Verity: k.root.String()}
	for _, p := range parts {
		sum := sha256.Sum256(p.Data)
		m.Parts = append(m.Parts, Part{Name: p.Name, Size: int64(len(p.Data)), SHA256: hex.EncodeToString(sum[:])})
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := k.root.Check(bytes.NewReader(parts[0].Data)); err != nil {
		return nil, fmt.Errorf("%s: the kernel would refuse it: %w", RootPart, err)
	}
	text, sigs := m.Encode(), signature.Signatures{}
	for _, k := range keys {
		sigs.Sign(k, text)
	}
	w, err := begin(to, text, sigs)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := put(w, p.Name, int64(len(p.Data)), bytes.NewReader(p.Data)); err != nil {
			return nil, err
		}
	}
	return &m, w.Close()
}

// Sign writes a bundle anew, with signatures added, each in place of an older one
// of the same key.
func Sign(to io.Writer, from io.Reader, keys []signature.Private) error {
	b, err := Open(from)
	if err != nil {
		return err
	}
	if err := b.Read(); err != nil {
		return err
	}
	for _, k := range keys {
		b.Signatures.Sign(k, b.text)
	}
	w, err := begin(to, b.text, b.Signatures)
	if err != nil {
		return err
	}
	for {
		p, r, err := b.Next()
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err == nil {
			err = put(w, p.Name, p.Size, r)
		}
		if err != nil {
			return err
		}
	}
}

// begin writes what stands before the parts.
func begin(to io.Writer, text []byte, sigs signature.Signatures) (*tar.Writer, error) {
	w := tar.NewWriter(to)
	if err := put(w, manifestName, int64(len(text)), bytes.NewReader(text)); err != nil {
		return nil, err
	}
	lines := sigs.Encode()
	return w, put(w, signatureName, int64(len(lines)), bytes.NewReader(lines))
}

func put(w *tar.Writer, name string, size int64, from io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err := io.Copy(w, from)
	return err
}
