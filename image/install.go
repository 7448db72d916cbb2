package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"holdfast/image/signature"
	"holdfast/image/slot"
)

// Boot is what the installer needs of whoever chooses which version a box starts.
type Boot interface {
	// Current is the version that runs, and whether it is on trial.
	Current() (version string, trial bool, err error)
	// Versions are those that are in place, and the one that is booted next.
	Versions() (all []string, primary string, err error)
	// Check says why a kernel image would not be put in place; nil: it would.
	Check(version string, kernel []byte) error
	// Install puts a version in place to be tried at the next boot, so many times.
	// Its last step is one that the power can't cut in two.
	Install(version string, kernel []byte, tries int) error
	// Remove has a version be booted no more. It is called before its root goes.
	Remove(version string) error
}

// Installer writes bundles into the slot that does not run. Whenever it ends, by
// an error, by a kill or by the power: what runs stays, that slot holds a whole
// root or none, and a kernel is only put in place for a whole one. Another try
// begins anew.
type Installer struct {
	Release   Release         // what runs
	Keys      []signature.Key // that may sign
	Slot      slot.Slot       // that is written (see slot.Inactive)
	Boot      Boot
	Downgrade bool           // take an older version, if nothing else is against it
	Tries     int            // how often the version is booted before it has to be good
	Tell      func(Progress) // what is done, at each step and mebibyte; never nil
}

// Install takes a bundle from its beginning to its end, and gives its manifest.
// Of what can be read twice, a file, all is proven before anything is changed;
// of what comes by a pipe or a network, the manifest. The error names the step.
func (i *Installer) Install(ctx context.Context, from io.Reader) (*Manifest, error) {
	w := &work{Installer: i, from: from}
	if s, ok := from.(io.Seeker); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil { // a pipe can't
			w.again, w.start = s, at
		}
	}
	defer w.close()
	for _, s := range []struct {
		step Step
		do   func(context.Context) error
	}{{Verify, w.verify}, {Erase, w.erase}, {Write, w.write}, {ReadBack, w.readBack}, {Kernel, w.install}} {
		w.tell(s.step, 0)
		err := ctx.Err()
		if err == nil {
			err = s.do(ctx)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s.step, err)
			w.failed(s.step, err)
			return w.manifest, err
		}
	}
	w.tell(Done, 0)
	return w.manifest, nil
}

// work is one run of an installer.
type work struct {
	*Installer
	from     io.Reader
	again    io.Seeker // nil: it can be read once only
	start    int64     // where it begins
	bundle   *Bundle
	manifest *Manifest // nil: nobody has vouched for it yet
	others   []string  // versions that are in place, besides the one that runs
	dev      *slot.Device
	there    bool   // the slot holds the root already, whole
	kept     []byte // what Finish writes
	kernel   []byte
}

func (w *work) close() {
	if w.dev != nil {
		w.dev.Close()
	}
}

func (w *work) tell(s Step, written int64) { w.Tell(w.progress(s, written)) }

func (w *work) progress(s Step, written int64) Progress {
	p := Progress{Slot: w.Slot.Name, Step: s, Written: written}
	if w.manifest != nil {
		p.Version, p.Total = w.manifest.Version, w.manifest.Parts[0].Size
	}
	return p
}

func (w *work) failed(s Step, err error) {
	p := w.progress(s, 0)
	p.Error = err.Error()
	w.Tell(p)
}

// verify has the bundle and the box agree. It changes nothing.
func (w *work) verify(context.Context) error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.free(); err != nil {
		return err
	}
	if w.again == nil {
		return nil
	}
	if err := w.bundle.Pass(w.look); err != nil {
		return err
	}
	if _, err := w.again.Seek(w.start, io.SeekStart); err != nil {
		return err
	}
	return w.open()
}

// look has a kernel's image be looked at by whoever has to start it.
func (w *work) look(p Part, r io.Reader) error {
	if p.Name != KernelPart {
		return nil
	}
	kernel, err := io.ReadAll(r)
	if err == nil {
		err = w.manifest.checkKernel(kernel)
	}
	if err == nil {
		err = w.Boot.Check(string(w.manifest.Version), kernel)
	}
	return err
}

// open reads who signed the bundle, and whether it is one for this box.
func (w *work) open() (err error) {
	if w.bundle, err = Open(w.from); err != nil {
		return err
	}
	if _, err := w.bundle.Verify(w.Keys); err != nil {
		return fmt.Errorf("the bundle: %w: this box takes what a key in %s has signed", err, KeysFolder)
	}
	w.manifest = w.bundle.Manifest
	return w.Release.Admit(w.manifest, w.Downgrade)
}

// free sees to it that nobody needs what is in the slot.
func (w *work) free() (err error) {
	version, trial, err := w.Boot.Current()
	if err != nil {
		return err
	}
	if trial {
		return fmt.Errorf("version %s, which runs, is on trial, and the other one is needed if it fails: wait until it is good, or mark it bad", version)
	}
	all, primary, err := w.Boot.Versions()
	if err != nil {
		return err
	}
	w.others = slices.DeleteFunc(slices.Clone(all), func(v string) bool { return v == version })
	if primary != "" && primary != version && primary != string(w.manifest.Version) {
		return fmt.Errorf("%s has version %s, which is booted next: boot it, or mark it bad", w.Slot.Name, primary)
	}
	if w.dev, err = slot.Open(w.Slot.Device); err != nil {
		return fmt.Errorf("%s: %w", w.Slot.Name, err)
	}
	if size := w.manifest.Parts[0].Size; size > w.dev.Size() {
		return fmt.Errorf("%s: want at most %d octets, as many as %s has, got %d: write an image with larger slots to the disk", RootPart, w.dev.Size(), w.Slot.Name, size)
	}
	return nil
}

// erase has the slot hold nothing, and nothing be booted that was in it. A root
// that is whole already is left: a run before this one has written it.
func (w *work) erase(ctx context.Context) error {
	for _, v := range w.others {
		if err := w.Boot.Remove(v); err != nil {
			return fmt.Errorf("version %s, whose root was in %s: %w", v, w.Slot.Name, err)
		}
	}
	root := w.manifest.Root()
	if w.there = root.Holds(w.dev) && root.Check(w.dev) == nil; w.there {
		return nil
	}
	return w.dev.Erase(ctx, root)
}

// write takes the parts. The root goes to the slot, and the kernel into memory,
// where it is proven.
func (w *work) write(ctx context.Context) error {
	for {
		p, r, err := w.bundle.Next()
		if errors.Is(err, io.EOF) {
			return w.manifest.checkKernel(w.kernel)
		}
		if err != nil {
			return err
		}
		switch {
		case p.Name == RootPart && !w.there:
			w.kept, err = w.dev.Write(ctx, w.manifest.Root(), r, func(n int64) { w.tell(Write, n) })
		case p.Name == KernelPart:
			w.kernel, err = io.ReadAll(r)
		default:
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return err
		}
	}
}

// readBack proves what the disk has made of it; then the slot holds it.
func (w *work) readBack(context.Context) error {
	root := w.manifest.Root()
	if w.there {
		return root.Check(w.dev)
	}
	if err := w.dev.Check(root, w.kept); err != nil {
		return fmt.Errorf("%s is not what was written to it: the disk is broken: %w", w.Slot.Device, err)
	}
	return w.dev.Finish(root, w.kept)
}

// install has the version be tried at the next boot.
func (w *work) install(context.Context) error {
	err := w.Boot.Install(string(w.manifest.Version), w.kernel, w.Tries)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: remove what is not Holdfast's from the partition that the box boots from", err)
	}
	return err
}
