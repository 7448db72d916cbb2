package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// espLabel is the ESP's name in the partition table.
const espLabel = "holdfast-esp"

// ESP gives the path of a file that is known by its path below /efi, for a time
// at which nothing is mounted there: done undoes that.
func ESP(file string) (path string, done func(), err error) {
	done = func() {}
	dir, err := os.MkdirTemp("/run", "esp-")
	if err != nil {
		return "", done, err
	}
	dev := "/dev/disk/by-partlabel/" + espLabel
	if err := unix.Mount(dev, dir, "vfat", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOSUID, "umask=0077"); err != nil {
		os.Remove(dir)
		return "", done, fmt.Errorf("mount %s: %w", dev, err)
	}
	return filepath.Join(dir, strings.TrimPrefix(file, "/efi")), func() { unix.Unmount(dir, 0); os.Remove(dir) }, nil
}
