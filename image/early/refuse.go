package early

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"holdfast/image/boot"
	"holdfast/image/slot"
)

// errAlone is that nothing else can be started, as far as is known here.
var errAlone = errors.New("it can't be marked bad")

// refuse has another version be started from now on. What it gives is why this
// one was not, and errAlone if there is none, or if nobody here can say so to the boot
// loader: then the box has to, once it runs.
func refuse(why error) error {
	devs := esps("/")
	if len(devs) == 0 {
		return fmt.Errorf("%w; %w: there is no EFI system partition", why, errAlone)
	}
	if err := modules("/modules/esp", never); err != nil {
		say("%v", err)
	}
	alone := fmt.Errorf("%w; %w", why, errAlone)
	for _, dev := range devs {
		err := markBad(dev, why)
		if err == nil {
			return fmt.Errorf("%w; it is marked bad", why)
		}
		alone = fmt.Errorf("%w: %s: %w", alone, dev, err)
	}
	return alone
}

// esps are the EFI system partitions on which this version may be in place: that
// of its slot's disk, or, if no slot was found, all of ours.
func esps(root string) (devices []string) {
	if dev, err := slot.Beside(root, slot.ESP); err == nil {
		return []string{dev}
	}
	all, err := slot.Partitions(root)
	if err != nil {
		say("%v", err)
	}
	for _, p := range all {
		if p.Label == slot.ESP {
			devices = append(devices, p.Device)
		}
	}
	return devices
}

// markBad marks this version on a partition.
func markBad(dev string, why error) error {
	const at = "/efi"
	if err := mount(dev, "vfat", at, unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOSUID, "umask=0077"); err != nil {
		return err
	}
	defer unix.Unmount(at, 0)
	return reject("/", why)
}

// reject marks the version that the files below a folder are of.
func reject(root string, why error) error {
	b := boot.NewSystemdBoot(root)
	version, _, err := b.Current()
	if err != nil {
		return err
	}
	return b.Reject(version, why.Error())
}
