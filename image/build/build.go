// Package build makes the image of a box, and the parts that an update brings:
// without root, loop devices or emulation, and the same octets from the same
// input.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"holdfast/image/rootfs"
	"holdfast/image/uki"
	"holdfast/image/verity"
)

// Options is what an image is made of.
type Options struct {
	Arch       string            // amd64 or arm64
	Version    string            // of the image: what boot loaders sort by
	Cache      string            // for packages
	Program    string            // our static program for Arch
	Early      string            // the first program (cmd/initrd) for Arch
	MinVersion string            // the oldest version that boxes with this one take; "": any
	Keys       map[string]string // public keys of those who may sign bundles, by a name
	Append     string            // for the kernel's command line
	With       fs.FS             // files that are laid over the root; nil: none
	Fast       bool              // the root is compressed less: for tests
	SecureBoot SecureBoot        // who signs what firmware starts
	Epoch      int64             // the one time that is in the image, in seconds since 1970 (SOURCE_DATE_EPOCH)
}

// SecureBoot is files in PEM with a key, and a certificate that the firmware of the
// boxes knows: it starts nothing else, if that is turned on. Without them nothing is
// signed. Signatures have a time in them: no two images are equal.
type SecureBoot struct{ Key, Certificate string }

// sign signs a program for the firmware.
func (s SecureBoot) sign(ctx context.Context, program []byte) ([]byte, error) {
	if s.Key == "" {
		return program, nil
	}
	dir, err := os.MkdirTemp("", "holdfast-sign-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, program, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "sbsign", "--key", s.Key, "--cert", s.Certificate, "--output", to, from).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("sbsign: %w: %s", err, bytes.TrimSpace(out))
	}
	if program, err = os.ReadFile(to); err != nil {
		return nil, err
	}
	return program, uki.Seal(program)
}

// firmware is what differs between architectures.
type firmware struct {
	stub, boot string // in Debian's packages
	fallback   string // what firmware starts by itself
	loader     string // the name of systemd-boot
	console    string
	filter     string // of xz, for programs
	rootType   string // GUID of a root partition (UAPI group, Discoverable Partitions)
}

var firmwares = map[string]firmware{
	"amd64": {"usr/lib/systemd/boot/efi/linuxx64.efi.stub", "usr/lib/systemd/boot/efi/systemd-bootx64.efi", "BOOTX64.EFI", "systemd-bootx64.efi",
		"ttyS0,115200", "x86", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"},
	"arm64": {"usr/lib/systemd/boot/efi/linuxaa64.efi.stub", "usr/lib/systemd/boot/efi/systemd-bootaa64.efi", "BOOTAA64.EFI", "systemd-bootaa64.efi",
		"ttyAMA0,115200", "arm", "B921B045-1DF0-41C3-AF44-4C6F280D3FAE"},
}

// Parts are what an update brings, and what a disk is made of.
type Parts struct {
	Options
	Root   []byte // the squashfs with its hashes
	Verity verity.Root
	UKI    []byte
	Kernel []byte // for an emulator that boots it directly
	Initrd []byte
	Line   string
	boot   []byte // systemd-boot
	firmware
	Packages []string        // what it is made of, NAME_VERSION_ARCH
	Modules  []*debug.Module // of our program
}

// Make makes the parts.
func Make(ctx context.Context, o Options) (*Parts, error) {
	f, ok := firmwares[o.Arch]
	if !ok {
		return nil, fmt.Errorf("want amd64 or arm64, got %q", o.Arch)
	}
	r, err := rootfs.Build(ctx, rootfs.Options{Arch: o.Arch, Cache: o.Cache, Program: o.Program, Version: o.Version, MinVersion: o.MinVersion, Keys: o.Keys, With: o.With, Disk: true})
	if err != nil {
		return nil, err
	}
	p := &Parts{Options: o, firmware: f, Kernel: r.Kernel, Packages: r.Packages}
	if info, err := buildinfo.ReadFile(o.Program); err == nil {
		p.Modules = info.Deps
	}
	if p.Root, p.Verity, err = p.squash(ctx, r); err != nil {
		return nil, err
	}
	if p.Initrd, err = p.initrd(ctx, r); err != nil {
		return nil, err
	}
	for _, name := range []string{f.boot, f.stub} {
		if r.All[name] == nil {
			return nil, fmt.Errorf("no package has %s", name)
		}
	}
	p.boot, p.Line = r.All[f.boot].Data, p.line()
	p.UKI, err = uki.Add(r.All[f.stub].Data, uki.Section{Name: ".osrel", Data: r.Tree["etc/os-release"].Data}, uki.Section{Name: ".cmdline", Data: []byte(p.Line)},
		uki.Section{Name: ".initrd", Data: p.Initrd}, uki.Section{Name: ".linux", Data: p.Kernel})
	if err != nil {
		return nil, err
	}
	if p.boot, err = o.SecureBoot.sign(ctx, p.boot); err != nil {
		return nil, err
	}
	p.UKI, err = o.SecureBoot.sign(ctx, p.UKI)
	return p, err
}

// line is the kernel's command line. With "gpt" the kernel takes the partition
// table at the disk's end if a power cut has spoilt the first one.
func (p *Parts) line() string {
	l := fmt.Sprintf("holdfast.root=%s holdfast.watchdog=60 console=tty0 console=%s gpt panic=5 oops=panic quiet ro", p.Verity, p.console)
	return strings.TrimSpace(l + " " + p.Append)
}

// squash makes the root, with the hashes behind it.
func (p *Parts) squash(ctx context.Context, r *rootfs.Root) ([]byte, verity.Root, error) {
	dir, err := os.MkdirTemp("", "holdfast-image-")
	if err != nil {
		return nil, verity.Root{}, err
	}
	defer os.RemoveAll(dir)
	from, file, modes := filepath.Join(dir, "from"), filepath.Join(dir, "root"), filepath.Join(dir, "modes")
	if err := r.Unpack(from); err != nil {
		return nil, verity.Root{}, err
	}
	// Whoever builds may not be root, and his file system may know no owners.
	if err := os.WriteFile(modes, []byte(r.Modes()), 0o600); err != nil {
		return nil, verity.Root{}, err
	}
	how := []string{"-comp", "xz", "-Xbcj", p.filter, "-b", "1M"}
	if p.Fast {
		how = []string{"-comp", "gzip", "-Xcompression-level", "1"}
	}
	epoch := strconv.FormatInt(p.Epoch, 10)
	c := exec.CommandContext(ctx, "mksquashfs", append([]string{from, file}, append(how, "-mkfs-time", epoch, "-all-time", epoch, "-all-root", "-pf", modes, "-root-mode", "755", "-noappend", "-no-xattrs", "-no-progress", "-quiet")...)...)
	c.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "SOURCE_DATE_EPOCH=") }) // it would only be an upper bound
	if out, err := c.CombinedOutput(); err != nil {
		return nil, verity.Root{}, fmt.Errorf("mksquashfs: %w: %s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, verity.Root{}, err
	}
	data = append(data, make([]byte, (verity.Block-len(data)%verity.Block)%verity.Block)...)
	root, hashes, err := verity.Hash(bytes.NewReader(data), sha256.Sum256([]byte(p.Version)))
	return append(data, hashes...), root, err
}
