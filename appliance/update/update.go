// Package update brings a new version onto a box, and keeps it only if the box
// is as well with it as it was before.
//
// What has to be true again is written down before the reboot. After it, the
// version is judged by that, within a deadline of this boot's own clock. Until
// it is marked good, the boot loader counts its tries and comes back to the old
// version; the daemon stops feeding the hardware watchdog when the deadline is
// over, whoever else still works.
package update

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/drain"
	"holdfast/appliance/verdict"
)

// Folder is where a box remembers what it tries, over reboots. It is root's: the
// daemon reads it.
const Folder = "/var/lib/holdfast-update"

// DefaultDeadline is how long after the kernel's start a version may take to
// prove itself, LongestDeadline how long somebody may give it, and Tries how often
// it is started before the loader gives up.
const (
	DefaultDeadline = 10 * time.Minute
	LongestDeadline = time.Hour
	Tries           = 3
)

// Grace is how much later than the deadline the daemon stops feeding: what became
// well at the last moment has the time to stay so and to be marked good.
const Grace = verdict.Steadily + 30*time.Second

// Backend is the boot loader of this box.
type Backend interface {
	// Current is the version that runs, and whether the loader only tries it.
	Current() (version string, trial bool, err error)
	// Entries are the versions that are there.
	Entries() ([]Entry, error)
	// MarkGood keeps the version that runs; it refuses another one.
	MarkGood(version string) error
	// MarkBad has a version not be started again.
	MarkBad(version string) error
}

// Entry is a version in a slot. The words are RAUC's.
type Entry struct {
	Version   string `json:"version"`
	Slot      string `json:"slot,omitempty"`  // "rootfs.0", where it is known
	State     string `json:"state"`           // "good", "trying" or "bad"
	TriesLeft int    `json:"tries,omitempty"` // while it is tried
	Primary   bool   `json:"primary"`         // the next boot starts it
	Why       string `json:"why,omitempty"`   // its first program has marked it bad
	// Unloadable: the loader has chosen it for this boot, and could not start it.
	Unloadable bool `json:"unloadable,omitempty"`
}

// Box is how a box stands.
type Box = verdict.Box

// Bundle is a version that somebody brings.
type Bundle interface {
	Version() string
	// Install writes it into the slot that does not run, and has the loader try
	// it at the next boot: the last thing that it does.
	Install(context.Context) error
}

// Updater is the box, as far as its versions are concerned.
type Updater struct {
	Folder  string
	Copy    string // of an update under way, beside the data partition; "": none
	Backend Backend
	Facts   func(context.Context) (verdict.Box, error) // how the box stands: the daemon's answer
	Clock   func() drain.Now
	Reset   func() bool // the hardware watchdog says that this boot is its doing
	// Broken is what is broken of the root that runs; "": it is whole.
	Broken string
	Log    *slog.Logger
}

// Options are how an update is made.
type Options struct {
	Deadline time.Duration                       // after the kernel's start; 0: DefaultDeadline
	Blind    bool                                // without a daemon that answers: nothing is known to be proven
	Drain    func(reason string) (func(), error) // takes the box out of service; the answer undoes that. nil: the stop withdraws
	Reboot   func() error                        // begins a reboot
	Say      func(format string, args ...any)    // tells whoever waits
}

// Update installs a bundle, takes the box out of service and reboots it into the
// new version. It returns when the reboot has begun.
func (u *Updater) Update(ctx context.Context, b Bundle, o Options) error {
	t, err := u.begin(ctx, b.Version(), o)
	if err != nil {
		return err
	}
	if err := b.Install(ctx); err != nil {
		return u.refused(t, err)
	}
	// What has come or gone meanwhile is not the new version's doing.
	if now, err := u.Facts(ctx); err == nil {
		t.Before = now.Bare()
	}
	t.Stage = Installed
	if e, err := u.entry(t); err == nil && e != nil {
		t.Tries = e.TriesLeft // some loaders give one only
	}
	if err := u.save(t); err != nil {
		return fmt.Errorf("%w\n%s is installed, and the next boot tries it", err, t.To)
	}
	u.Log.Info("update: installed", "version", t.To, "from", t.From)
	o.Say("%s is installed; it has until %s after its boot to prove itself", t.To, t.deadline())
	undo := func() {}
	if o.Drain != nil {
		if undo, err = o.Drain("update to " + t.To); err != nil {
			return err
		}
	}
	if err := o.Reboot(); err != nil {
		undo()
		return fmt.Errorf("%w\n%s is installed, and the next boot tries it", err, t.To)
	}
	u.Log.Info("update: rebooting", "version", t.To)
	return nil
}

