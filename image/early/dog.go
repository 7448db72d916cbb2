package early

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// software is the kernel's own watchdog: it proves nothing that the kernel's
// death does not take with it.
const software = "Software Watchdog"

// Armed is where the service finds the device that it has to feed.
const Armed = "/run/holdfast-watchdog"

// arm starts the hardware watchdog and leaves it running: from now on what hangs
// is reset, until the service that is to feed it does.
func arm(l Line) error {
	if l.Watchdog == 0 {
		return nil
	}
	dev, identity, err := choose(l.Identity)
	if err != nil {
		return err
	}
	fd, err := unix.Open(dev, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", dev, err)
	}
	// Closed without the magic character, it goes on.
	defer unix.Close(fd)
	// It counts by now, whatever timeout it takes.
	if err := os.WriteFile(Armed, []byte(dev+"\n"), 0o644); err != nil {
		say("the service does not know that it has to feed %s: %v", dev, err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, int(l.Watchdog/time.Second)); err != nil {
		say("%s (%s) is armed for as long as it wants: WDIOC_SETTIMEOUT: %v", dev, identity, err)
		return nil
	}
	say("%s (%s) is armed for %s", dev, identity, l.Watchdog)
	return nil
}

// choose finds the device by its identity: its number is the order in which
// drivers were loaded.
func choose(want string) (dev, identity string, err error) {
	files, _ := filepath.Glob("/sys/class/watchdog/*/identity")
	var there []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		identity := strings.TrimSpace(string(b))
		there = append(there, identity)
		if identity == want || want == "" && identity != software {
			return "/dev/" + filepath.Base(filepath.Dir(f)), identity, nil
		}
	}
	if len(there) == 0 {
		return "", "", errors.New("there is none")
	}
	return "", "", fmt.Errorf("none is %q: there is %s", want, strings.Join(there, ", "))
}
