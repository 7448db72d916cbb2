package image

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"holdfast/image/signature"
	"holdfast/image/verity"
)

// Format is that of the manifests that this package reads and writes.
const Format = 1

// Limits of a bundle. The root goes through, part by part; the kernel is held in
// memory.
const (
	maxManifest = 64 << 10
	maxParts    = 16
	maxRoot     = 4 << 30
	maxKernel   = 128 << 20 // of every part besides the root
)

// Names of the parts that each bundle has, in this order. Others may follow, for
// boxes that start in another way; whoever has no use for one passes it over.
const (
	RootPart   = "root.img" // a squashfs, with its hashes behind it
	KernelPart = "uki.efi"  // a unified kernel image
)

// Manifest is manifest.json: what a bundle is, and what its parts are. It is the
// text that is signed.
type Manifest struct {
	Format int `json:"format"`
	Release
	Verity string `json:"verity"` // the root of RootPart, HASH:SALT:BLOCKS
	Parts  []Part `json:"parts"`
	root   verity.Root
}

// Part is what a manifest says of a part.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // in octets
	SHA256 string `json:"sha256"` // in hex
}

// Root is what proves RootPart.
func (m *Manifest) Root() verity.Root { return m.root }

// ParseManifest reads a manifest. What it does not know it refuses: a newer tool
// may have meant it as a condition. There is one text for each manifest, and
// another that would mean the same is refused.
func ParseManifest(b []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := signature.Decode(b, maxManifest, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(m.Encode(), b) {
		return nil, errors.New("want it as holdfast bundle make writes it, each word once and nothing between")
	}
	return m, nil
}

// Encode is the manifest's text.
func (m *Manifest) Encode() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // it is texts and numbers
	}
	return append(b, '\n')
}

var (
	word     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	partName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

func (m *Manifest) check() (err error) {
	if m.Format != Format {
		return fmt.Errorf("format: want %d, got %d: update to a version between first, which reads both", Format, m.Format)
	}
	if !word.MatchString(m.Compatible) {
		return fmt.Errorf(`compatible: want a family of boards, as "holdfast-amd64", got %q`, m.Compatible)
	}
	if !word.MatchString(m.Arch) {
		return fmt.Errorf(`arch: want "amd64" or "arm64", got %q`, m.Arch)
	}
	if m.Version == "" {
		return errors.New("version: it is missing")
	}
	if m.MinVersion != "" && m.MinVersion.Compare(m.Version) > 0 {
		return fmt.Errorf("min-version: want at most the version, %s, got %s", m.Version, m.MinVersion)
	}
	if m.root, err = verity.Parse(m.Verity); err != nil {
		return fmt.Errorf("verity: %w", err)
	}
	if m.root.String() != m.Verity {
		return errors.New("verity: want small letters, and numbers without zeros before")
	}
	return m.checkParts()
}

func (m *Manifest) checkParts() error {
	if len(m.Parts) < 2 || len(m.Parts) > maxParts || m.Parts[0].Name != RootPart || m.Parts[1].Name != KernelPart {
		return fmt.Errorf("parts: want %s, %s, and up to %d others", RootPart, KernelPart, maxParts-2)
	}
	names := map[string]bool{manifestName: true, signatureName: true}
	for i, p := range m.Parts {
		limit := int64(maxKernel)
		if i == 0 {
			limit = maxRoot
		}
		switch sum, err := hex.DecodeString(p.SHA256); {
		case !partName.MatchString(p.Name):
			return fmt.Errorf("parts: want a name of small letters, digits, dots and dashes, got %.70q", p.Name)
		case names[p.Name]:
			return fmt.Errorf("parts: %s is there twice", p.Name)
		case p.Size < 1 || p.Size > limit:
			return fmt.Errorf("%s: size: want 1-%d, got %d", p.Name, limit, p.Size)
		case err != nil || len(sum) != 32 || hex.EncodeToString(sum) != p.SHA256:
			return fmt.Errorf("%s: sha256: want 64 hexadecimal digits, got %.70q", p.Name, p.SHA256)
		}
		names[p.Name] = true
	}
	if want := m.root.Size(); m.Parts[0].Size != want {
		return fmt.Errorf("%s: size: want %d, as its verity says, got %d", RootPart, want, m.Parts[0].Size)
	}
	return nil
}
