package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/control"
	"holdfast/appliance/drain"
	"holdfast/appliance/provision"
	"holdfast/appliance/update"
	"holdfast/image"
	"holdfast/image/boot"
	"holdfast/image/slot"
	"holdfast/image/source"
	"holdfast/watchdog"
)

// loader is the boot loader of this box, as the installer and the update want
// it.
type loader struct {
	boot.Backend
	slots []slot.Slot
}

// Entries are the versions that are there, with their slots.
func (l loader) Entries() ([]update.Entry, error) {
	all, err := l.State()
	if err != nil {
		return nil, err
	}
	running, _, err := l.Current()
	var entries []update.Entry
	for _, e := range all {
		entries = append(entries, update.Entry{Version: e.Version, Slot: l.slot(e, e.Version == running), State: e.State.String(), TriesLeft: e.TriesLeft, Primary: e.Primary, Why: e.Why, Unloadable: e.Unloadable})
	}
	return entries, err
}

// slot is where a version lies: what runs in the slot that does, and what else
// may be started in the other one. Before a root is written, the loader forgets
// what was there.
func (l loader) slot(e boot.Entry, running bool) string {
	if other, err := slot.Inactive(l.slots); !running && e.State != boot.Bad && err == nil {
		return other.Name
	}
	if i := slices.IndexFunc(l.slots, func(s slot.Slot) bool { return s.Booted }); running && i >= 0 {
		return l.slots[i].Name
	}
	return ""
}

// Versions are the names of all that is there, and of what is started next.
func (l loader) Versions() (all []string, primary string, err error) {
	entries, err := l.State()
	for _, e := range entries {
		if all = append(all, e.Version); e.Primary {
			primary = e.Version
		}
	}
	return all, primary, err
}

// machine is this box, as far as its versions are concerned.
type machine struct {
	update.Updater
	loader
	release image.Release
	keys    string // the folder of those that may sign
}

// newMachine is the box whose files are below root, "/", and whose daemon has a
// socket.
func newMachine(root, socket string, log *slog.Logger) (*machine, error) {
	release, err := image.ReadRelease(filepath.Join(root, image.ReleaseFile))
	if err != nil {
		return nil, fmt.Errorf("this box runs no image of Holdfast: %w", err)
	}
	backend, err := boot.Detect(root)
	if err != nil {
		return nil, err
	}
	slots, err := slot.Find(root)
	if err != nil {
		return nil, err
	}
	m := &machine{loader: loader{backend, slots}, release: release, keys: filepath.Join(root, image.KeysFolder)}
	copied := ""
	if _, ok := backend.(*boot.SystemdBoot); ok {
		copied = filepath.Join(root, keptTrial)
	}
	m.Updater = update.Updater{Copy: copied, Folder: filepath.Join(root, update.Folder), Backend: m.loader, Log: log, Clock: func() drain.Now { return drain.Clock("") },
		Reset: resetByWatchdog, Broken: slot.ReadBroken(root), Facts: func(context.Context) (b update.Box, err error) {
			return b, control.Ask(socket, control.Request{Do: "facts"}, &b)
		}}
	return m, nil
}

// resetByWatchdog says whether the hardware says that this boot is its doing.
func resetByWatchdog() bool {
	list, _ := watchdog.List()
	return slices.ContainsFunc(list, func(i watchdog.Info) bool { return i.CausedReset })
}

// bundle is one that somebody has named, of which the manifest has been read.
type bundle struct {
	*machine
	from      io.Reader // from its beginning
	version   image.Version
	downgrade bool
	tell      func(image.Progress)
}

// vouchWithin is how long a source may take to say who has signed its bundle: until
// then nobody has to be believed, and no other update can begin.
const vouchWithin = 5 * time.Minute

// open reads who has signed a bundle, and its version. What was read is read once
// more by the installer, which believes nobody.
func (m *machine) open(ctx context.Context, name string) (*bundle, io.Closer, error) {
	keys, err := image.ReadKeys(m.keys)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(vouchWithin, func() { cancel(fmt.Errorf("nobody has vouched for it within %s", vouchWithin)) })
	defer late.Stop()
	from, err := source.Default.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	var read bytes.Buffer
	b, err := image.Open(io.TeeReader(from, &read))
	if err == nil {
		if _, err = b.Verify(keys); err != nil {
			err = fmt.Errorf("%w: this box takes what a key in %s has signed", err, image.KeysFolder)
		}
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", name, err), from.Close())
	}
	out := &bundle{machine: m, from: io.MultiReader(&read, from), version: b.Manifest.Version}
	if s, ok := from.(io.ReadSeeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err == nil { // a pipe can't
			out.from = s
		}
	}
	return out, from, nil
}

func (b *bundle) Version() string { return string(b.version) }

// Install has the installer write it.
func (b *bundle) Install(ctx context.Context) error {
	keys, err := image.ReadKeys(b.keys)
	if err != nil {
		return err
	}
	to, err := slot.Inactive(b.slots)
	if err != nil {
		return err
	}
	in := image.Installer{Release: b.release, Keys: keys, Slot: to, Boot: b.loader, Downgrade: b.downgrade, Tries: update.Tries, Tell: b.tell}
	_, err = in.Install(ctx, b.from)
	return err
}

// boxID is what tells this box from others, for fractions of them.
func boxID() string {
	id := provision.Machine("/")
	name, _ := os.ReadFile("/etc/machine-id")
	return cmp.Or(id.Serial, id.UUID, strings.Join(id.MACs, " "), strings.TrimSpace(string(name)))
}
