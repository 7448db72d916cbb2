package boot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEnroll: an entry is written when it is absent, and looks to others as it
// should. What is so already is not written again.
func TestEnroll(t *testing.T) {
	b := newBox(t, "1.0.0")
	b.write(efivars+"/Boot0000-"+global, append([]byte{7, 0, 0, 0}, loadOption{Attributes: 1, Description: "UEFI Shell", Path: []byte{0x7f, 0xff, 4, 0}}.append(nil)...))
	b.write(efivars+"/BootOrder-"+global, []byte{7, 0, 0, 0, 0, 0, 9, 0})
	want(t, b.Enroll(), "")
	const line = `Boot0001* Holdfast	HD(2,GPT,11223344-5566-7788-99aa-bbccddeeff00,0x68,0xc8)/File(\EFI\systemd\systemd-bootx64.efi)`
	out := strings.ReplaceAll(efibootmgr(t, b), "systemd-boot"+architecture, "systemd-bootx64")
	if !strings.Contains(out, line) || !strings.Contains(out, "BootOrder: 0001,0000,0009") {
		t.Error(out)
	}
	b.disk = counting{t}
	want(t, b.Enroll(), "")
}

// TestEnrollAgain: the firmware has put another entry first, and ours is of
// another disk.
func TestEnrollAgain(t *testing.T) {
	b := newBox(t, "1.0.0")
	stale := loadOption{Attributes: 1, Description: description, Path: loaderPath(partition{Number: 1}, `\EFI\systemd\x.efi`)}
	b.write(efivars+"/Boot0003-"+global, append([]byte{7, 0, 0, 0}, stale.append(nil)...))
	b.write(efivars+"/BootOrder-"+global, []byte{7, 0, 0, 0, 1, 0, 3, 0, 2, 0})
	want(t, b.Enroll(), "")
	order, _ := b.variable("BootOrder", global)
	value, _ := b.variable("Boot0003", global)
	if !bytes.Equal(order, []byte{3, 0, 1, 0, 2, 0}) || !bytes.Contains(value, []byte{0x44, 0x33, 0x22, 0x11}) {
		t.Errorf("%x %x", order, value)
	}
	if files, _ := filepath.Glob(b.path(efivars + "/Boot*")); len(files) != 2 {
		t.Error(files)
	}
}

// TestEnrollFails: its error says what the box does then.
func TestEnrollFails(t *testing.T) {
	for what, broken := range map[string]func(b *box){
		"permission denied":             func(b *box) { b.disk = deaf{quick{}, errPermission} },
		"has not kept":                  func(b *box) { b.disk = deaf{quick{}, nil} },
		"is on no block device":         func(b *box) { os.RemoveAll(b.path("sys/dev/block")) },
		"is on no partition":            func(b *box) { os.Remove(b.path("sys/devices/pci/vda/vda2/partition")) },
		"there is no GPT":               func(b *box) { b.write("dev/vda", make([]byte, 1<<16)) },
		"is not in use":                 func(b *box) { b.write("sys/devices/pci/vda/vda2/partition", []byte("3\n")) },
		"systemd-boot" + architecture:   func(b *box) { os.RemoveAll(b.path(esp + "/EFI/systemd")) },
		"want attributes, got 1 octets": func(b *box) { b.write(efivars+"/BootOrder-"+global, []byte{7}) },
	} {
		b := newBox(t, "1.0.0")
		broken(b)
		err := b.Enroll()
		want(t, err, what)
		want(t, err, "it goes on to start the version that was last marked good, and would not try another")
	}
}

var errPermission = errors.New("write: permission denied")

// deaf is firmware that does not keep variables, and says so or not.
type deaf struct {
	quick
	err error
}

func (v deaf) SetVariable(string, []byte) error { return v.err }

// counting is firmware that must not be written to.
type counting struct{ *testing.T }

func (c counting) SetVariable(path string, _ []byte) error {
	c.Errorf("%s is written", path)
	return nil
}
func (counting) Write(string, []byte) error        { return nil }
func (counting) Patch(string, int64, []byte) error { return nil }
func (counting) Sync(string) error                 { return nil }
func (counting) Rename(_, _ string) error          { return nil }
func (counting) Exchange(_, _ string) error        { return nil }
func (counting) Remove(string) error               { return nil }
func (counting) Free(string) (uint64, error)       { return 0, nil }

// efibootmgr is how another program reads the firmware's entries.
func efibootmgr(t *testing.T, b *box) string {
	t.Helper()
	c := exec.Command("efibootmgr", "-v")
	c.Env = append(os.Environ(), "EFIVARFS_PATH="+b.path(efivars)+"/")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("efibootmgr: %v: %s", err, out)
	}
	return string(out)
}

// TestLoadOption has one octet by octet.
func TestLoadOption(t *testing.T) {
	raw, err := hex.DecodeString("01000000" + "0e00" + "48006900" + "0000" + // active, 14 octets, "Hi"
		"04040a00" + "5c0078000000" + "7fff0400" + // \x; the end
		"cafe") // for what is started
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseLoadOption(raw)
	if err != nil || o.Description != "Hi" || o.Attributes != active || !bytes.Equal(o.Data, []byte{0xca, 0xfe}) || fromUTF16(o.Path[4:]) != `\x` {
		t.Errorf("%+v %v", o, err)
	}
	if again := o.append(nil); !bytes.Equal(again, raw) {
		t.Errorf("got %x, want %x", again, raw)
	}
}

func FuzzLoadOption(f *testing.F) {
	f.Add(loadOption{1, "Holdfast", loaderPath(partition{Number: 1, Start: 2048, Size: 9}, `\EFI\x.efi`), []byte{1}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseLoadOption(b)
		if err != nil {
			return
		}
		if again, err := parseLoadOption(o.append(nil)); err != nil || again.Description != o.Description || !bytes.Equal(again.Path, o.Path) || !bytes.Equal(again.Data, o.Data) {
			t.Errorf("%x: %+v, and again %+v %v", b, o, again, err)
		}
	})
}

// TestGPT: the copy at the end of a disk is as good as the first one.
func TestGPT(t *testing.T) {
	data := smallDisk(t)
	for name, spoil := range map[string]func([]byte){
		"whole":                     func([]byte) {},
		"the first header is gone":  func(b []byte) { clear(b[512:1024]) },
		"the first header is wrong": func(b []byte) { b[512+72]++ },
		"the first table is wrong":  func(b []byte) { b[1024+128+40]++ },
	} {
		b := bytes.Clone(data)
		spoil(b)
		p, err := readGPT(bytes.NewReader(b), 2)
		if err != nil || p.Start != 104 || p.Size != 200 || hex.EncodeToString(p.GUID[:]) != "44332211665588779"+"9aabbccddeeff00" {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
	for _, n := range []uint32{0, 3, 129} {
		if p, err := readGPT(bytes.NewReader(data), n); err == nil {
			t.Errorf("partition %d is %+v", n, p)
		}
	}
}

func FuzzGPT(f *testing.F) {
	f.Add(smallDisk(f)[:1<<15], uint32(2))
	f.Fuzz(func(_ *testing.T, b []byte, n uint32) { readGPT(bytes.NewReader(b), n) })
}