// begin writes down what has to be true again, before anything is changed: if
// the power goes while the loader is told, the next boot knows.
func (u *Updater) begin(ctx context.Context, to string, o Options) (*Trial, error) {
	running, trial, err := u.Backend.Current()
	if err != nil {
		return nil, fmt.Errorf("boot loader: %w", err)
	}
	if trial {
		return nil, fmt.Errorf("%s runs on trial: wait for its verdict (holdfast update status), or holdfast update mark-good", running)
	}
	old, err := u.load()
	if err != nil {
		return nil, err
	}
	if waits, err := u.waits(old); err != nil {
		return nil, err
	} else if waits {
		return nil, fmt.Errorf("%s is installed and has no verdict yet: reboot, or holdfast update abort", old.To)
	}
	box, err := u.Facts(ctx)
	if err != nil && !o.Blind {
		return nil, fmt.Errorf("%w\nwithout the daemon nothing is known that a new version could be held to", err)
	}
	if box.Trying != "" {
		return nil, fmt.Errorf("%s is still being tried: wait for its verdict, or holdfast rollback", box.Trying)
	}
	now := u.Clock()
	t := &Trial{From: running, To: to, Stage: Installing, Boot: now.Boot, Seconds: o.Deadline.Seconds(), Tries: Tries, Begun: now.Time.UTC().Round(time.Second), Before: box.Bare()}
	if o.Deadline == 0 {
		t.Seconds = DefaultDeadline.Seconds()
	}
	return t, u.save(t)
}

// waits says whether a version is to be tried by the next boot: an update may have
// ended without a word once the loader knew of it.
func (u *Updater) waits(t *Trial) (bool, error) {
	if t == nil || t.Stage == Installed {
		return t != nil, nil
	}
	e, err := u.entry(t)
	return e != nil && e.State == "trying", err
}

// refused ends an update that could not be installed. A loader that would try it
// all the same must not, or what is known of it is kept, for it to be judged.
func (u *Updater) refused(t *Trial, why error) error {
	e, err := u.entry(t)
	if err == nil && e != nil && e.State == "trying" {
		err = u.markBad(t.To)
	}
	if err != nil {
		return fmt.Errorf("%w\nthe next boot may try %s all the same, and would judge it: %w", why, t.To, err)
	}
	u.end(t, Outcome{State: Interrupted, Cause: Refused, Why: why.Error()})
	return why
}

// Abort has a version that is installed or tried not be started again.
func (u *Updater) Abort(why string) (*Trial, error) {
	t, err := u.load()
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, fmt.Errorf("no update is under way")
	}
	if err := u.markBad(t.To); err != nil {
		return t, err
	}
	u.end(t, Outcome{State: Aborted, Cause: ByHand, Why: why})
	return t, nil
}

// Good keeps the version that runs, because somebody says so.
func (u *Updater) Good() (string, error) {
	running, _, err := u.Backend.Current()
	if err != nil {
		return "", fmt.Errorf("boot loader: %w", err)
	}
	t, err := u.load() // the copy counts until it is good
	if good := u.markGood(running); good != nil {
		return running, good
	}
	if err == nil && t != nil && t.To == running {
		u.end(t, Outcome{State: Good, Cause: ByHand})
	}
	return running, err
}

// Bad has a version not be started again: the one that is tried, or the one that
// is named.
func (u *Updater) Bad(version string) (string, error) {
	t, err := u.load()
	if err != nil {
		return version, err
	}
	if version == "" {
		if t == nil {
			return "", fmt.Errorf("nothing is tried: name a version")
		}
		version = t.To
	}
	if err := u.markBad(version); err != nil {
		return version, err
	}
	if t != nil && t.To == version {
		u.end(t, Outcome{State: Failed, Cause: ByHand})
	}
	return version, nil
}

// markBad refuses to take the last version away that would start.
func (u *Updater) markBad(version string) error {
	all, err := u.Backend.Entries()
	if err != nil {
		return fmt.Errorf("boot loader: %w", err)
	}
	switch {
	case !slices.ContainsFunc(all, func(e Entry) bool { return e.Version == version }):
		return nil // it is not there to be started
	case !otherGood(all, version):
		return fmt.Errorf("%s is the only version that starts: it is not marked bad", version)
	}
	return u.Backend.MarkBad(version)
}

// otherGood says whether a version that was kept is there besides one.
func otherGood(all []Entry, version string) bool {
	return slices.ContainsFunc(all, func(e Entry) bool { return e.Version != version && e.State == "good" })
}

// Takes says whether a box is of the fraction, from 0 to 1, of all boxes that
// take a version. Who is of a smaller fraction is of each larger one, and each
// version begins with others.
func Takes(box, version string, fraction float64) bool {
	h := sha256.Sum256([]byte(strings.ToLower(box) + "\x00" + version))
	return float64(binary.BigEndian.Uint64(h[:])>>11)/(1<<53) < fraction
}
