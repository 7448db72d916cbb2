package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for name, want := range map[string]kernel{
		"holdfast_2.0.0.efi":      {version: "2.0.0"},
		"holdfast_2.0.0+3.efi":    {version: "2.0.0", counted: true, left: 3},
		"holdfast_2.0.0+2-1.efi":  {version: "2.0.0", counted: true, left: 2},
		"holdfast_2.0.0+0-3.efi":  {version: "2.0.0", counted: true},
		"holdfast_2.0.0+x.efi":    {},
		"holdfast_2.0.0+1-.efi":   {},
		"holdfast_2.0.0+.efi":     {},
		"holdfast_.efi":           {},
		"holdfast_../../x.efi":    {},
		"debian_1.0.efi":          {},
		"holdfast_2.0.0.efi.part": {},
	} {
		k, ok := parseName(name)
		want.name = name
		if ok != (want.version != "") || ok && k != want {
			t.Errorf("%s: got %+v %t, want %+v", name, k, ok, want)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("holdfast_2.0.0+2-1.efi")
	f.Fuzz(func(t *testing.T, name string) {
		if k, ok := parseName(name); ok && (strings.ContainsAny(k.version, "/+\\") || k.left < 0) {
			t.Errorf("%q: %+v", name, k)
		}
	})
}

// TestUpdate is the life of a box: an update that is kept, one that fails three
// times, one that is marked bad, and a way back.
func TestUpdate(t *testing.T) {
	b := newBox(t, "1.0.0")
	step := func(what string, err error, state string) {
		t.Helper()
		want(t, err, "")
		if got := text(t, b); got != state {
			t.Fatalf("%s: got %s, want %s", what, got, state)
		}
	}
	boot := func(version string) {
		t.Helper()
		if got := b.reset(true); got != version {
			t.Fatalf("version %q is booted, want %s", got, version)
		}
	}
	boot("1.0.0")
	step("new", nil, "1.0.0 good primary")
	b.write("efi/FSCK0000.REC", []byte("left by a power cut"))
	step("install", b.Install("2.0.0", image("2.0.0"), 3), "2.0.0 trying 3 primary, 1.0.0 good")
	if _, err := os.Stat(filepath.Join(b.root, "efi/FSCK0000.REC")); err == nil {
		t.Error("what fsck has found still takes its room")
	}
	boot("2.0.0")
	step("try", nil, "2.0.0 trying 2 primary, 1.0.0 good")
	if v, trial, err := b.Current(); v != "2.0.0" || !trial || err != nil {
		t.Error(v, trial, err)
	}
	want(t, b.Install("3.0.0", image("3.0.0"), 3), "is on trial")
	want(t, b.Remove("1.0.0"), "no other version is good")
	step("good", b.MarkGood("2.0.0"), "2.0.0 good primary, 1.0.0 good")
	if v, trial, err := b.Current(); v != "2.0.0" || trial || err != nil {
		t.Error(v, trial, err)
	}
	if v := loads(b.rescuePath()); v != "2.0.0" {
		t.Errorf("firmware's own choice is %q", v)
	}
	for range 5 { // power cycles of a good version
		boot("2.0.0")
	}
	step("power cycles", b.MarkGood("2.0.0"), "2.0.0 good primary, 1.0.0 good")
	step("remove", b.Remove("1.0.0"), "2.0.0 good primary")
	step("install a bad one", b.Install("10.0.0", image("10.0.0"), 3), "10.0.0 trying 3 primary, 2.0.0 good")
	for range 3 {
		boot("10.0.0")
	}
	step("the last try", nil, "10.0.0 trying 0, 2.0.0 good primary")
	boot("2.0.0")
	step("fallen back", nil, "10.0.0 bad, 2.0.0 good primary")
	want(t, b.MarkGood("10.0.0"), "only what runs can be marked good, and that is version 2.0.0")
	step("mark it bad", b.MarkBad("10.0.0"), "10.0.0 bad, 2.0.0 good primary")
	step("the next", b.Install("11.0.0", image("11.0.0"), 1), "11.0.0 trying 1 primary, 2.0.0 good")
	boot("11.0.0")
	step("good", b.MarkGood("11.0.0"), "11.0.0 good primary, 2.0.0 good")
	step("second thoughts", b.MarkBad("11.0.0"), "11.0.0 bad, 2.0.0 good primary")
	if v := loads(b.rescuePath()); v != "2.0.0" {
		t.Errorf("firmware's own choice is %q", v)
	}
	boot("2.0.0")
	step("an older one", b.Install("1.5.0", image("1.5.0"), 3), "2.0.0 good primary, 1.5.0 trying 3")
	boot("1.5.0")
	step("an older one is kept", b.MarkGood("1.5.0"), "1.5.0 good primary")
	boot("1.5.0")
}

// TestOlderFails: a version that is older has one try.
func TestOlderFails(t *testing.T) {
	b := newBox(t, "2.0.0")
	want(t, b.Install("1.0.0", image("1.0.0"), 3), "")
	if first, second := b.reset(true), b.reset(true); first != "1.0.0" || second != "2.0.0" {
		t.Error(first, second)
	}
}

// TestUnloadable: a version that the firmware can't load, though it was when it
// was installed. systemd-boot has counted a try of it when the firmware's own
// choice runs, and that is not to be taken for it.
func TestUnloadable(t *testing.T) {
	b := newBox(t, "1.0.0")
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "")
	if err := os.Truncate(b.kernelPath("holdfast_2.0.0+3.efi"), 1000); err != nil {
		t.Fatal(err)
	}
	if v := b.reset(true); v != "1.0.0" {
		t.Fatalf("%q is booted", v)
	}
	if v, trial, err := b.Current(); v != "1.0.0" || trial || err != nil {
		t.Error(v, trial, err)
	}
	want(t, b.MarkGood("2.0.0"), "only what runs")
	want(t, b.MarkGood("1.0.0"), "")
	if got := text(t, b); got != "2.0.0 trying 2 primary unloadable, 1.0.0 good" {
		t.Error(got)
	}
	want(t, b.MarkBad("2.0.0"), "")
	if v := b.reset(true); v != "1.0.0" {
		t.Fatalf("%q is booted", v)
	}
}

