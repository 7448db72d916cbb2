package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/drain"
	"holdfast/appliance/verdict"
)

// situation is what a boot finds.
type situation uint8

const (
	idle        situation = iota // nothing is under way
	waiting                      // it is installed, and this is still the boot before
	trying                       // this boot is to be judged
	kept                         // it was marked good, and that could not be written down
	fellBack                     // another version runs than the one that was tried
	interrupted                  // it was never whole
	halfKept                     // it was good, and is not the primary one
)

// find says what a boot finds: what runs and whether on trial, what is written
// down, and what the loader has of that version.
func find(running string, trial bool, t *Trial, boot string, e *Entry) situation {
	switch {
	case t == nil && trial:
		return trying // with nothing to go by
	case t == nil:
		return idle
	case t.To == running && !trial && e != nil && e.State == "good" && !t.failed():
		return kept
	case t.To == running && !trial && e != nil && e.State == "bad":
		return fellBack // a loader that starts it all the same: to be reset again would have no end
	case t.To == running:
		return trying // also what the loader has not counted, or was to be left
	case trial: // of yet another version, which goes before
		return trying
	case t.Boot == boot:
		return waiting
	// A good one of the same version is what was there before it was installed again.
	case t.Stage == Installing && (e == nil || e.State == "good"):
		return interrupted
	// Who goes back to an older version has both for a moment as it is marked good, and
	// a loader starts the newer one.
	case e != nil && e.State == "good" && !e.Primary && !t.failed() && running == t.From:
		return halfKept
	case e != nil && e.State == "good" && !e.Unloadable && !t.failed():
		return kept // and what runs has come since
	}
	return fellBack
}

// ErrFailed says that this boot is not to go on: the next one counts.
var ErrFailed = errors.New("this version has failed")

// Settle is what a box does once in each boot about an update: it judges the
// version that is tried, or writes down what became of one. It returns when
// there is nothing left to do; with ErrFailed, the box has to be rebooted.
func (u *Updater) Settle(ctx context.Context) error {
	running, trial, err := u.Backend.Current()
	if err != nil {
		return fmt.Errorf("boot loader: %w", err)
	}
	if _, err := u.Backend.Entries(); err != nil {
		return fmt.Errorf("boot loader: %w", err)
	}
	t := u.recall()
	entry, err := u.entry(t)
	if err != nil {
		return err
	}
	switch find(running, trial, t, u.Clock().Boot, entry) {
	case trying:
		if t == nil || t.To != running {
			t = &Trial{To: running, Stage: Installed, Seconds: DefaultDeadline.Seconds(), Unknown: true}
		}
		return u.judge(ctx, t)
	case waiting:
		return nil // the loader has been told what is next
	case idle:
		u.lost()
	case kept:
		u.end(t, Outcome{State: Good})
	case fellBack:
		if err := u.markBad(t.To); err != nil {
			u.Log.Error("update: it could not be marked bad", "version", t.To, "error", err)
			if entry != nil && entry.State == "trying" && entry.TriesLeft > 0 {
				break // for what is tried again, all has to be known that it is held to
			}
		}
		u.end(t, cause(t, entry, u.Reset()))
	case interrupted:
		u.end(t, Outcome{State: Interrupted, Cause: Power, Why: "the box was started anew while it was written"})
	case halfKept:
		u.end(t, Outcome{State: Interrupted, Cause: Power, Why: "the box was started anew while it was marked good, and has started what ran before"})
	}
	if u.Broken != "" {
		return u.leave(running)
	}
	// It is good, and its loader does what a power cut has kept it from. Who runs and
	// was marked bad stays so.
	e, err := u.entry(&Trial{To: running})
	if err == nil && (e == nil || e.State == "good") {
		err = u.markGood(running)
	}
	if err != nil {
		u.Log.Error("boot loader", "error", err)
	}
	return nil
}

// recall is what was written down; nil: nothing is known. What can't be read is put
// aside, and a copy that can't be written any more is nothing to go by: nobody would
// know how often it was tried.
func (u *Updater) recall() *Trial {
	t, err := u.load()
	if err != nil {
		path := filepath.Join(u.Folder, trialFile)
		u.Log.Error("update: what was written down is not known any more", "error", errors.Join(err, os.Rename(path, path+".bad")))
	}
	if own, _ := Load(u.Folder); t == nil || own != nil {
		return t
	}
	if err := u.copy(t); err != nil {
		u.Log.Error("update: what was written down is on a disk that can't be written", "error", err)
		return nil
	}
	return t
}

