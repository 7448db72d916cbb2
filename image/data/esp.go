package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/image/slot"
)

// ESP gives the path of a file that is known by its path below /efi, for a time
// at which nothing is mounted there: done undoes that.
func ESP(file string) (path string, done func(), err error) {
	done = func() {}
	dev, err := slot.Beside("/", slot.ESP)
	if err != nil {
		return "", done, err
	}
	dir, err := os.MkdirTemp("/run", "esp-")
	if err != nil {
		return "", done, err
	}
	if err := unix.Mount(dev, dir, "vfat", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOSUID, "umask=0077"); err != nil {
		os.Remove(dir)
		return "", done, fmt.Errorf("mount %s: %w", dev, err)
	}
	return filepath.Join(dir, strings.TrimPrefix(file, "/efi")), func() { unix.Unmount(dir, 0); os.Remove(dir) }, nil
}

// ESPLink leads to the ESP of the disk that runs, for units: another disk, such as
// the stick that the box was installed from, may have one of the same name.
const ESPLink = "/run/holdfast-esp"

// LinkESP makes it.
func LinkESP() error {
	dev, err := slot.Beside("/", slot.ESP)
	if err != nil {
		return err
	}
	return os.Symlink(dev, ESPLink)
}
