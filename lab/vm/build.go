package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"holdfast/image"
	"holdfast/image/build"
	"holdfast/image/signature"
	"holdfast/lab"
)

// Image is what a build leaves, for tests.
type Image struct {
	Disk, Bundle, UKI    string // paths
	Kernel, Initrd, Line string // paths, and the command line, to boot it without firmware
}

var images struct {
	sync.Mutex
	key  signature.Private
	made map[string]*Image
}

// recipe is what an image is made of.
type recipe struct {
	arch, version string
	more          string // for the kernel's command line
	faults        []Fault
	signer        build.SecureBoot
}

// Build makes an image of a version, once for all tests of a process. All are
// signed by one key, which all know. More goes onto the kernel's command line, and
// faults into our programs.
func Build(l *lab.Lab, arch, version, more string, faults ...Fault) *Image {
	l.Helper()
	return recipe{arch: arch, version: version, more: more, faults: faults}.build(l)
}

// BuildSigned is Build for amd64, of what firmware starts with Secure Boot, if it
// knows who has signed it.
func BuildSigned(l *lab.Lab, version string, by build.SecureBoot) *Image {
	l.Helper()
	return recipe{arch: "amd64", version: version, signer: by}.build(l)
}

func (r recipe) build(l *lab.Lab) *Image {
	l.Helper()
	images.Lock()
	defer images.Unlock()
	id := fmt.Sprint(r)
	if i := images.made[id]; i != nil {
		return i
	}
	makeRoot(l) // the folder, and the key for root
	i, err := r.image()
	if err != nil {
		l.Fatalf("vm: image %s: %v", id, err)
	}
	if images.made == nil {
		images.made = map[string]*Image{}
	}
	images.made[id] = i
	return i
}

// SigningKey is the one that signs all images: for bundles of the same parts.
func SigningKey() signature.Private {
	images.Lock()
	defer images.Unlock()
	return images.key
}

// slow gives an emulator on a loaded host more time than a box needs until the
// daemon feeds the hardware, and keeps the kernel from a panic over a timer that
// does not tick in time.
const slow = "holdfast.watchdog=240 no_timer_check " + ticks

func (r recipe) image() (*Image, error) {
	dir := filepath.Join(made.dir, fmt.Sprintf("%s-%s-%d", r.arch, r.version, len(images.made)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	changed, err := overlay(dir, r.faults)
	if err != nil {
		return nil, err
	}
	program, early := filepath.Join(dir, "holdfast"), filepath.Join(dir, "initrd")
	for out, of := range map[string]string{program: "holdfast/cmd/holdfast", early: "holdfast/cmd/initrd"} {
		c := exec.Command("go", "build", "-trimpath", "-overlay", changed, "-tags", "nethttpomithttp2", "-ldflags", "-s -w -X main.version="+r.version, "-o", out, of)
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+r.arch)
		if text, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w: %s", of, err, text)
		}
	}
	if len(images.made) == 0 {
		if images.key, err = signature.Generate(); err != nil {
			return nil, err
		}
	}
	p, err := build.Make(context.Background(), build.Options{Arch: r.arch, Version: r.version, Cache: filepath.Join(cache, r.arch), Program: program, Early: early, SecureBoot: r.signer,
		Append: strings.TrimSpace(slow + " " + r.more), Fast: true, With: trusted(), Epoch: 1_700_000_000, Keys: map[string]string{"lab": images.key.Public().String()}})
	if err != nil {
		return nil, err
	}
	return keep(p, dir)
}

// keep writes the parts into a folder.
func keep(p *build.Parts, dir string) (*Image, error) {
	i := &Image{Disk: filepath.Join(dir, "disk"), Bundle: filepath.Join(dir, "bundle"), UKI: filepath.Join(dir, "uki"), Kernel: filepath.Join(dir, "vmlinuz"), Initrd: filepath.Join(dir, "initrd.cpio"), Line: p.Line}
	var b bytes.Buffer
	if _, err := image.Make(&b, image.Release{Compatible: "holdfast-" + p.Arch, Arch: p.Arch},
		[]image.Content{{Name: image.RootPart, Data: p.Root}, {Name: image.KernelPart, Data: p.UKI}}, []signature.Private{images.key}); err != nil {
		return nil, err
	}
	for path, data := range map[string][]byte{i.Bundle: b.Bytes(), i.UKI: p.UKI, i.Kernel: p.Kernel, i.Initrd: p.Initrd} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return nil, err
		}
	}
	return i, p.Disk(context.Background(), i.Disk)
}
