// Package data is the data partition of a box: it is made at the first boot,
// grows with its disk, is checked at each boot, and is made anew if nothing else
// helps. Whatever has become of it, a box has a /var that can be written.
package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/image/slot"
)

// Options is where things are; the zero value is a box.
type Options struct {
	Device string // "": the partition beside the slot that runs
	Root   string // "": the box's own
	Say    func(format string, args ...any)
}

// Prepare mounts /var, in memory if the disk can't be used, and /etc over the
// image's own. It comes back without either only if memory is full too.
func Prepare(ctx context.Context, o Options) error {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	at := filepath.Join(o.Root, "/var")
	if err := o.disk(ctx, at); err != nil {
		o.Say("data: %v; /var is in memory, and what is written there is gone with the next boot", err)
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "mode=0755,size=25%"); err != nil {
			return fmt.Errorf("mount /var in memory: %w", err)
		}
	}
	return o.etc(at)
}

// disk mounts the partition, however much it takes: what a check has not seen, a
// check of all of it may, and else it is made anew.
func (o Options) disk(ctx context.Context, at string) (err error) {
	dev := o.Device
	if dev == "" {
		if dev, err = slot.Beside("/", slot.Data); err != nil {
			return err
		}
	}
	grow(ctx, dev, o.Say)
	mends := o.ways(dev)
	if len(mends) == 0 {
		o.Say("data: %s is new", dev)
	}
	for i, mend := range mends {
		if err = mend(ctx, dev); err == nil {
			o.enlarge(ctx, dev)
			err = use(dev, at)
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, unix.ENODEV) { // a kernel that has no ext4 says nothing of the data
			return err
		}
		o.Say("data: %s: %v", dev, err)
		if i == len(mends)-1 {
			o.Say("data: %s could not be mended and is made anew", dev)
		}
	}
	if err := create(ctx, dev); err != nil {
		return err
	}
	return use(dev, at)
}

// ways are those to mend what is on a partition; none: it is as good as nothing.
// Copies of a superblock stay behind from whatever was there before: they count only
// where there is one, or where it can't be read.
func (o Options) ways(dev string) (mends []func(context.Context, string) error) {
	switch is, err := marked(dev, superblock); {
	case is:
		mends = append(mends, o.check, o.checkAll)
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist):
		return nil
	}
	for _, c := range copies {
		if is, _ := marked(dev, c.at()); is {
			mends = append(mends, o.by(c))
		}
	}
	return mends
}

// enlarge has a file system fill its partition. The program wants it checked as a
// whole first, unless there is nothing to do.
func (o Options) enlarge(ctx context.Context, dev string) {
	if _, err := run(ctx, "resize2fs", dev); err == nil {
		return
	}
	err := o.checkAll(ctx, dev)
	if err == nil {
		var out string
		if out, err = run(ctx, "resize2fs", dev); err != nil {
			err = fmt.Errorf("resize2fs: %w: %s", err, last(out))
		}
	}
	if err != nil {
		o.Say("data: %s keeps its size: %v", dev, err)
	}
}

// use mounts a file system if it is of use: one may say that it is clean, and a
// check believes it.
func use(dev, at string) error {
	if err := unix.Mount(dev, at, "ext4", unix.MS_NOATIME|unix.MS_NODEV|unix.MS_NOSUID, "errors=remount-ro"); err != nil {
		return fmt.Errorf("mount %s on %s: %w", dev, at, err)
	}
	if err := look(at); err != nil {
		return errors.Join(err, unix.Unmount(at, 0))
	}
	return nil
}

