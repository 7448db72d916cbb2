package boot

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"holdfast/image/uki"
	"holdfast/image/versions"
)

// Where things are on a box.
const (
	esp    = "efi" // the EFI system partition
	linux  = esp + "/EFI/Linux"
	prefix = "holdfast_"
	suffix = ".efi"
)

// architecture is how UEFI calls that of this program.
var architecture = map[string]string{"amd64": "x64", "arm64": "aa64"}[runtime.GOARCH]

// SystemdBoot is systemd-boot, which counts the tries of a version in the name of
// its file on the EFI system partition, and the firmware, which starts it. What
// firmware starts by itself is a copy of the version that was last marked good:
// if it can't load what systemd-boot has chosen, it goes on with that.
type SystemdBoot struct {
	root string
	disk disk
}

// NewSystemdBoot is that of the box whose files are below a folder.
func NewSystemdBoot(root string) *SystemdBoot { return &SystemdBoot{root, system{}} }

// Name is "systemd-boot".
func (*SystemdBoot) Name() string { return "systemd-boot" }

// kernels are the files of all versions, in the order in which systemd-boot takes
// them: those without tries left last, and newer ones first.
func (b *SystemdBoot) kernels() (list []kernel, err error) {
	files, err := os.ReadDir(b.path(linux))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		k, ok := parseName(f.Name())
		if !ok {
			continue
		}
		head, err := readHead(b.kernelPath(k.name))
		if err != nil {
			return nil, err
		}
		// Boot loaders take nothing else for a program at all.
		k.program = bytes.HasPrefix(head, []byte("MZ"))
		if k.counted && k.left == 0 && !k.program {
			k.why = reason(head)
		}
		list = append(list, k)
	}
	slices.SortStableFunc(list, func(a, b kernel) int {
		if spent := a.counted && a.left == 0; spent != (b.counted && b.left == 0) {
			if spent {
				return 1
			}
			return -1
		}
		if c := versions.Compare(b.version, a.version); c != 0 {
			return c
		}
		return versions.Compare(b.name, a.name)
	})
	return list, nil
}

func (b *SystemdBoot) path(p string) string          { return filepath.Join(b.root, p) }
func (b *SystemdBoot) kernelPath(name string) string { return b.path(filepath.Join(linux, name)) }
func (b *SystemdBoot) rescuePath() string {
	return b.path(esp + "/EFI/BOOT/BOOT" + strings.ToUpper(architecture) + ".EFI")
}

// Current is the version that runs, and whether systemd-boot has counted this
// boot of it. The firmware's variable alone does not say so: it stays when what
// systemd-boot has chosen can't be loaded, and another version runs.
func (b *SystemdBoot) Current() (version string, trial bool, err error) {
	version, err = running(b.root)
	if err != nil {
		return "", false, err
	}
	list, err := b.kernels()
	if err != nil {
		return "", false, err
	}
	counted, err := b.countedVersion()
	if _, good := goodKernel(list, version); err != nil || good {
		return version, false, err
	}
	return version, counted == version, nil
}

// State is the versions on the partition.
func (b *SystemdBoot) State() (entries []Entry, err error) {
	list, err := b.kernels()
	if err != nil {
		return nil, err
	}
	runs, trial, err := b.Current()
	if err != nil {
		return nil, err
	}
	primary := ""
	for _, k := range list {
		if primary == "" && k.program {
			primary = k.version
		}
		if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Version == k.version }) {
			entries = appendEntry(entries, list, k.version, trial && k.version == runs)
		}
	}
	counted, err := b.countedVersion()
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		entries[i].Primary = e.Version == primary
		entries[i].Unloadable = e.Version == counted && counted != runs
	}
	slices.SortFunc(entries, func(a, b Entry) int { return versions.Compare(b.Version, a.Version) })
	return entries, nil
}

// Install puts a version on the partition. Of one that is older than what is
// good, systemd-boot is told once, since it goes for the newest: it has one try.
func (b *SystemdBoot) Install(version string, kernel []byte, tries int) error {
	if err := b.install(version, kernel, tries); err != nil {
		return fmt.Errorf("install version %s: %w", version, err)
	}
	return nil
}

