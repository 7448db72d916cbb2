package boot

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// GRUB's environment block: a file of 1024 octets, with NAME=VALUE in lines
// behind the first one, filled up with "#".
const (
	grubEnv   = "boot/grub/grubenv"
	grubMagic = "# GRUB Environment Block\n"
	grubSize  = 1024
)

// NewGRUB is GRUB on the box whose files are below a folder. It gives a version
// one try, whatever is asked for: its scripts can't count.
func NewGRUB(root string) Backend { return &slotted{root, system{}, grub{}} }

type grub struct{}

func (grub) name() string  { return "grub" }
func (grub) order() string { return "ORDER" }

// left is 1 of a slot that is good or was not tried yet: the script sets X_TRY
// before it boots one.
func (grub) left(v variables, slot string) int {
	if v[slot+"_OK"] == "1" && v[slot+"_TRY"] != "1" {
		return 1
	}
	return 0
}

func (grub) setLeft(v variables, slot string, tries int) {
	v[slot+"_OK"], v[slot+"_TRY"] = fmt.Sprint(min(tries, 1)), "0"
}

var grubEscape = strings.NewReplacer(`\`, `\\`, "\n", "\\\n")

// parseGRUB reads a block. A backslash stands before a backslash or the end of a
// line within a value.
func parseGRUB(b []byte) (v variables, err error) {
	text, ok := strings.CutPrefix(string(b), grubMagic)
	if !ok || len(b) != grubSize {
		return nil, fmt.Errorf("want %d octets that begin with %q, got %d octets", grubSize, grubMagic, len(b))
	}
	v = variables{}
	for text != "" {
		if text[0] == '#' { // a comment, or what fills the block up
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		var line strings.Builder
		i := 0
		for ; i < len(text) && text[i] != '\n'; i++ {
			if text[i] == '\\' && i+1 < len(text) {
				i++
			}
			line.WriteByte(text[i])
		}
		text = text[min(i+1, len(text)):]
		if name, value, ok := strings.Cut(line.String(), "="); ok && value != "" {
			v[name] = value
		}
	}
	return v, nil
}

// appendGRUB is what parseGRUB reads.
func appendGRUB(v variables) ([]byte, error) {
	b := []byte(grubMagic)
	for _, name := range slices.Sorted(maps.Keys(v)) {
		b = append(b, name+"="+grubEscape.Replace(v[name])+"\n"...)
	}
	if len(b) > grubSize {
		return nil, fmt.Errorf("the environment has %d octets, and there is room for %d", len(b), grubSize)
	}
	return append(b, strings.Repeat("#", grubSize-len(b))...), nil
}

func (grub) load(root string) (variables, error) {
	b, err := os.ReadFile(filepath.Join(root, grubEnv))
	if err != nil {
		return nil, err
	}
	v, err := parseGRUB(b)
	if err != nil {
		err = fmt.Errorf("/%s: %w", grubEnv, err)
	}
	return v, err
}

// save replaces the file: /boot has a journal, unlike a partition for UEFI.
func (grub) save(d disk, root string, v variables) error {
	b, err := appendGRUB(v)
	if err != nil {
		return err
	}
	path := filepath.Join(root, grubEnv)
	next := path + ".new"
	return steps(
		func() error { return d.Write(next, b) },
		func() error { return d.Sync(next) },
		func() error { return d.Rename(next, path) },
		func() error { return d.Sync(filepath.Dir(path)) },
	)
}
