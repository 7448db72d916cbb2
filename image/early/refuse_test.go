package early

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/image/boot"
	"holdfast/image/imagetest"
	"holdfast/image/verity"
)

// TestProve: a root that is whole is, and one bit of its data is enough. Its hashes
// are made anew, even those by which it is found.
func TestProve(t *testing.T) {
	r, data := imagetest.Root(t, "1.0.0", imagetest.Blocks)
	dev := filepath.Join(t.TempDir(), "slot")
	for name, c := range map[string]struct {
		at   int
		want string
	}{
		"whole":              {-1, ""},
		"a bit":              {5*verity.Block + 9, "block 5 is not what it was made of"},
		"of the topmost":     {int(r.Blocks+1)*verity.Block + 9, ""},
		"of a hash":          {len(data) - verity.Block + 9, ""},
		"of a hash and data": {-2, "hashes: block "},
	} {
		slot := append(bytes.Clone(data), make([]byte, verity.Block)...)
		switch c.at {
		case -1:
		case -2:
			slot[9] ^= 1
			slot[len(data)-1] ^= 1
		default:
			slot[c.at] ^= 1
		}
		if err := os.WriteFile(dev, slot, 0o600); err != nil {
			t.Fatal(err)
		}
		err := prove(r, dev)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "its root is broken: "+dev+": "+c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if now, _ := os.ReadFile(dev); c.want == "" && !bytes.HasPrefix(now, data) {
			t.Errorf("%s: it is not as it was made", name)
		}
	}
	if err := prove(r, filepath.Join(dev, "none")); err == nil {
		t.Error("no device is whole")
	}
}

// TestReject: with nothing but a partition and the version of the first program,
// another version is the one that is started; the last one stays.
func TestReject(t *testing.T) {
	root := t.TempDir()
	write := func(path string, data []byte) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		r, _ := imagetest.Root(t, version, imagetest.Blocks)
		write("efi/EFI/Linux/holdfast_"+version+".efi", imagetest.Kernel(t, version, r))
	}
	write("efi/EFI/BOOT/.keep", nil)
	why := errors.New("its root is broken")
	for _, c := range []struct{ runs, err string }{{"3.0.0", "mark version 3.0.0 bad: it is not in place"}, {"2.0.0", ""}, {"1.0.0", "mark version 1.0.0 bad: no other version is good: nothing would be left to boot"}} {
		write("etc/os-release", []byte("ID=holdfast\nIMAGE_VERSION="+c.runs+"\n"))
		if err := reject(root, why); (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %v", c.runs, err)
		}
	}
	entries, err := boot.NewSystemdBoot(root).State()
	if err != nil || len(entries) != 2 || entries[0].State != boot.Bad || entries[0].Why != why.Error() || entries[1].State != boot.Good || !entries[1].Primary {
		t.Error(entries, err)
	}
}