// TestSpoilt: of two copies of the version that runs, one that a disk has spoilt is
// made anew of the other one.
func TestSpoilt(t *testing.T) {
	b := newBox(t, "1.0.0")
	loaders, firmwares := b.kernelPath("holdfast_1.0.0.efi"), b.rescuePath()
	for _, path := range []string{loaders, firmwares} {
		spoil(t, path, "1.0.0")
		want(t, b.MarkGood("1.0.0"), "")
		if loads(loaders) != "1.0.0" || loads(firmwares) != "1.0.0" {
			t.Errorf("%s is not mended", path)
		}
	}
	spoil(t, loaders, "1.0.0")
	spoil(t, firmwares, "1.0.0")
	want(t, b.MarkGood("1.0.0"), "holdfast_1.0.0.efi: its kernel image is spoilt: its checksum is another one; the copy that the firmware starts by itself is none of it")
	want(t, b.Install("2.0.0", spoilt("2.0.0"), 3), "its kernel image is spoilt")
}

// spoilt is the kernel image of a version of which a bit has turned.
func spoilt(version string) []byte {
	data := image(version)
	data[len(data)-700] ^= 1
	return data
}

// spoil has a file be one.
func spoil(t *testing.T, path, version string) {
	t.Helper()
	if err := os.WriteFile(path, spoilt(version), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSpoiltBad: a version that is marked bad is not the firmware's choice any
// more, though the loader's copy of it was another one than the firmware's.
func TestSpoiltBad(t *testing.T) {
	b := newBox(t, "1.0.0")
	tried("2.0.0")(b)
	want(t, b.MarkGood("2.0.0"), "")
	spoil(t, b.kernelPath("holdfast_2.0.0.efi"), "2.0.0")
	want(t, b.MarkBad("2.0.0"), "")
	if got := loads(b.rescuePath()); got != "1.0.0" {
		t.Errorf("firmware's own choice is %q", got)
	}
}

// TestSecureBoot: where firmware starts only what is signed, nothing else is put in
// place.
func TestSecureBoot(t *testing.T) {
	b := newBox(t, "1.0.0")
	const variable = efivars + "/SecureBoot-" + global
	b.write(variable, []byte{6, 0, 0, 0, 1})
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "starts only what is (Secure Boot)")
	if got := text(t, b); got != "1.0.0 good primary" {
		t.Error(got)
	}
	b.write(variable, []byte{6, 0, 0, 0, 0})
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "")
}

// TestReject: a mark says why, until the version is put in place again. What a power
// cut has made of it says nothing.
func TestReject(t *testing.T) {
	b := newBox(t, "1.0.0")
	tried("2.0.0")(b)
	want(t, b.MarkGood("2.0.0"), "")
	os.RemoveAll(b.path(efivars)) // the first program of a box does without
	step := func(err error, why string) {
		t.Helper()
		want(t, err, "")
		if got := text(t, b); got != "2.0.0 bad, 1.0.0 good primary" || b.reset(false) != "1.0.0" {
			t.Error(got)
		}
		entries, err := b.State()
		if err != nil || entries[0].Why != why {
			t.Errorf("%q %v, want %q", entries[0].Why, err, why)
		}
	}
	step(b.Reject("2.0.0", "its root is broken:\nblock 7"), "its root is broken: block 7")
	step(b.MarkBad("2.0.0"), "its root is broken: block 7")
	step(b.Reject("2.0.0", strings.Repeat("é", 400)), strings.Repeat("é", 256))
	for _, left := range []string{"", "\x00\x00\x00", "a\xffb", "MZ\x90\x00"} {
		b.write("efi/EFI/Linux/holdfast_2.0.0+0.efi", []byte(left))
		step(nil, "")
	}
	want(t, b.Reject("1.0.0", "x"), "no other version is good")
}

