// Package early is the first program of a box, before there is a root: it arms
// the hardware watchdog, finds the slot of its version, has the kernel prove
// what is read of it, and gives the box to the service manager. Hashes that are
// broken are made anew; a version whose data are is marked bad, and another one is
// started.
package early

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/image/slot"
	"holdfast/image/verity"
)

// Line is what the kernel's command line says to us.
type Line struct {
	Root     verity.Root
	Watchdog time.Duration // holdfast.watchdog=SECONDS; 0: it is not armed here
	Identity string        // holdfast.identity=: the device that is armed; "" is the first that is not the software's
	Init     string        // init=
	Wait     time.Duration // holdfast.wait=SECONDS: how long the slot may take to appear
}

// ParseLine reads a command line, of which most words are for others.
func ParseLine(s string) (l Line, err error) {
	l = Line{Init: "/sbin/init", Wait: 30 * time.Second}
	for _, word := range fields(s) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "holdfast.root":
			l.Root, err = verity.Parse(value)
		case "holdfast.watchdog":
			l.Watchdog, err = seconds(value)
		case "holdfast.wait":
			l.Wait, err = seconds(value)
		case "holdfast.identity":
			l.Identity = value
		case "init":
			l.Init = value
		}
		if err != nil {
			return l, fmt.Errorf("%s: %w", key, err)
		}
	}
	if l.Root.Blocks == 0 {
		return l, errors.New("holdfast.root is missing")
	}
	return l, nil
}

// fields are the words of a command line, in which quotes hold spaces.
func fields(s string) []string {
	quoted := false
	words := strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\n' || r == '\t')
	})
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, `"`, "")
	}
	return words
}

func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseUint(s, 10, 12)
	if err != nil {
		return 0, fmt.Errorf("want seconds, got %q", s)
	}
	return time.Duration(n) * time.Second, nil
}

// Run does all of it. It only comes back with an error; who called it then has
// nothing left but to restart the box.
func Run() error {
	for _, m := range []struct{ kind, at string }{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}} {
		if err := mount(m.kind, m.kind, m.at, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return err
		}
	}
	text, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	l, err := ParseLine(string(text))
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	if err := modules("/modules/watchdog", never); err != nil {
		say("%v", err)
	}
	if err := arm(l); err != nil {
		say("the hardware watchdog is not armed: %v", err)
	}
	if err := modules("/modules/root", never); err != nil {
		say("%v", err)
	}
	return start(l)
}

// start begins the version, and comes back if it can't be begun: then it has been
// marked bad, if there is another one. What nothing else can stand in for is
// begun although blocks of it are broken: they can't be read, and all that is
// read is proven.
func start(l Line) error {
	from, err := find(l)
	if err == nil {
		err = os.WriteFile("/"+slot.Running, []byte(from+"\n"), 0o644)
	}
	if err != nil {
		return refuse(err)
	}
	if broken := prove(l.Root, from); broken != nil {
		refused := refuse(broken)
		if !errors.Is(refused, errAlone) {
			return refused
		}
		say("%v: it is started all the same, without what is broken", refused)
		if err := os.WriteFile("/"+slot.Broken, []byte(broken.Error()+"\n"), 0o644); err != nil {
			say("%v", err)
		}
		return run(l, from, "")
	}
	// What breaks from now on is found by the next start.
	return refuse(run(l, from, " 1 restart_on_corruption"))
}

// prove reads all of the root: what breaks a version that is good is found before
// it runs, when there still is a choice.
func prove(r verity.Root, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	begin := time.Now()
	err = r.Check(f)
	if errors.Is(err, verity.ErrHashes) && mend(r, from) == nil {
		err = r.Check(f)
	}
	if err != nil {
		return fmt.Errorf("its root is broken: %s: %w", from, err)
	}
	say("%s: its root is whole: %d MiB in %s", from, r.Size()>>20, time.Since(begin).Round(time.Millisecond))
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // the memory is wanted elsewhere
	return nil
}

// mend writes the hashes of a root anew, if all of its data are whole.
func mend(r verity.Root, dev string) error {
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	behind, err := r.Rehash(f)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(behind, int64(r.Blocks)*verity.Block); err != nil {
		return err
	}
	// What is read from now on comes from the disk: some lose what is written.
	if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
		return err
	}
	say("%s: its hashes were broken, and are made anew of its data, which are whole", dev)
	return nil
}

// run has the kernel prove what is read, and enters the root.
func run(l Line, from, onError string) error {
	if err := verify(l.Root, from, onError); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return enter(l, from)
}

// say prints on the console.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "early: "+format+"\n", args...) }

func mount(source, kind, at string, flags uintptr, data string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, at, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, at, err)
	}
	return nil
}

// modules loads what lies in a folder, in the order of the names, until it is
// enough: the build has put those that others need before them. One that finds no
// hardware says so, which is no error.
func modules(dir string, enough func() bool) error {
	files, err := filepath.Glob(dir + "/*.ko")
	var errs []error
	for _, f := range files {
		if enough() {
			break
		}
		if err := load(f); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, err)...)
}

func never() bool { return false }

func load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// find waits for the partition that holds the root: firmware says nothing of
// where we came from, and disks take their time. Of the drivers of all disks no
// more are loaded than it takes: some look for their hardware for long. One that
// is not known by its hashes may still be known by its data.
func find(l Line) (from string, err error) {
	var names []string
	look := func() bool {
		names = devices()
		i := slices.IndexFunc(names, func(dev string) bool { return holds(l.Root, dev) })
		if i >= 0 {
			from = names[i]
		}
		return i >= 0
	}
	if err := modules("/modules/disk", look); err != nil {
		say("%v", err)
	}
	for end := time.Now().Add(l.Wait); !look(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			if i := slices.IndexFunc(names, func(dev string) bool { return mend(l.Root, dev) == nil }); i >= 0 {
				return names[i], nil
			}
			return "", fmt.Errorf("no slot holds the root %x…: looked at %s", l.Root.Hash[:4], strings.Join(names, " "))
		}
	}
	return from, nil
}

// devices are those of the slots.
func devices() (devs []string) {
	slots, err := slot.Find("/")
	if err != nil {
		say("%v", err)
	}
	for _, s := range slots {
		devs = append(devs, s.Device)
	}
	return devs
}

func holds(r verity.Root, dev string) bool {
	f, err := os.Open(dev)
	if err != nil {
		return false
	}
	defer f.Close()
	return r.Holds(f)
}

// mapped is the device whose blocks are proven as they are read.
const mapped = "holdfast-root"

// enter mounts the root and becomes its service manager. What lies in memory
// until then is given back.
func enter(l Line, from string) error {
	const root = "/root"
	if err := mount("/dev/mapper/"+mapped, "squashfs", root, unix.MS_RDONLY|unix.MS_NODEV, ""); err != nil {
		return err
	}
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run"} {
		if err := unix.Mount(dir, root+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", dir, err)
		}
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	os.RemoveAll("/modules")
	os.Remove("/init")
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", l.Init, unix.Exec(l.Init, []string{l.Init}, os.Environ()))
}
