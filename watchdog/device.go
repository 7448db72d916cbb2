package watchdog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and flags of linux/watchdog.h that x/sys has no wrapper for.
const (
	optionMagicClose = 0x0100 // WDIOF_MAGICCLOSE
	statusCardReset  = 0x0020 // WDIOF_CARDRESET
)

// causes are the bits of a boot status (WDIOF_…), in the kernel's words.
var causes = []struct {
	bit  int
	name string
}{{0x01, "overheat"}, {0x02, "fan-fault"}, {0x04, "extern1"}, {0x08, "extern2"}, {0x10, "power-under"}, {statusCardReset, "card-reset"}, {0x40, "power-over"}}

// booted are the names of a boot status.
func booted(status int) (names []string) {
	for _, c := range causes {
		if status&c.bit != 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// device is /dev/watchdogN.
type device struct {
	fd   int
	mu   sync.Mutex // of info, whose timeouts may change
	info Info
}

// Open takes the watchdog at path, which arms it. An error that somebody else
// holds it says who.
func Open(path string) (Device, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("open %s: %w: held by %s", path, err, holders(path))
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := &device{fd: fd, info: Info{Path: path}}
	d.ask()
	return d, nil
}

// ask fills info with what the driver answers; drivers may leave out anything
// but the feeding.
func (d *device) ask() {
	if support, err := unix.IoctlGetWatchdogInfo(d.fd); err == nil {
		d.info.Identity = unix.ByteSliceToString(support.Identity[:])
		d.info.MagicClose = support.Options&optionMagicClose != 0
	}
	if boot, err := unix.IoctlGetInt(d.fd, unix.WDIOC_GETBOOTSTATUS); err == nil {
		d.info.CausedReset, d.info.BootStatus = boot&statusCardReset != 0, booted(boot)
	}
	if s, err := unix.IoctlGetInt(d.fd, unix.WDIOC_GETTIMEOUT); err == nil {
		d.info.Timeout = time.Duration(s) * time.Second
	}
	if s, err := unix.IoctlGetInt(d.fd, unix.WDIOC_GETPRETIMEOUT); err == nil {
		d.info.Pretimeout = time.Duration(s) * time.Second
	}
	d.info.NoWayOut = sysfs(d.info.Path, "nowayout") == "1"
}

func (d *device) Info() Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

func (d *device) Feed() error {
	if err := unix.IoctlWatchdogKeepalive(d.fd); err != nil {
		return fmt.Errorf("feed %s: %w", d.info.Path, err)
	}
	return nil
}

// set makes a request that takes a number and gives back what was made of it.
func (d *device) set(request uint, name string, v time.Duration) (time.Duration, error) {
	s := int32((v + time.Second - 1) / time.Second)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), uintptr(request), uintptr(unsafe.Pointer(&s))); errno != 0 {
		return 0, fmt.Errorf("%s: %s %s: %w", d.info.Path, name, v, errno)
	}
	return time.Duration(s) * time.Second, nil
}

func (d *device) SetTimeout(v time.Duration) (time.Duration, error) {
	got, err := d.set(unix.WDIOC_SETTIMEOUT, "WDIOC_SETTIMEOUT", v)
	if err == nil {
		d.mu.Lock()
		d.info.Timeout = got
		d.mu.Unlock()
	}
	return got, err
}

func (d *device) SetPretimeout(v time.Duration) (time.Duration, error) {
	got, err := d.set(unix.WDIOC_SETPRETIMEOUT, "WDIOC_SETPRETIMEOUT", v)
	if err == nil {
		d.mu.Lock()
		d.info.Pretimeout = got
		d.mu.Unlock()
	}
	return got, err
}

func (d *device) Close() error { return unix.Close(d.fd) }

func (d *device) Disarm() error {
	defer unix.Close(d.fd)
	switch {
	case d.info.NoWayOut:
		return fmt.Errorf("%s stays armed: its driver runs with nowayout", d.info.Path)
	case !d.info.MagicClose:
		return fmt.Errorf("%s stays armed: its driver can't stop it", d.info.Path)
	}
	if _, err := unix.Write(d.fd, []byte("V")); err != nil {
		return fmt.Errorf("magic close of %s: %w", d.info.Path, err)
	}
	return nil
}

// classRoot is where the kernel shows watchdogs without their being opened.
var classRoot = "/sys/class/watchdog"

func sysfs(path, file string) string {
	b, err := os.ReadFile(filepath.Join(classRoot, filepath.Base(path), file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// List gives the watchdogs of this box without opening them.
func List() (list []Info, err error) {
	entries, err := os.ReadDir(classRoot)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		path := filepath.Join("/dev", e.Name())
		boot, _ := strconv.Atoi(sysfs(path, "bootstatus"))
		options, _ := strconv.ParseInt(sysfs(path, "options"), 0, 64)
		i := Info{Path: path, Identity: sysfs(path, "identity"), Timeout: seconds(sysfs(path, "timeout")),
			Pretimeout: seconds(sysfs(path, "pretimeout")), CausedReset: boot&statusCardReset != 0, BootStatus: booted(boot),
			MagicClose: options&optionMagicClose != 0, NoWayOut: sysfs(path, "nowayout") == "1", Active: sysfs(path, "state") == "active"}
		if i.Active {
			i.InUse = holders(path)
		}
		list = append(list, i)
	}
	return list, err
}

func seconds(s string) time.Duration {
	n, _ := strconv.Atoi(s)
	return time.Duration(n) * time.Second
}

// Find gives the path of the watchdog with an identity.
func Find(identity string) (string, error) {
	list, err := List()
	if err != nil {
		return "", err
	}
	var there []string
	for _, i := range list {
		if i.Identity == identity {
			return i.Path, nil
		}
		there = append(there, fmt.Sprintf("%s is %q", i.Path, i.Identity))
	}
	if there == nil {
		there = []string{"there is none"}
	}
	return "", fmt.Errorf("no watchdog with identity %q: %s", identity, strings.Join(there, ", "))
}

// holders names the processes that have a path open.
func holders(path string) string {
	var names []string
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || to != path {
			continue
		}
		pid := strings.Split(fd, "/")[2]
		comm, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
		names = append(names, fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	if names == nil {
		return "nobody whom we may see"
	}
	return strings.Join(names, ", ")
}