// TestNotCounted: what systemd-boot has not started for a try is not marked.
func TestNotCounted(t *testing.T) {
	b := newBox(t, "1.0.0")
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "")
	b.runs("2.0.0")
	want(t, b.MarkGood("2.0.0"), `names version ""`)
	if got := text(t, b); got != "2.0.0 trying 3 primary, 1.0.0 good" {
		t.Error(got)
	}
}

// TestFileIsGone: a box that runs by the firmware's own choice tries nothing
// until there is something for systemd-boot to fall back to.
func TestFileIsGone(t *testing.T) {
	b := newBox(t, "1.0.0")
	os.Remove(b.kernelPath("holdfast_1.0.0.efi"))
	if v := b.reset(true); v != "1.0.0" {
		t.Fatalf("%q is booted", v)
	}
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "version 1.0.0, which runs, is not in place for the next boot: mark it good")
	want(t, b.MarkGood("1.0.0"), "")
	if got := text(t, b); got != "1.0.0 good primary" {
		t.Error(got)
	}
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "")
	b.reset(true)
	want(t, b.MarkBad("2.0.0"), "")
	want(t, b.MarkGood("2.0.0"), "its kernel image is gone: it was marked bad")
}

func TestInstallRefuses(t *testing.T) {
	b := newBox(t, "1.0.0")
	good := image("2.0.0")
	for _, c := range []struct {
		version string
		kernel  []byte
		tries   int
		want    string
	}{
		{"2+0", good, 3, `install version 2+0: want up to 6 numbers with dots between, as 1.12.0, got "2+0"`},
		{"2.0.0", good, 0, "want 1 to 9 tries, got 0"},
		{"1.0.0", image("1.0.0"), 3, "it runs already"},
		{"2.0.0", good[:len(good)-1], 3, "its kernel image section .linux is cut off"},
		{"2.0.0", nil, 3, "is not a program for UEFI"},
		{"2.0.0", image("2.0.1"), 3, "its kernel image is of version 2.0.1"},
	} {
		want(t, b.Install(c.version, c.kernel, c.tries), c.want)
	}
	b.disk = full{}
	want(t, b.Install("2.0.0", good, 3), "/efi has 0 MiB free, and 1 are needed")
	b.disk = failing{}
	want(t, b.Install("2.0.0", good, 3), "the disk is failing")
	if got := text(t, b); got != "1.0.0 good primary" {
		t.Error(got)
	}
	b.disk = quick{}
	os.RemoveAll(b.path(efivars))
	want(t, b.Install("2.0.0", good, 3), "the firmware has no entry for systemd-boot: open "+b.path(efivars))
}

// full has no room.
type full struct{ quick }

func (full) Free(string) (uint64, error) { return 100, nil }

// failing turns an octet over.
type failing struct{ quick }

func (d failing) Write(path string, data []byte) error {
	data = append([]byte{}, data...)
	if len(data) > 0 {
		data[len(data)/2]++
	}
	return d.quick.Write(path, data)
}

func TestRefusals(t *testing.T) {
	b := newBox(t, "1.0.0")
	want(t, b.MarkBad("1.0.0"), "mark version 1.0.0 bad: no other version is good")
	want(t, b.MarkBad("3.0.0"), "it is not in place")
	want(t, b.Remove("1.0.0"), "remove version 1.0.0: it runs")
	want(t, b.Remove("3.0.0"), "")
	os.Remove(b.path("etc/os-release"))
	want(t, b.MarkGood("1.0.0"), "os-release")
	b.write("etc/os-release", []byte("ID=debian\n"))
	_, _, err := b.Current()
	want(t, err, "this is no image of Holdfast")
}

// TestSystem does it once on the machine's disks.
func TestSystem(t *testing.T) {
	b := newBox(t, "1.0.0")
	b.disk = system{}
	want(t, b.Install("2.0.0", image("2.0.0"), 3), "")
	b.reset(true)
	want(t, b.MarkGood("2.0.0"), "")
	if got := text(t, b); got != "2.0.0 good primary, 1.0.0 good" || loads(b.rescuePath()) != "2.0.0" {
		t.Error(got)
	}
	if left, _ := filepath.Glob(b.path(esp + "/EFI/BOOT/*.NEW")); left != nil {
		t.Error(left)
	}
}

func TestDetect(t *testing.T) {
	b := newBox(t, "1.0.0")
	for _, c := range []struct{ remove, name string }{{"", "systemd-boot"}, {efivars, "uboot"}, {fwEnv, "grub"}} {
		b.write(fwEnv, nil)
		b.write(grubEnv, nil)
		os.RemoveAll(b.path(efivars))
		if c.remove == "" {
			b.write(efivars+"/.keep", nil)
		}
		if c.remove == fwEnv {
			os.Remove(b.path(fwEnv))
		}
		if d, err := Detect(b.root); err != nil || d.Name() != c.name {
			t.Errorf("%v %v, want %s", d, err, c.name)
		}
	}
	_, err := Detect(t.TempDir())
	want(t, err, "nothing says how this box boots")
}
