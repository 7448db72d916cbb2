package slot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/image/verity"
)

// image is a root with its hashes.
func image(t *testing.T, seed byte, blocks int) (verity.Root, []byte) {
	t.Helper()
	data := make([]byte, blocks*verity.Block)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	r, tree, err := verity.Hash(bytes.NewReader(data), sha256.Sum256([]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	return r, append(data, tree...)
}

// file is a device that is a file, with old content.
func file(t *testing.T, size int, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "slot")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, int64(size)); err != nil {
		t.Fatal(err)
	}
	return name
}

// loop is a device that the kernel makes of a file.
func loop(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("losetup", "-f", "--show", name).Output()
	if err != nil {
		t.Skip("no loop device: ", err)
	}
	dev := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "-d", dev).Run() })
	return dev
}

func open(t *testing.T, name string) *Device {
	t.Helper()
	d, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// TestWrite: on a file and on a block device, a slot holds the old root until it
// is erased, then none, and the new one when all of it is there.
func TestWrite(t *testing.T) {
	before, old := image(t, 1, 700)
	next, img := image(t, 2, 300)
	backing := file(t, 4<<20, old)
	for _, dev := range []string{file(t, 4<<20, old), loop(t, backing)} {
		d := open(t, dev)
		if d.Size() != 4<<20 || !before.Holds(d) {
			t.Fatal(d.Size())
		}
		if err := d.Erase(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if before.Holds(d) || next.Holds(d) {
			t.Error("what is erased holds a root")
		}
		told := int64(0)
		kept, err := d.Write(t.Context(), next, bytes.NewReader(img), func(n int64) { told = n })
		if err != nil || told != next.Size() {
			t.Fatal(err, told)
		}
		if before.Holds(d) || next.Holds(d) || next.Check(d) == nil {
			t.Error("what is not finished holds a root")
		}
		if err := d.Check(next, kept); err != nil {
			t.Fatal(err)
		}
		if err := d.Finish(next, kept); err != nil {
			t.Fatal(err)
		}
		if err := next.Check(d); err != nil || !next.Holds(d) {
			t.Error(err)
		}
		if err := d.Erase(t.Context(), before); err != nil || next.Holds(d) {
			t.Error("the root that was written can't be erased", err)
		}
	}
}

// TestReadBack: what the disk has made of it is seen, and not what is in memory.
func TestReadBack(t *testing.T) {
	r, img := image(t, 2, 300)
	backing := file(t, 4<<20, nil)
	d := open(t, loop(t, backing))
	kept, err := d.Write(t.Context(), r, bytes.NewReader(img), func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(r, kept); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(backing, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{img[123456] ^ 1}, 123456); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(r, kept); err == nil {
		t.Error("a bit that the disk has turned is not seen")
	}
}

func TestInUse(t *testing.T) {
	name := file(t, 4<<20, nil)
	open(t, name)
	if _, err := Open(name); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	dev := loop(t, file(t, 4<<20, nil))
	if out, err := exec.Command("mkfs.ext4", "-q", dev).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	at := t.TempDir()
	if out, err := exec.Command("mount", dev, at).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	defer exec.Command("umount", at).Run()
	if _, err := Open(dev); !errors.Is(err, ErrInUse) || err.Error() != dev+": it is in use: unmount it" {
		t.Error(err)
	}
}

func TestWriteErrors(t *testing.T) {
	r, img := image(t, 2, 300)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx  context.Context
		size int
		from []byte
		want string
	}{
		"too big":  {t.Context(), len(img) - 1, img, fmt.Sprintf("want at most %d octets, as many as the slot has, got %d", len(img)-1, len(img))},
		"short":    {t.Context(), 4 << 20, img[:len(img)-1], "unexpected EOF"},
		"too much": {t.Context(), 4 << 20, append(img[:len(img):len(img)], 0), fmt.Sprintf("want %d octets, as the root has, got 1 more", len(img))},
		"stopped":  {stopped, 4 << 20, img, "context canceled"},
	} {
		d := open(t, file(t, c.size, nil))
		if _, err := d.Write(c.ctx, r, bytes.NewReader(c.from), func(int64) {}); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Erase(c.ctx, r); (err != nil) != (c.ctx == stopped) || r.Holds(d) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