// leave has another version than the one that runs be started, if there is one that
// is good: the root of this one is broken, which its first program could not tell
// the boot loader. A loader that starts what is marked bad is not asked again: that
// would have no end.
func (u *Updater) leave(running string) error {
	e, err := u.entry(&Trial{To: running})
	if err == nil && e != nil && e.State == "bad" {
		err = errors.New("it is marked bad, and was started all the same")
	}
	if err == nil {
		err = u.markBad(running)
	}
	if err != nil {
		u.Log.Error("update: the root that runs is broken: an update mends it", "version", running, "broken", u.Broken, "error", err)
		return nil
	}
	u.end(&Trial{To: running}, Outcome{State: Failed, Cause: Root, Why: u.Broken})
	return fmt.Errorf("%w: %s: %s", ErrFailed, running, u.Broken)
}

// Scrub has the boot loader look after the version that runs, unless one is tried:
// what rots on a disk, which has it twice, is mended before the next boot needs it.
func (u *Updater) Scrub() error {
	running, trial, err := u.Backend.Current()
	if err != nil {
		return fmt.Errorf("boot loader: %w", err)
	}
	if t, err := u.load(); trial || t != nil || err != nil {
		return err
	}
	// Who runs and was marked bad stays so.
	e, err := u.entry(&Trial{To: running})
	if err != nil || e == nil || e.State != "good" || u.Broken != "" {
		return err
	}
	return u.markGood(running)
}

// markGood has the boot loader keep a version, and be as it should be about it.
func (u *Updater) markGood(version string) error {
	err := u.Backend.MarkGood(version)
	u.noteLoader(err)
	return err
}

// lost writes down which version was good, and could not be started any more: this
// one was started instead.
func (u *Updater) lost() {
	all, err := u.Backend.Entries()
	if err != nil {
		u.Log.Error("boot loader", "error", err)
	}
	for _, e := range all {
		history := History(u.Folder)
		last := slices.IndexFunc(history, func(o Outcome) bool { return o.To == e.Version })
		if e.Why != "" && (last < 0 || history[last].Cause != Root) {
			u.end(&Trial{To: e.Version}, Outcome{State: Failed, Cause: Root, Why: e.Why})
		}
	}
}

