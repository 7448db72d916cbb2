package slot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine makes what the kernel shows of partitions, each "DISK PARTITION LABEL".
func machine(t *testing.T, running string, partitions ...string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range partitions {
		w := strings.Fields(p)
		dir := "sys/devices/pci0/block/" + w[0] + "/" + w[1]
		write(dir+"/uevent", "MAJOR=254\nDEVNAME="+w[1]+"\nDEVTYPE=partition\nPARTNAME="+w[2]+"\n")
		write("sys/class/block/.keep", "")
		if err := os.Symlink(filepath.Join(root, dir), filepath.Join(root, "sys/class/block", w[1])); err != nil {
			t.Fatal(err)
		}
	}
	if running != "" {
		write(Running, running+"\n")
	}
	return root
}

func TestInactive(t *testing.T) {
	disk := []string{"vda vda1 holdfast-esp", "vda vda2 holdfast-root-a", "vda vda3 holdfast-root-b", "vda vda4 holdfast-data"}
	stick := []string{"sda sda2 holdfast-root-a", "sda sda3 holdfast-root-b", "sda sda5 holdfast-root-more"}
	for name, c := range map[string]struct {
		running    string
		partitions []string
		want       string
	}{
		"a runs":                   {"/dev/vda2", disk, "rootfs.1 /dev/vda3"},
		"b runs":                   {"/dev/vda3", disk, "rootfs.0 /dev/vda2"},
		"the stick is still there": {"/dev/vda2", append(stick, disk...), "rootfs.1 /dev/vda3"},
		"the stick runs":           {"/dev/sda3", append(stick, disk...), "rootfs.0 /dev/sda2"},
		"not from a slot":          {"", disk, "/run/holdfast-slot: want the device of a slot: this system did not start from one, and can't be updated: write an image to its disk"},
		"no other":                 {"/dev/vda2", append(disk[:2:2], stick...), "disk vda: want one partition holdfast-root-… beside holdfast-root-a, got 0: write an image to it"},
	} {
		slots, err := Find(machine(t, c.running, c.partitions...))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Inactive(slots)
		got := s.Name + " " + s.Device
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestBeside(t *testing.T) {
	all := []string{"vda vda1 holdfast-esp", "vda vda2 holdfast-root-a", "sda sda1 holdfast-esp", "sda sda2 holdfast-root-a", "sdb sdb1 esp", "sda sda4 holdfast-data"}
	for name, c := range map[string]struct{ running, label, want string }{
		"the disk runs":      {"/dev/vda2", ESP, "/dev/vda1"},
		"the stick runs":     {"/dev/sda2", ESP, "/dev/sda1"},
		"only the stick has": {"/dev/vda2", Data, "disk vda has no partition holdfast-data: write an image to it"},
		"not from a slot":    {"", ESP, "/run/holdfast-slot: want the device of a slot: this system did not start from one"},
	} {
		got, err := Beside(machine(t, c.running, all...), c.label)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNoMachine(t *testing.T) {
	if slots, err := Find(t.TempDir()); err != nil || len(slots) != 0 {
		t.Error(slots, err)
	}
}