// look goes through the folders of what a box needs, and writes. The kernel takes
// the right to write from a file system that is broken; one that is full is not.
func look(at string) error {
	for _, dir := range []string{"etc", "lib"} {
		if err := filepath.WalkDir(filepath.Join(at, dir), func(_ string, d fs.DirEntry, err error) error {
			if err == nil {
				_, err = d.Info()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(at, ".look-")
	if errors.Is(err, unix.ENOSPC) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// superblock is where that of ext4 begins, in octets.
const superblock = 1024

// marked says whether a superblock of ext4 begins at an octet: its mark is 53 EF, 56
// octets behind that.
func marked(dev string, at int64) (bool, error) {
	f, err := os.Open(dev)
	if err != nil {
		return false, err
	}
	defer f.Close()
	mark := make([]byte, 2)
	_, err = f.ReadAt(mark, at+56)
	return err == nil && bytes.Equal(mark, []byte{0x53, 0xef}), err
}

// backup is the first copy of a superblock, which is in the second group of blocks.
type backup struct{ block, size int64 }

// copies are where mkfs.ext4 has them for its sizes of blocks: it takes the small
// one for less than 512 MiB.
var copies = []backup{{32768, 4096}, {8193, 1024}}

func (b backup) at() int64 { return b.block * b.size }

// by mends whatever can be by a copy.
func (o Options) by(b backup) func(context.Context, string) error {
	return func(ctx context.Context, dev string) error {
		return o.fsck(ctx, dev, "-f", "-y", "-b", fmt.Sprint(b.block), "-B", fmt.Sprint(b.size))
	}
}

// check mends what is safe to mend, of a file system that does not say that it is
// clean.
func (o Options) check(ctx context.Context, dev string) error { return o.fsck(ctx, dev, "-p") }

// checkAll mends whatever can be.
func (o Options) checkAll(ctx context.Context, dev string) error { return o.fsck(ctx, dev, "-f", "-y") }

// fsck says 1 if it has mended something, and 2 if the box should boot anew, which
// it does not need before it has mounted it.
func (o Options) fsck(ctx context.Context, dev string, args ...string) error {
	out, err := run(ctx, "e2fsck", append(args, dev)...)
	if e := (*exec.ExitError)(nil); errors.As(err, &e) && (e.ExitCode() == 1 || e.ExitCode() == 2) {
		o.Say("data: %s was mended (e2fsck %s): %s", dev, args[0], first(out))
		return nil
	}
	if err != nil {
		err = fmt.Errorf("e2fsck: %w: %s", err, last(out))
	}
	return err
}

func create(ctx context.Context, dev string) error {
	if out, err := run(ctx, "mkfs.ext4", "-q", "-F", "-L", slot.Data, "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", dev); err != nil {
		return fmt.Errorf("mkfs.ext4 %s: %w: %s", dev, err, last(out))
	}
	return nil
}

// etc lays what was changed in /etc over the image's own.
func (o Options) etc(at string) error {
	upper, work, etc := filepath.Join(at, "etc"), filepath.Join(at, "etc.work"), filepath.Join(o.Root, "/etc")
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", etc, "overlay", unix.MS_NODEV, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", etc, upper, work)); err != nil {
		return fmt.Errorf("mount %s over %s: %w", upper, etc, err)
	}
	return nil
}

// grow has the partition end where its disk does. The partition table is written
// once, and only where there is room to win.
func grow(ctx context.Context, dev string, say func(string, ...any)) {
	disk, number, room := place(dev)
	if room < 16<<20 {
		return
	}
	c := exec.CommandContext(ctx, "sfdisk", "--quiet", "--no-reread", "--force", "-N", number, disk)
	c.Stdin = strings.NewReader(", +\n")
	if out, err := c.CombinedOutput(); err != nil {
		say("data: %s does not grow: %v %s", dev, err, last(string(out)))
		return
	}
	// The kernel hears of it while other partitions are in use.
	if out, err := run(ctx, "partx", "-u", "-n", number, disk); err != nil {
		say("data: %s grows with the next boot: %v %s", dev, err, last(out))
	}
}

// place is a partition's disk, its number, and how many octets are free behind it.
func place(dev string) (disk, number string, room int64) {
	sys, err := filepath.EvalSymlinks("/sys/class/block/" + filepath.Base(dev))
	if err != nil {
		return "", "", 0
	}
	read := func(name string) (n int64) {
		b, _ := os.ReadFile(name)
		fmt.Sscan(string(b), &n)
		return n << 9 // of 512 octets
	}
	b, err := os.ReadFile(sys + "/partition")
	if err != nil {
		return "", "", 0
	}
	end, whole := read(sys+"/start")+read(sys+"/size"), read(filepath.Dir(sys)+"/size")
	return "/dev/" + filepath.Base(filepath.Dir(sys)), strings.TrimSpace(string(b)), whole - end - 1<<20
}

func run(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// first is the first thing that e2fsck has found: a line that is no heading.
func first(out string) string {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "e2fsck ") && !strings.HasPrefix(line, "Pass ") {
			return line
		}
	}
	return ""
}

// last is the end of what a program printed.
func last(out string) string {
	out = strings.TrimSpace(out)
	return out[strings.LastIndexByte(out, '\n')+1:]
}
