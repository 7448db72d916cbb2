package boot

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/image/uki"
)

// image is the kernel image of a version, on a stub that has headers only.
func image(version string) []byte {
	stub := make([]byte, 512)
	copy(stub, "MZ")
	stub[0x3c] = 0x40
	copy(stub[0x40:], "PE\x00\x00")
	h := stub[0x44:]
	le.PutUint16(h[16:], 112)   // SizeOfOptionalHeader
	le.PutUint16(h[20:], 0x20b) // PE32+
	le.PutUint32(h[52:], 4096)  // SectionAlignment
	le.PutUint32(h[56:], 512)   // FileAlignment
	le.PutUint32(h[76:], 4096)  // SizeOfImage
	le.PutUint32(h[80:], 512)   // SizeOfHeaders
	b, err := uki.Add(stub, uki.Section{Name: ".osrel", Data: []byte("ID=holdfast\nIMAGE_VERSION=" + version + "\n")},
		uki.Section{Name: ".linux", Data: []byte(strings.Repeat("kernel of "+version+"\n", 100))})
	if err != nil {
		panic(err)
	}
	return b
}

// box is a box with an EFI system partition, firmware and a disk, as folders.
type box struct {
	*testing.T
	root string
	*SystemdBoot
}

// newBox is one as its image was written to a disk.
func newBox(t *testing.T, version string) *box {
	t.Helper()
	b := &box{T: t, root: memory(t)}
	b.SystemdBoot = &SystemdBoot{b.root, quick{}}
	b.write("efi/EFI/Linux/holdfast_"+version+".efi", image(version))
	b.write(strings.TrimPrefix(b.rescuePath(), b.root), image(version))
	b.write("efi/EFI/systemd/systemd-boot"+architecture+".efi", []byte("MZ"))
	b.write(efivars+"/.keep", nil)
	b.runs(version)
	b.partitioned()
	return b
}

// memory is a folder that no disk is waited for, where there is such.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "holdfast-boot-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (b *box) write(path string, data []byte) {
	b.Helper()
	path = filepath.Join(b.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
}

// runs has the box run a version.
func (b *box) runs(version string) {
	b.write("etc/os-release", []byte("ID=holdfast\nIMAGE_VERSION=\""+version+"\"\n"))
}

const partitionGUID = "11223344-5566-7788-99AA-BBCCDDEEFF00"

// partitioned gives the box a disk, whose second partition has the folder.
func (b *box) partitioned() {
	b.Helper()
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(b.root, "efi/EFI"), &st); err != nil {
		b.Fatal(err)
	}
	b.write("sys/devices/pci/vda/vda2/partition", []byte("2\n"))
	b.write("sys/dev/block/.keep", nil)
	if err := os.Symlink("../../devices/pci/vda/vda2", filepath.Join(b.root, fmt.Sprintf("sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))); err != nil {
		b.Fatal(err)
	}
	b.write("dev/vda", smallDisk(b.T))
}

var diskData []byte

// smallDisk is a disk with a GPT as sfdisk makes it.
func smallDisk(t testing.TB) []byte {
	t.Helper()
	if diskData == nil {
		file := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(file, make([]byte, 256<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("/sbin/sfdisk", "--quiet", "--no-reread", file)
		c.Stdin = strings.NewReader("label: gpt\nfirst-lba: 40\nunit: sectors\nstart=40, size=8\nstart=104, size=200, uuid=" + partitionGUID + "\n")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("sfdisk: %v: %s", err, out)
		}
		diskData, _ = os.ReadFile(file)
	}
	return bytes.Clone(diskData)
}

// text is what the backend says of the versions.
func text(t *testing.T, b Backend) string {
	t.Helper()
	entries, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range entries {
		s := e.Version + " " + e.State.String()
		if e.State == Trying {
			s += fmt.Sprintf(" %d", e.TriesLeft)
		}
		if e.Primary {
			s += " primary"
		}
		if e.Unloadable {
			s += " unloadable"
		}
		words = append(words, s)
	}
	return strings.Join(words, ", ")
}

// want fails unless an error says something; "" is that there is none.
func want(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
		t.Errorf("got %v, want %q", err, text)
	}
}

// quick is the machine's disks, which are not waited for: other tests look at
// what would be lost.
type quick struct{ system }

func (quick) Sync(path string) error {
	_, err := os.Stat(path)
	return err
}

func (quick) SetVariable(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }

// reset is what firmware and systemd-boot do from the moment at which the power
// comes: the version that then runs; "" is that the box stands still.
// Some firmware has only its own choice.
func (b *box) reset(entries bool) string {
	b.Helper()
	count := b.variablePath("LoaderBootCountPath", loader)
	os.Remove(count)
	version := ""
	if entries && b.enrolled() {
		version = b.systemdBoot(count)
	}
	if version == "" {
		version = loads(b.rescuePath())
	}
	if version != "" {
		b.runs(version)
	}
	return version
}

// enrolled says whether the firmware's first entry is one for systemd-boot.
func (b *box) enrolled() bool {
	order, _ := b.variable("BootOrder", global)
	if len(order) < 2 {
		return false
	}
	value, _ := b.variable(bootName(le.Uint16(order)), global)
	o, err := parseLoadOption(value)
	return err == nil && strings.Contains(fromUTF16(o.Path[46:]), `\EFI\systemd\systemd-boot`)
}

func (b *box) systemdBoot(count string) string {
	b.Helper()
	list, err := b.kernels()
	if err != nil {
		b.Fatal(err)
	}
	once, _ := b.variable("LoaderEntryOneShot", loader)
	os.Remove(b.variablePath("LoaderEntryOneShot", loader))
	chosen := -1
	for i, k := range list {
		if ok, _ := filepath.Match(fromUTF16(once), k.name); k.program && (chosen < 0 || ok) {
			chosen = i
		}
	}
	if chosen < 0 {
		return ""
	}
	k := list[chosen]
	path := b.kernelPath(k.name)
	if k.counted && k.left > 0 {
		done := 0
		if _, tries, ok := strings.Cut(k.name, "-"); ok {
			fmt.Sscanf(tries, "%d", &done)
		}
		name := fmt.Sprintf("holdfast_%s+%d-%d.efi", k.version, k.left-1, done+1)
		if err := os.Rename(path, b.kernelPath(name)); err != nil {
			b.Fatal(err)
		}
		path = b.kernelPath(name)
		if err := (quick{}).SetVariable(count, append([]byte{6, 0, 0, 0}, toUTF16(`\EFI\Linux\`+name)...)); err != nil {
			b.Fatal(err)
		}
	}
	return loads(path)
}

// loads is the version of a kernel image that is whole to the last octet; "" is
// that firmware can't load it, or would load something else.
func loads(path string) (version string) {
	data, _ := os.ReadFile(path)
	version = kernelVersion(data)
	if !bytes.Equal(data, image(version)) {
		return ""
	}
	return version
}