func (b *SystemdBoot) install(version string, data []byte, tries int) error {
	entries, err := b.State()
	if err != nil {
		return err
	}
	if err := installable(b, entries, version, tries); err != nil {
		return err
	}
	if err := b.Check(version, data); err != nil {
		return err
	}
	if err := b.Enroll(); err != nil {
		return err
	}
	// One version is tried at a time.
	if err := b.dropAll(func(k kernel) bool { return k.version == version || k.counted || !k.program }); err != nil {
		return err
	}
	if err := b.dropFound(); err != nil {
		return err
	}
	if err := b.roomFor(len(data)); err != nil {
		return err
	}
	if err := put(b.disk, b.kernelPath(fmt.Sprintf("%s%s+%d%s", prefix, version, tries, suffix)), data); err != nil {
		return err
	}
	if newest := otherGood(entries, version); versions.Compare(newest, version) > 0 {
		return b.once(version)
	}
	return nil
}

// Check refuses what firmware or loader would not start.
func (b *SystemdBoot) Check(version string, kernel []byte) error {
	if err := checkKernel(kernel, version); err != nil {
		return err
	}
	return b.checkSigned(kernel)
}

// checkSigned refuses what firmware would refuse.
func (b *SystemdBoot) checkSigned(data []byte) error {
	on, err := b.variable("SecureBoot", global)
	if err == nil && len(on) == 1 && on[0] == 1 && !uki.Signed(data) {
		err = errors.New("its kernel image is not signed, and the firmware of this box starts only what is (Secure Boot): make a bundle of one that is signed")
	}
	return err
}

