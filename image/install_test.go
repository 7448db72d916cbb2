package image_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/image"
	"holdfast/image/imagetest"
	"holdfast/image/signature"
	"holdfast/image/slot"
	"holdfast/lab/golden"
)

// slotSize is that of the slots of tests, in octets.
const slotSize = 4 << 20

// box is a disk of two files, whose first runs version 1.2, and its boot loader.
type box struct {
	*testing.T
	*image.Installer
	boot *imagetest.Boot
	dir  string
	told []image.Progress
}

// newBox has in its other slot a root of version 1.1, with which it can start too.
func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{T: t, dir: t.TempDir()}
	b.boot = &imagetest.Boot{Dir: b.dir, Running: "1.2", Primary: "1.2"}
	for name, version := range map[string]string{"a": "1.2", "b": "1.1"} {
		r, root := imagetest.Root(t, version, imagetest.Blocks)
		if err := os.WriteFile(b.path(name), root, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(b.path(name), slotSize); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.path(version+".efi"), imagetest.Kernel(t, version, r), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.Installer = installer(b.dir, b.boot)
	b.Tell = func(p image.Progress) { b.told = append(b.told, p) }
	return b
}

func installer(dir string, boot image.Boot) *image.Installer {
	return &image.Installer{
		Release: image.Release{Compatible: "holdfast-amd64", Version: "1.2", Arch: "amd64", MinVersion: "1.0"},
		Keys:    []signature.Key{ours.Public()}, Slot: slot.Slot{Name: "rootfs.1", Partition: slot.Partition{Device: filepath.Join(dir, "b")}}, Boot: boot, Tries: 3,
		Tell: func(image.Progress) {},
	}
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

func (b *box) read(name string) []byte {
	b.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// state is "untouched", or what is in the slot and what can be booted.
func (b *box) state() string {
	b.Helper()
	_, running := imagetest.Root(b, "1.2", imagetest.Blocks)
	if got := b.read("a"); !bytes.Equal(got[:len(running)], running) {
		b.Error("the slot that runs was written to")
	}
	in := "nothing"
	for _, version := range []string{"1.1", "1.3"} {
		r, _ := imagetest.Root(b, version, imagetest.Blocks)
		if dev := bytes.NewReader(b.read("b")); r.Holds(dev) {
			in = version
			if err := r.Check(dev); err != nil {
				b.Errorf("the slot holds %s, and not the whole of it: %v", version, err)
			}
		}
	}
	all, _, _ := b.boot.Versions()
	return in + " in the slot; bootable: " + strings.Join(all, " ")
}

const (
	untouched = "1.1 in the slot; bootable: 1.1 1.2"
	erased    = "nothing in the slot; bootable: 1.2"
	installed = "1.3 in the slot; bootable: 1.2 1.3"
)

// pipe hides that a reader could be read again.
type pipe struct{ io.Reader }

func TestInstall(t *testing.T) {
	bundle := imagetest.Bundle(t, "1.3", ours)
	for name, from := range map[string]io.Reader{"a file": bytes.NewReader(bundle), "a pipe": pipe{bytes.NewReader(bundle)}} {
		b := newBox(t)
		m, err := b.Install(t.Context(), from)
		if err != nil || m.Version != "1.3" || b.state() != installed {
			t.Fatalf("%s: %v, %s", name, err, b.state())
		}
		if got := b.read("1.3.efi"); !bytes.Equal(got, imagetest.Parts(t, "1.3")[1].Data) {
			t.Errorf("%s: another kernel is in place", name)
		}
		var steps []string
		for _, p := range b.told {
			if len(steps) == 0 || steps[len(steps)-1] != string(p.Step) {
				steps = append(steps, string(p.Step))
			}
		}
		if got := strings.Join(steps, ", "); got != "verify, erase, write, read back, kernel, done" {
			t.Error(got)
		}
	}
}

// TestAgain: what a run before has written is not written again, and what it has
// begun is done anew.
func TestAgain(t *testing.T) {
	b := newBox(t)
	bundle := imagetest.Bundle(t, "1.3", ours)
	b.boot.Err = syscall.ENOSPC
	_, err := b.Install(t.Context(), bytes.NewReader(bundle))
	if err == nil || err.Error() != "kernel: no space left on device: remove what is not Holdfast's from the partition that the box boots from" || b.state() != "1.3 in the slot; bootable: 1.2" {
		t.Fatal(err, b.state())
	}
	b.boot.Err, b.told = nil, nil
	if _, err := b.Install(t.Context(), bytes.NewReader(bundle)); err != nil || b.state() != installed {
		t.Fatal(err, b.state())
	}
	for _, p := range b.told {
		if p.Written > 0 {
			t.Error("it is written again", p)
		}
	}
	b.boot.Primary = "1.3" // which was not booted yet
	if _, err := b.Install(t.Context(), bytes.NewReader(bundle)); err != nil || b.state() != installed {
		t.Error(err, b.state())
	}
}

// TestRefusals: each section of the golden is a box or a bundle that something is
// wrong with, what is said of it, and what has become of the slot.
func TestRefusals(t *testing.T) {
	whole := imagetest.Bundle(t, "1.3", ours)
	make := func(m image.Release, version string) []byte {
		var b bytes.Buffer
		if _, err := image.Make(&b, m, imagetest.Parts(t, version), []signature.Private{ours}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	flip := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	type change func(b *box) []byte
	is := func(bundle []byte) change { return func(*box) []byte { return bundle } }
	cases := map[string]change{
		"another board":             is(make(image.Release{Compatible: "holdfast-rock5", Arch: "amd64"}, "1.3")),
		"another processor":         is(make(image.Release{Compatible: "holdfast-amd64", Arch: "arm64"}, "1.3")),
		"an older version":          is(imagetest.Bundle(t, "1.1.9", ours)),
		"below the floor":           is(imagetest.Bundle(t, "0.9", ours)),
		"below the floor, on order": func(b *box) []byte { b.Downgrade = true; return imagetest.Bundle(t, "0.9", ours) },
		"the version that runs":     is(imagetest.Bundle(t, "1.2", ours)),
		"unsigned":                  is(imagetest.Bundle(t, "1.3")),
		"signed by another":         is(imagetest.Bundle(t, "1.3", theirs)),
		"a bit of the manifest":     is(flip(700)),
		"a bit of the root":         is(flip(100000)),
		"a bit of the kernel":       is(flip(len(whole) - 3000)),
		"truncated":                 is(whole[:len(whole)-100000]),
		"no bundle":                 is([]byte("a text\n")),
		"a small slot":              func(b *box) []byte { b.Slot.Device = b.path("1.1.efi"); return whole },
		"no slot":                   func(b *box) []byte { b.Slot.Device = b.path("none"); return whole },
		"on trial":                  func(b *box) []byte { b.boot.Trial = true; return whole },
		"the other is primary":      func(b *box) []byte { b.boot.Primary = "1.1"; return whole },
		"no kernel for this box":    func(b *box) []byte { b.boot.Refuse = errors.New("its kernel image is not signed"); return whole },
		"in use": func(b *box) []byte {
			d, err := slot.Open(b.path("b"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { d.Close() })
			return whole
		},
	}
	golden.Sections(t, "testdata/refusals.txtar", func(t *testing.T, name, _ string) (said string) {
		c := cases[name]
		delete(cases, name)
		for _, kind := range []string{"file", "pipe"} {
			said += kind + ": " + refusal(t, c, kind == "pipe")
		}
		return said
	})
	for name := range cases {
		t.Errorf("%s: the golden has no such section", name)
	}
}

// refusal is what a box says to a bundle, and what has become of the slot.
func refusal(t *testing.T, c func(b *box) []byte, once bool) string {
	b := newBox(t)
	var from io.Reader = bytes.NewReader(c(b))
	if once {
		from = pipe{from}
	}
	_, err := b.Install(t.Context(), from)
	if err == nil {
		t.Fatal("it is not refused")
	}
	if last := b.told[len(b.told)-1]; last.Error != err.Error() || last.Step == image.Done {
		t.Errorf("told was %v", last)
	}
	said := strings.NewReplacer(b.dir, "DIR", ours.Public().ID(), "OURS").Replace(err.Error())
	state := map[string]string{untouched: "untouched", erased: "erased"}[b.state()]
	return said + "\n      " + cmp.Or(state, "the root is there, and nothing starts it") + "\n"
}

// TestDowngrade: an older version goes in if somebody asks for it.
func TestDowngrade(t *testing.T) {
	b := newBox(t)
	b.Downgrade = true
	if _, err := b.Install(t.Context(), bytes.NewReader(imagetest.Bundle(t, "1.1.9", ours))); err != nil {
		t.Error(err)
	}
}

// TestStopped: a context that ends stops the work, and the slot holds nothing.
func TestStopped(t *testing.T) {
	b := newBox(t)
	ctx, stop := context.WithCancel(t.Context())
	b.Tell = func(p image.Progress) {
		if p.Written > 0 {
			stop()
		}
	}
	if _, err := b.Install(ctx, bytes.NewReader(imagetest.Bundle(t, "1.3", ours))); !errors.Is(err, context.Canceled) || b.state() != erased {
		t.Error(err, b.state())
	}
}

// TestBrokenDisk: what the disk has made of the root is read, and refused.
func TestBrokenDisk(t *testing.T) {
	b := newBox(t)
	b.Tell = func(p image.Progress) {
		if p.Step != image.ReadBack || p.Error != "" {
			return
		}
		f, err := os.OpenFile(b.path("b"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("a defect"), 123456); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Install(t.Context(), bytes.NewReader(imagetest.Bundle(t, "1.3", ours)))
	if err == nil || !strings.HasPrefix(err.Error(), "read back: "+b.path("b")+" is not what was written to it: the disk is broken: ") || b.state() != erased {
		t.Error(err, b.state())
	}
}

func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "update")
	if p, err := image.Recorded(dir); err != nil || p != (image.Progress{}) {
		t.Error(p, err)
	}
	want := image.Progress{Version: "1.3", Slot: "rootfs.1", Step: image.Write, Written: 1 << 20, Total: 2 << 20, Error: "write: why"}
	if err := image.Record(dir, want); err != nil {
		t.Fatal(err)
	}
	if p, err := image.Recorded(dir); err != nil || p != want {
		t.Error(p, err)
	}
}

func TestRelease(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	r, err := image.ReadRelease(write("good", `{"compatible": "holdfast-amd64", "version": "1.2", "arch": "amd64", "more": 1}`))
	if err != nil || r.Version != "1.2" || r.MinVersion != "" {
		t.Error(r, err)
	}
	for _, text := range []string{"", "{}", `{"compatible": "x", "version": "v1", "arch": "amd64"}`} {
		if _, err := image.ReadRelease(write("bad", text)); err == nil {
			t.Errorf("%q is a release", text)
		}
	}
	if _, err := image.ReadKeys(dir); err == nil {
		t.Error("no keys are enough")
	}
	write("old.pub", "# until May\n"+ours.Public().String()+"\n")
	write("new.pub", theirs.Public().String())
	if keys, err := image.ReadKeys(dir); err != nil || len(keys) != 2 {
		t.Error(keys, err)
	}
	write("bad.pub", "x")
	if _, err := image.ReadKeys(dir); err == nil || !strings.Contains(err.Error(), "bad.pub: want an ed25519 public key") {
		t.Error(err)
	}
}
