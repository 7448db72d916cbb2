// Package imagetest has small images for tests: roots with their hashes, kernels
// that start them, bundles of both, and a boot loader that is a folder.
package imagetest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/image"
	"holdfast/image/signature"
	"holdfast/image/uki"
	"holdfast/image/verity"
)

// Blocks is the size of the data of a root, in blocks.
const Blocks = 600

// Root is the root of a version, with its hashes behind it: not to be changed, and
// not for parallel tests.
func Root(tb testing.TB, version string, blocks int) (verity.Root, []byte) {
	tb.Helper()
	if made, ok := roots[version]; ok && made.Blocks == uint64(blocks) {
		return made.Root, made.image
	}
	seed := sha256.Sum256([]byte(version))
	data := make([]byte, blocks*verity.Block)
	rand.NewChaCha8(seed).Read(data)
	r, tree, err := verity.Hash(bytes.NewReader(data), seed)
	if err != nil {
		tb.Fatal(err)
	}
	roots[version] = root{r, append(data, tree...)}
	return r, roots[version].image
}

type root struct {
	verity.Root
	image []byte
}

// roots are those that were made: tests that look often are not to take long.
var roots = map[string]root{}

// Kernel is an image that starts a root, with words added to its command line.
func Kernel(tb testing.TB, version string, r verity.Root, words ...string) []byte {
	tb.Helper()
	line := strings.Join(append([]string{"quiet", "holdfast.root=" + r.String()}, words...), " ")
	b, err := uki.Add(stub(), uki.Section{Name: ".osrel", Data: []byte("ID=holdfast\nIMAGE_VERSION=" + version + "\n")}, uki.Section{Name: ".cmdline", Data: []byte(line)},
		uki.Section{Name: ".initrd", Data: bytes.Repeat([]byte("i"), 10000)}, uki.Section{Name: ".linux", Data: bytes.Repeat([]byte("k"), 200000)})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// stub is the least that is a program for UEFI: headers, and no section.
func stub() []byte {
	b := make([]byte, 1024)
	copy(b, "MZ")
	le := binary.LittleEndian
	le.PutUint32(b[0x3c:], 0x40)
	copy(b[0x40:], "PE\x00\x00")
	coff, optional := b[0x44:], b[0x58:]
	le.PutUint16(coff, 0x8664) // Machine
	le.PutUint16(coff[16:], 112)
	le.PutUint16(optional, 0x20b) // PE32+
	le.PutUint32(optional[32:], 4096)
	le.PutUint32(optional[36:], 512)
	le.PutUint32(optional[56:], 4096)
	le.PutUint32(optional[60:], uint32(len(b)))
	return b
}

// Parts are those of a version's bundle.
func Parts(tb testing.TB, version string) []image.Content {
	tb.Helper()
	r, root := Root(tb, version, Blocks)
	return []image.Content{{Name: image.RootPart, Data: root}, {Name: image.KernelPart, Data: Kernel(tb, version, r)}}
}

// For is the boxes that the bundles are for.
var For = image.Release{Compatible: "holdfast-amd64", Arch: "amd64"}

// Bundle is a version's bundle, signed.
func Bundle(tb testing.TB, version string, keys ...signature.Private) []byte {
	tb.Helper()
	var b bytes.Buffer
	if _, err := image.Make(&b, For, Parts(tb, version), keys); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// Boot is a boot loader whose versions are the files of a folder.
type Boot struct {
	Dir     string
	Running string
	Trial   bool
	Primary string
	Err     error // of Install
	Refuse  error // of Check
}

// Current is as it was set.
func (b *Boot) Current() (string, bool, error) { return b.Running, b.Trial, nil }

// Versions are the files; "new" ones are not there yet.
func (b *Boot) Versions() (all []string, primary string, err error) {
	files, err := filepath.Glob(filepath.Join(b.Dir, "*.efi"))
	for _, f := range files {
		all = append(all, strings.TrimSuffix(filepath.Base(f), ".efi"))
	}
	return all, b.Primary, err
}

// Check is as it was set.
func (b *Boot) Check(string, []byte) error { return b.Refuse }

// Install writes a file in one step.
func (b *Boot) Install(version string, kernel []byte, _ int) error {
	if err := cmp.Or(b.Err, b.Refuse); err != nil {
		return err
	}
	name := filepath.Join(b.Dir, version+".efi")
	if err := os.WriteFile(name+".new", kernel, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// Remove removes a version's file.
func (b *Boot) Remove(version string) error { return os.Remove(filepath.Join(b.Dir, version+".efi")) }
