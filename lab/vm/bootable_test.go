//go:build images

package vm_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/image/uki"
	"holdfast/image/verity"
)

// Where the slots are on a disk, in octets.
const (
	slotA    = 257 << 20
	slotSize = 128 << 20
)

// bootable looks at the disk as the power has left it: whatever a loader takes
// for a program is a whole one, and its whole root is in a slot; and firmware has
// one by itself.
func (c *cuts) bootable() {
	c.t.Helper()
	dir := filepath.Join(c.Dir, "esp")
	os.RemoveAll(dir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	c.mtools("mcopy", "-n", "::/EFI/Linux/*", "::/EFI/BOOT/BOOTX64.EFI", dir)
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		c.t.Fatal(err)
	}
	rescue := false
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			c.t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("MZ")) {
			continue // nobody takes it for a program
		}
		if why := c.rootOf(data); why != "" {
			c.t.Errorf("%s could be booted: %s", filepath.Base(f), why)
		} else if strings.HasPrefix(filepath.Base(f), "BOOT") {
			rescue = true
		}
	}
	if !rescue {
		c.t.Errorf("firmware finds nothing by itself: %v", files)
	}
}

// rootOf is why a kernel image does not come up from this disk; "": it does.
func (c *cuts) rootOf(program []byte) string {
	parts, err := uki.Sections(program)
	if err != nil {
		return err.Error()
	}
	i := slices.IndexFunc(parts, func(s uki.Section) bool { return s.Name == ".cmdline" })
	if i < 0 {
		return "it has no command line"
	}
	_, text, _ := strings.Cut(strings.TrimRight(string(parts[i].Data), "\x00"), "holdfast.root=")
	text, _, _ = strings.Cut(text, " ")
	root, err := verity.Parse(text)
	if err != nil {
		return err.Error()
	}
	disk, err := os.Open(c.Disks[0])
	if err != nil {
		return err.Error()
	}
	defer disk.Close()
	for _, at := range []int64{slotA, slotA + slotSize} {
		if slot := io.NewSectionReader(disk, at, slotSize); root.Holds(slot) && root.Check(slot) == nil {
			return ""
		}
	}
	return "no slot has its root"
}
