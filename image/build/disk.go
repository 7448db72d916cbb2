package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/image/slot"
)

// Sizes in MiB. The data partition is what is left; it grows at the first boot.
const (
	espSize  = 256
	slotSize = 128
	dataSize = 64
	first    = 1 // where the first partition begins
)

// DiskSize is the size of an image, in octets.
const DiskSize = (first + espSize + 2*slotSize + dataSize + 1) << 20

// GUIDs of partitions' types.
const (
	typeESP  = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	typeData = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
)

// Disk writes the image of a whole disk: ESP, two slots, of which the first has
// the root, and room for data.
func (p *Parts) Disk(ctx context.Context, path string) error {
	if len(p.Root) > slotSize<<20 {
		return fmt.Errorf("the root has %d MiB, and a slot %d", len(p.Root)>>20, slotSize)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, DiskSize); err != nil {
		return err
	}
	if err := p.partition(ctx, path); err != nil {
		return err
	}
	esp, err := p.esp(ctx)
	if err != nil {
		return err
	}
	defer os.Remove(esp)
	if err := splice(path, esp, first<<20); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(p.Root, (first+espSize)<<20); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// id is a GUID made of what it is for.
func (p *Parts) id(what string) string {
	h := sha256.Sum256([]byte(p.Arch + " " + p.Version + " " + what))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

func (p *Parts) partition(ctx context.Context, path string) error {
	var script strings.Builder
	fmt.Fprintf(&script, "label: gpt\nlabel-id: %s\nunit: sectors\nfirst-lba: 2048\n", p.id("disk"))
	at := first
	for _, row := range []struct {
		name, kind string
		size       int
	}{{slot.ESP, typeESP, espSize}, {slot.Label + "a", p.rootType, slotSize}, {slot.Label + "b", p.rootType, slotSize}, {slot.Data, typeData, dataSize}} {
		fmt.Fprintf(&script, "start=%d, size=%d, type=%s, uuid=%s, name=%s\n", at<<11, row.size<<11, row.kind, p.id(row.name), row.name)
		at += row.size
	}
	c := exec.CommandContext(ctx, "/sbin/sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", path)
	c.Stdin = strings.NewReader(script.String())
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("sfdisk: %w: %s", err, out)
	}
	return nil
}

// loaderConf has systemd-boot ask nobody.
const loaderConf = "timeout 0\neditor no\nauto-entries no\n"

// esp makes the file system that firmware reads. What firmware starts by itself
// is the version that was last found good, and not a boot loader: a file that
// can't be loaded ends a boot loader's work, and some firmware then waits for a
// key.
func (p *Parts) esp(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "holdfast-esp-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	image := dir + ".fat"
	if err := os.WriteFile(image, nil, 0o644); err != nil {
		return "", err
	}
	if err := os.Truncate(image, espSize<<20); err != nil {
		return "", err
	}
	e := esp{ctx, image, append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", p.Epoch), "MTOOLS_SKIP_CHECK=1", "TZ=UTC"), dir}
	serial := sha256.Sum256([]byte(p.id("esp")))
	if err := e.run("/sbin/mkfs.vfat", "-F", "32", "-n", "HF-ESP", "-i", fmt.Sprintf("%x", serial[:4]), "--invariant", image); err != nil {
		return image, err
	}
	for _, folder := range []string{"EFI", "EFI/BOOT", "EFI/Linux", "EFI/systemd", "loader", "holdfast", "holdfast/drop"} {
		if err := e.run("mmd", "-i", image, "::/"+folder); err != nil {
			return image, err
		}
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"EFI/BOOT/" + p.fallback, p.UKI}, {"EFI/systemd/" + p.loader, p.boot}, {"EFI/Linux/holdfast_" + p.Version + ".efi", p.UKI}, {"loader/loader.conf", []byte(loaderConf)}} {
		if err := e.put(f.name, f.data, p.Epoch); err != nil {
			return image, err
		}
	}
	return image, nil
}

type esp struct {
	ctx   context.Context
	image string
	env   []string
	dir   string
}

func (e esp) run(argv ...string) error {
	c := exec.CommandContext(e.ctx, argv[0], argv[1:]...)
	c.Env = e.env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, bytes.TrimSpace(out))
	}
	return nil
}

func (e esp) put(name string, data []byte, epoch int64) error {
	from := filepath.Join(e.dir, "file")
	if err := os.WriteFile(from, data, 0o644); err != nil {
		return err
	}
	return e.run("mcopy", "-i", e.image, from, "::/"+name)
}

// splice copies a file into another, at an offset; what is empty stays a hole.
func splice(to, from string, at int64) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	const block = 1 << 16
	empty := make([]byte, block)
	for i := 0; i < len(data); i += block {
		b := data[i:min(i+block, len(data))]
		if bytes.Equal(b, empty[:len(b)]) {
			continue
		}
		if _, err := f.WriteAt(b, at+int64(i)); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