// dropFound removes what a power cut has left of files that were being written or
// removed, and what fsck has made files of. Each would take a kernel image's room.
func (b *SystemdBoot) dropFound() error {
	found, err := filepath.Glob(b.path(linux + "/*.NEW"))
	for _, f := range found {
		if err := leftover(b.disk, strings.TrimSuffix(f, ".NEW")+suffix, f); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	found, err = filepath.Glob(b.path(esp + "/FSCK*.REC"))
	for _, f := range found {
		if err := b.disk.Remove(f); err != nil {
			return err
		}
	}
	return err
}

// roomFor refuses an image for which there is no room: it is there three times
// when it is marked good.
func (b *SystemdBoot) roomFor(size int) error {
	free, err := b.disk.Free(b.path(linux))
	if want := 3 * uint64(size); err == nil && free < want {
		err = fmt.Errorf("/%s has %d MiB free, and %d are needed: remove a version that is not the running one", esp, free>>20, (want+1<<20-1)>>20)
	}
	return err
}

// dropAll removes files.
func (b *SystemdBoot) dropAll(which func(kernel) bool) error {
	list, err := b.kernels()
	if err != nil {
		return err
	}
	for _, k := range list {
		if which(k) {
			if err := drop(b.disk, b.kernelPath(k.name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarkGood gives the running version a name without tries, has the firmware's own
// choice be it, and removes all good ones but it and the one before it. Called
// again for a version that is good, it looks after the firmware's choice.
func (b *SystemdBoot) MarkGood(version string) error {
	if err := b.markGood(version); err != nil {
		return fmt.Errorf("mark version %s good: %w", version, err)
	}
	return nil
}

func (b *SystemdBoot) markGood(version string) error {
	if err := onlyRunning(b.root, version); err != nil {
		return err
	}
	data, err := b.commit(version)
	if err != nil {
		return err
	}
	if err := b.dropAll(func(k kernel) bool { return k.version == version && k.counted }); err != nil {
		return err
	}
	if err := replace(b.disk, b.rescuePath(), data); err != nil {
		return err
	}
	return b.tidy(version)
}

// commit has the running version be there without tries, and reads it. One that
// is the firmware's own choice was marked good already: if its file is gone, or
// spoilt, it is written again.
func (b *SystemdBoot) commit(version string) ([]byte, error) {
	list, err := b.kernels()
	if err != nil {
		return nil, err
	}
	k, good := goodKernel(list, version)
	var spoilt error
	if good {
		var data []byte
		if data, spoilt = b.read(k); spoilt == nil {
			return data, nil
		}
	}
	data, err := fresh(b.rescuePath())
	if err != nil || checkKernel(data, version) != nil || kernelVersion(data) != version {
		if spoilt != nil {
			return nil, fmt.Errorf("%w; the copy that the firmware starts by itself is none of it: install another version", spoilt)
		}
		if data, err = b.tried(list, version); err != nil {
			return nil, err
		}
	}
	if good { // at no moment is it not there: an older one would be good then, and this one tidied away
		return data, replace(b.disk, b.kernelPath(k.name), data)
	}
	return data, put(b.disk, b.kernelPath(prefix+version+suffix), data)
}

// tried reads the version of which systemd-boot has counted a try.
func (b *SystemdBoot) tried(list []kernel, version string) ([]byte, error) {
	counted, err := b.countedVersion()
	if err != nil {
		return nil, err
	}
	if counted != version {
		return nil, fmt.Errorf("systemd-boot has not booted it for a try: LoaderBootCountPath names version %q", counted)
	}
	i := slices.IndexFunc(list, func(k kernel) bool { return k.version == version && k.program })
	if i < 0 {
		return nil, errors.New("its kernel image is gone: it was marked bad")
	}
	return b.read(list[i])
}

// read reads a kernel image, which must be whole.
func (b *SystemdBoot) read(k kernel) ([]byte, error) {
	data, err := fresh(b.kernelPath(k.name))
	if err == nil {
		if err = checkKernel(data, k.version); err != nil {
			err = fmt.Errorf("%s: %w", b.kernelPath(k.name), err)
		}
	}
	return data, err
}

// tidy removes good versions that nobody needs once one is good: older ones than
// the one before it, and newer ones, which systemd-boot would prefer. What is bad
// says so until the next installation.
func (b *SystemdBoot) tidy(version string) error {
	list, err := b.kernels()
	if err != nil {
		return err
	}
	before := ""
	for _, k := range list { // the newest first
		if !k.counted && k.program && before == "" && versions.Compare(k.version, version) < 0 {
			before = k.version
		}
	}
	return b.dropAll(func(k kernel) bool { return !k.counted && k.version != version && k.version != before })
}

// MarkBad takes a version's program away, and leaves a name that says so: a
// loader that has nothing else would still take one without tries left.
func (b *SystemdBoot) MarkBad(version string) error { return b.Reject(version, "") }

// Reject is MarkBad by somebody who says why: the mark keeps it.
func (b *SystemdBoot) Reject(version, why string) error {
	if err := b.markBad(version, why); err != nil {
		return fmt.Errorf("mark version %s bad: %w", version, err)
	}
	return nil
}

func (b *SystemdBoot) markBad(version, why string) error {
	entries, err := b.State()
	if err != nil {
		return err
	}
	e, ok := find(entries, version)
	if !ok {
		return errors.New("it is not in place")
	}
	other := otherGood(entries, version)
	if other == "" {
		return errors.New("no other version is good: nothing would be left to boot")
	}
	if err := b.rescueOther(version, other); err != nil {
		return err
	}
	path := b.kernelPath(prefix + version + "+0" + suffix)
	return steps(
		func() error { return b.dropAll(func(k kernel) bool { return k.version == version && k.program }) },
		func() error { return b.disk.Write(path, mark(cmp.Or(why, e.Why))) },
		func() error { return b.disk.Sync(path) },
		func() error { return b.disk.Sync(filepath.Dir(path)) },
	)
}

// rescueOther has the firmware's own choice not be a version that goes.
func (b *SystemdBoot) rescueOther(version, other string) error {
	list, err := b.kernels()
	if err != nil {
		return err
	}
	if _, good := goodKernel(list, version); !good {
		return nil // it never was
	}
	o, _ := goodKernel(list, other)
	data, err := b.read(o)
	if err != nil {
		return err
	}
	return replace(b.disk, b.rescuePath(), data)
}

// Remove removes all files of a version.
func (b *SystemdBoot) Remove(version string) error {
	err := b.remove(version)
	if err != nil {
		err = fmt.Errorf("remove version %s: %w", version, err)
	}
	return err
}

func (b *SystemdBoot) remove(version string) error {
	entries, err := b.State()
	if err != nil {
		return err
	}
	if err := removable(b, entries, version); err != nil {
		return err
	}
	if other := otherGood(entries, version); other != "" {
		if err := b.rescueOther(version, other); err != nil {
			return err
		}
	}
	return b.dropAll(func(k kernel) bool { return k.version == version })
}
