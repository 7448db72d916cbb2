package image

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/image/uki"
	"holdfast/image/verity"
)

// kernel is what a unified kernel image says of the version that it starts.
type kernel struct {
	version Version
	root    verity.Root
}

// readKernel reads a kernel's image, which has to be whole: firmware that is given
// a part of one may wait for somebody to press a key.
func readKernel(b []byte) (k kernel, err error) {
	parts, err := uki.Sections(b)
	if err != nil {
		return k, err
	}
	text := map[string]string{}
	for _, p := range parts {
		text[p.Name] = strings.TrimRight(string(p.Data), "\x00\n")
	}
	for _, name := range []string{".linux", ".initrd", ".cmdline", ".osrel"} {
		if text[name] == "" {
			return k, fmt.Errorf("section %s is missing", name)
		}
	}
	roots := values(strings.Fields(text[".cmdline"]), "holdfast.root")
	if len(roots) != 1 {
		return k, fmt.Errorf("command line: want holdfast.root= once, got it %d times", len(roots))
	}
	if k.root, err = verity.Parse(roots[0]); err != nil {
		return k, fmt.Errorf("command line: holdfast.root: %w", err)
	}
	versions := values(strings.Split(text[".osrel"], "\n"), "IMAGE_VERSION")
	if len(versions) != 1 { // boot loaders sort by it
		return k, errors.New("os-release: want IMAGE_VERSION= once")
	}
	if k.version, err = ParseVersion(strings.Trim(versions[0], `"'`)); err != nil {
		return k, fmt.Errorf("os-release: IMAGE_VERSION: %w", err)
	}
	return k, nil
}

// values are those that a key has in words of the form KEY=VALUE.
func values(words []string, key string) (all []string) {
	for _, w := range words {
		if v, ok := strings.CutPrefix(w, key+"="); ok {
			all = append(all, v)
		}
	}
	return all
}

// checkKernel says why a kernel's image is not the one that starts what a
// manifest names; nil: it is.
func (m *Manifest) checkKernel(b []byte) error {
	k, err := readKernel(b)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", KernelPart, err)
	case k.root != m.root:
		return fmt.Errorf("%s: command line: holdfast.root: want %s, got %s: it starts another root", KernelPart, m.root, k.root)
	case k.version != m.Version:
		return fmt.Errorf("%s: os-release: IMAGE_VERSION: want %s, got %s", KernelPart, m.Version, k.version)
	}
	return nil
}