// entry is what the loader has of a trial's version.
func (u *Updater) entry(t *Trial) (*Entry, error) {
	if t == nil {
		return nil, nil
	}
	all, err := u.Backend.Entries()
	if err != nil {
		return nil, fmt.Errorf("boot loader: %w", err)
	}
	if i := slices.IndexFunc(all, func(e Entry) bool { return e.Version == t.To }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil
}

// cause is why another version runs than the one that was tried.
func cause(t *Trial, e *Entry, reset bool) Outcome {
	o, n := Outcome{State: Failed}, len(t.Attempts)
	if e != nil && e.Why != "" {
		o.Cause, o.Why = Root, e.Why
		return o
	}
	by := "no watchdog says that it has reset the box"
	if reset {
		by = "the hardware watchdog has reset the box"
	}
	if n > 0 {
		if last := t.Attempts[n-1]; len(last.Missing) > 0 {
			o.Cause, o.Why = cmp.Or(last.Cause, Health), strings.Join(last.Missing, "; ")
			return o
		}
		o.Cause, o.Why = Died, "it came up and ended before a verdict: "+by
		if reset {
			o.Cause = Watchdog
		}
		return o
	}
	switch {
	case t.Stage == Installing && e != nil && e.TriesLeft >= t.Tries && !e.Primary:
		o = Outcome{State: Interrupted, Cause: Power, Why: "the box was started anew before the boot loader was told to try it"}
	case e == nil:
		o.Cause, o.Why = Unloadable, "the boot loader does not have it any more"
	case e.Unloadable || e.State != "bad" && e.TriesLeft >= t.Tries:
		o.Cause, o.Why = Unloadable, "it was never started: firmware or boot loader could not load it"
	default:
		o.Cause, o.Why = Start, "it was started and never came as far as being judged: "+by
	}
	return o
}

// lookAgain is how often a box that is judged is looked at.
const lookAgain = 2 * time.Second

// judge holds this boot to how the box stood before.
func (u *Updater) judge(ctx context.Context, t *Trial) error {
	now := u.Clock()
	if a := t.attempt(now.Boot); len(a.Missing) > 0 {
		return fmt.Errorf("%w: %s: %s", ErrFailed, t.To, strings.Join(a.Missing, "; ")) // this one has been told before
	}
	saved := u.save(t)
	if saved != nil {
		u.Log.Error("update", "error", saved) // it can be proven all the same
	}
	if u.Broken != "" {
		t.attempt(now.Boot).Cause = Root
		return u.fail(t, []string{u.Broken})
	}
	if all, err := u.Backend.Entries(); t.Unknown && (err != nil || otherGood(all, t.To)) {
		return u.fail(t, []string{"nothing is known of how the box stood before"})
	}
	u.Log.Info("update: being judged", "version", t.To, "from", t.From, "deadline", t.deadline(), "boot", len(t.Attempts))
	trial := verdict.Trial{Limit: since(t.deadline()), Steady: verdict.Steadily}
	for said := ""; ; {
		if now, err := Load(u.Folder); saved == nil && err == nil && now == nil {
			return nil // somebody has decided by hand
		}
		if why := Late(t, t.To, u.Clock()); why != "" { // the daemon has withdrawn by now
			return u.fail(t, []string{why})
		}
		missing := u.missing(ctx, t)
		v := trial.Weigh(since(u.Clock().Uptime), missing)
		if v == verdict.Proven {
			if missing = u.keep(t); missing == nil {
				return nil
			}
			v = trial.Weigh(since(u.Clock().Uptime), missing)
		}
		if v == verdict.Failed {
			return u.fail(t, missing)
		}
		if text := strings.Join(missing, "; "); text != said {
			said = text
			u.Log.Info("update: waits", "version", t.To, "for", text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// since is a time of the boot's own clock, for a machine that wants times.
func since(uptime time.Duration) time.Time { return time.Unix(0, 0).Add(uptime) }

// missing is what this boot lacks.
func (u *Updater) missing(ctx context.Context, t *Trial) []string {
	box, err := u.Facts(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	return verdict.JudgeImage(t.Before, box)
}

// keep marks a version good; what it gives is why it could not.
func (u *Updater) keep(t *Trial) (missing []string) {
	if err := u.markGood(t.To); err != nil {
		return []string{"it could not be marked good: " + err.Error()}
	}
	o := Outcome{State: Good, After: u.Clock().Uptime.Round(time.Second).Seconds()}
	if t.Unknown {
		o.Why = "nothing was known of how the box stood before: that the daemon answers is all that is proven"
	}
	u.end(t, o)
	return nil
}

// fail writes down why: the old version is to know, and the daemon at once. The
// tries that are left are for a version that dies before a verdict: this one has
// had its time.
//
// A loader that starts a version more often than it may, and can't be told to leave
// it, has the box be reset at each deadline without end: it is left in peace.
func (u *Updater) fail(t *Trial, missing []string) error {
	if t.often() {
		if err := u.markBad(t.To); err != nil {
			u.Log.Error("update: it goes on with a version that has failed", "version", t.To, "error", err)
			o, late := Outcome{State: Failed, Cause: cmp.Or(t.attempt(u.Clock().Boot).Cause, Health), Why: strings.Join(missing, "; ")}, Late(t, t.To, u.Clock())
			if u.end(t, o); late != "" { // the daemon has given up
				return fmt.Errorf("%w: %s: %s", ErrFailed, t.To, late)
			}
			return nil
		}
	}
	t.attempt(u.Clock().Boot).Missing = missing
	err := errors.Join(u.save(t), u.markBad(t.To))
	return errors.Join(fmt.Errorf("%w: %s: %s", ErrFailed, t.To, strings.Join(missing, "; ")), err)
}

// Late is why the hardware watchdog is not fed any more in this boot; "": it is.
// Only the kernel's clock and what is on the disk count: a daemon that was
// restarted comes to the same answer.
func Late(t *Trial, running string, now drain.Now) string {
	if t == nil || t.To != running {
		return ""
	}
	for _, a := range t.Attempts {
		if a.Boot == now.Boot && len(a.Missing) > 0 {
			return fmt.Sprintf("version %s has failed: %s", running, strings.Join(a.Missing, "; "))
		}
	}
	if now.Uptime > t.deadline()+Grace {
		return fmt.Sprintf("version %s was not proven within %s of the boot", running, t.deadline()+Grace)
	}
	return ""
}

// Strand waits until a version that runs has had its time, and says why it has;
// "": it is not tried, or nobody waits any more. It asks no boot loader: there is
// none that answers. If that is so too often, it is left in peace.
func (u *Updater) Strand(ctx context.Context, running string) string {
	if t, err := Load(u.Folder); OnTrial(t, running) && err == nil {
		if t.attempt(u.Clock().Boot); t.often() {
			late := Late(t, running, u.Clock()) // then the daemon has given up
			u.end(t, Outcome{State: Failed, Cause: Health, Why: "the boot loader can't be asked"})
			return late
		} else if err := u.save(t); err != nil {
			u.Log.Error("update", "error", err)
		}
	}
	for {
		t, err := Load(u.Folder)
		if !OnTrial(t, running) || err != nil {
			return ""
		}
		if why := Late(t, running, u.Clock()); why != "" {
			return why
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(lookAgain):
		}
	}
}

// Running is the version of the image that runs, by its os-release; "": this is
// no image of ours.
func Running(osRelease string) (version string) {
	ours := false
	for line := range strings.Lines(osRelease) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "ID":
			ours = strings.Trim(value, `"'`) == "holdfast"
		case "IMAGE_VERSION":
			version = strings.Trim(value, `"'`)
		}
	}
	if !ours {
		return ""
	}
	return version
}
