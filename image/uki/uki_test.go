package uki

import (
	"bytes"
	"debug/pe"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

func sample(t testing.TB) ([]byte, []byte) {
	t.Helper()
	b, err := os.ReadFile(stub)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Add(b, Section{".osrel", []byte("ID=holdfast\n")}, Section{".cmdline", []byte("quiet")},
		Section{".initrd", bytes.Repeat([]byte("i"), 100000)}, Section{".linux", bytes.Repeat([]byte("k"), 300001)})
	if err != nil {
		t.Fatal(err)
	}
	return b, out
}

// TestAsOthersReadIt: another reader finds the parts, and those of the stub as
// they were.
func TestAsOthersReadIt(t *testing.T) {
	b, out := sample(t)
	before, err := pe.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	after, err := pe.NewFile(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range before.Sections {
		want, _ := s.Data()
		got, err := after.Section(s.Name).Data()
		if err != nil || !bytes.Equal(got, want) || after.Section(s.Name).VirtualAddress != s.VirtualAddress {
			t.Errorf("%s: changed, %v", s.Name, err)
		}
	}
	end := uint32(0)
	for _, s := range after.Sections {
		if s.VirtualAddress < end {
			t.Errorf("%s lies at %x, over what ends at %x", s.Name, s.VirtualAddress, end)
		}
		end = s.VirtualAddress + s.VirtualSize
	}
	if o := after.OptionalHeader.(*pe.OptionalHeader64); o.SizeOfImage < end {
		t.Errorf("the image ends at %x, its last section at %x", o.SizeOfImage, end)
	}
	if s := after.Section(".linux"); s.VirtualSize != 300001 || s.VirtualAddress%apart != 0 {
		t.Errorf("%+v", s.SectionHeader)
	}
}

func TestSections(t *testing.T) {
	_, out := sample(t)
	parts, err := Sections(out)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, p := range parts {
		found[p.Name] = len(p.Data)
	}
	if found[".cmdline"] != 5 || found[".linux"] != 300001 || found[".text"] == 0 {
		t.Error(found)
	}
	for _, n := range []int{0, 1, 100, 300, 1000, len(out) / 2, len(out) - 1} {
		if _, err := Sections(out[:n]); err == nil {
			t.Errorf("%d octets of %d are whole", n, len(out))
		}
	}
}

// TestWhole: no bit turns without being noticed, wherever it is.
func TestWhole(t *testing.T) {
	stub, out := sample(t)
	if err := Whole(out); err != nil {
		t.Error(err)
	}
	for at := range out {
		if at%997 != 0 && at > 1024 {
			continue
		}
		out[at] ^= 1 << (at % 8)
		if Whole(out) == nil {
			t.Errorf("a bit of octet %d turns, and nobody notices", at)
		}
		out[at] ^= 1 << (at % 8)
	}
	h, _ := read(stub)
	clear(stub[h.pe+checkSum : h.pe+checkSum+4])
	if err := Whole(stub); err != nil {
		t.Errorf("without a checksum: %v", err)
	}
}

// TestSigned: a tool that signs finds nothing to complain of, and what it has signed
// has the same parts.
func TestSigned(t *testing.T) {
	_, out := sample(t)
	dir := t.TempDir()
	from, to, key, cert := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "key"), filepath.Join(dir, "cert")
	if err := os.WriteFile(from, out, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{
		{"openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=test", "-keyout", key, "-out", cert},
		{"sbsign", "--key", key, "--cert", cert, "--output", to, from},
		{"sbverify", "--cert", cert, to},
	} {
		if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil || bytes.Contains(text, []byte("warning")) {
			t.Fatalf("%s: %v %s", argv[0], err, text)
		}
	}
	signed, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Seal(signed), Whole(signed), os.WriteFile(to, signed, 0o600)); err != nil {
		t.Error(err)
	}
	if text, err := exec.Command("sbverify", "--cert", cert, to).CombinedOutput(); err != nil {
		t.Errorf("sealed: %v %s", err, text)
	}
	if Signed(out) || !Signed(signed) || Signed(signed[:len(signed)-1]) {
		t.Error("what is signed is not told from what is not")
	}
	before, err1 := Sections(out)
	after, err2 := Sections(signed)
	if d := cmp.Diff(before, after); d != "" || err1 != nil || err2 != nil {
		t.Error(err1, err2, d)
	}
}

func FuzzSections(f *testing.F) {
	_, out := sample(f)
	f.Add(out[:2048])
	f.Fuzz(func(_ *testing.T, b []byte) {
		Sections(b)
		Signed(b)
		Whole(b)
		if len(b) < 1<<16 {
			Add(b, Section{".x", []byte("x")})
		}
	})
}
