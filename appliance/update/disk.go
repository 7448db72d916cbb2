package update

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"holdfast/appliance/verdict"
)

// Stages of a trial before its reboot.
const (
	Installing = "installing" // it is being written
	Installed  = "installed"  // the next boot tries it
)

// Trial is an update from its beginning to its outcome.
type Trial struct {
	From    string      `json:"from"`
	To      string      `json:"to"`
	Stage   string      `json:"stage"`
	Boot    string      `json:"boot"`     // the kernel's id of the boot in which it was begun
	Seconds float64     `json:"deadline"` // after the kernel's start
	Tries   int         `json:"tries"`    // that the loader was given
	Begun   time.Time   `json:"begun"`    // for people: a clock may be wrong
	Before  verdict.Box `json:"before"`
	// Attempts are the boots that came as far as being judged.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Unknown: nothing is known of how the box stood before.
	Unknown bool `json:"unknown,omitempty"`
}

// Attempt is one boot of a version that is tried.
type Attempt struct {
	Boot string `json:"boot"`
	// Missing is what was missing when the deadline was over; nothing: it came to
	// no verdict, or that is still to come.
	Missing []string `json:"missing,omitempty"`
	Cause   string   `json:"cause,omitempty"` // Root; "" is Health
}

// deadline is after the kernel's start. What a disk has made of it is bounded.
func (t *Trial) deadline() time.Duration {
	if !(t.Seconds >= 1 && t.Seconds <= LongestDeadline.Seconds()) {
		return DefaultDeadline
	}
	return time.Duration(t.Seconds * float64(time.Second))
}

// often says whether it was judged in more boots than a loader that counts would
// have given it.
func (t *Trial) often() bool { return len(t.Attempts) > max(t.Tries, Tries) }

// failed says whether a boot of it has come to that verdict.
func (t *Trial) failed() bool {
	return slices.ContainsFunc(t.Attempts, func(a Attempt) bool { return len(a.Missing) > 0 })
}

// attempt is that of a boot, which may be new.
func (t *Trial) attempt(boot string) *Attempt {
	for i := range t.Attempts {
		if t.Attempts[i].Boot == boot {
			return &t.Attempts[i]
		}
	}
	t.Attempts = append(t.Attempts, Attempt{Boot: boot})
	return &t.Attempts[len(t.Attempts)-1]
}

// States of an outcome, and causes of one that is not good.
const (
	Good        = "good"
	Failed      = "failed"
	Aborted     = "aborted"
	Interrupted = "interrupted" // before it could be tried

	Health     = "health"     // something was missing
	Watchdog   = "watchdog"   // the hardware has reset the box before a verdict
	Died       = "died"       // it ended before a verdict, and no hardware says why
	Start      = "start"      // the kernel or the root did not come up
	Unloadable = "unloadable" // firmware and loader could not even start it
	Root       = "root"       // its first program has not found its root whole
	Refused    = "refused"    // by the installer
	Power      = "power"      // the power went, or somebody rebooted, while it was written
	ByHand     = "by hand"
)

// Outcome is what became of an update.
type Outcome struct {
	From  string    `json:"from,omitempty"`
	To    string    `json:"to"`
	State string    `json:"state"`
	Cause string    `json:"cause,omitempty"`
	Why   string    `json:"why,omitempty"`
	Boots int       `json:"boots,omitempty"` // that came as far as being judged
	After float64   `json:"after,omitempty"` // seconds from the kernel's start to the verdict
	At    time.Time `json:"at"`
}

// Files in the folder.
const (
	trialFile   = "trial.json"
	historyFile = "history.json"
	loaderFile  = "loader.json"
	mostHistory = 32
	mostOctets  = 1 << 20 // of a file: nobody writes more
)

// Load is the update that is under way; nil: there is none.
func Load(folder string) (*Trial, error) {
	t := new(Trial)
	if err := read(filepath.Join(folder, trialFile), t); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	return t, nil
}

// load is Load, or what is beside the data partition if that has lost everything:
// it has neither an update nor a history.
func (u *Updater) load() (*Trial, error) {
	t, err := Load(u.Folder)
	if t != nil || u.Copy == "" || len(History(u.Folder)) > 0 {
		return t, err
	}
	c := new(Trial)
	if read(u.Copy, c) != nil {
		return nil, err
	}
	// Of what was kept, the copy is only one that could not be removed.
	if e, unknown := u.entry(c); unknown != nil || e == nil || e.State == "good" {
		return nil, cmp.Or(unknown, err)
	}
	return c, nil
}

// History is what became of earlier updates, the last one first. What can't be
// read is not known any more.
func History(folder string) (all []Outcome) {
	_ = read(filepath.Join(folder, historyFile), &all)
	return all
}

// loaderTrouble is what kept the boot loader from being put right, the last time
// that it was looked after; "": nothing.
func loaderTrouble(folder string) (why string) {
	_ = read(filepath.Join(folder, loaderFile), &why)
	return why
}

// noteLoader writes down what loaderTrouble reads, if that is new.
func (u *Updater) noteLoader(trouble error) {
	why := ""
	if trouble != nil {
		why = trouble.Error()
	}
	if why == loaderTrouble(u.Folder) {
		return
	}
	if err := u.write(loaderFile, why); err != nil {
		u.Log.Error("update", "error", err)
	}
}

func read(path string, to any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostOctets))
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// save writes down an update, and its copy: which is there for the day that the data
// partition is not.
func (u *Updater) save(t *Trial) error {
	if err := u.copy(t); err != nil {
		u.Log.Warn("update: there is no copy", "error", err)
	}
	return u.write(trialFile, t)
}

// copy writes the copy. FAT keeps a folder with the whole file system.
func (u *Updater) copy(t *Trial) error {
	if u.Copy == "" {
		return nil
	}
	return errors.Join(write(u.Copy, t), syncAll(u.Copy))
}

// uncopy removes the copy, and what power cuts have left of writing it.
func (u *Updater) uncopy() error {
	if u.Copy == "" {
		return nil
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(u.Copy), "."+filepath.Base(u.Copy)+"*"))
	for _, path := range append(left, u.Copy) {
		err = errors.Join(err, remove(path))
	}
	return errors.Join(err, syncAll(u.Copy))
}

func (u *Updater) write(name string, v any) error { return write(filepath.Join(u.Folder, name), v) }

// write has a file be whole at every moment, and over a power cut.
func write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err == nil {
		err = syncAround(path)
	}
	if err != nil {
		return fmt.Errorf("update: it could not be written down: %w", err)
	}
	return nil
}

// remove removes a file, which need not be there, and over a power cut.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, syncAround(path))
	}
	return nil
}

// syncAround has a file's folder be on the disk.
func syncAround(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncAll has a file's whole file system be on the disk, if there is a folder.
func syncAll(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}

// end writes down what became of an update. The history comes first: of an
// update that has come to an end twice, the second is the same.
func (u *Updater) end(t *Trial, o Outcome) {
	o.From, o.To, o.Boots, o.At = t.From, t.To, len(t.Attempts), u.Clock().Time.UTC().Round(time.Second)
	all := append([]Outcome{o}, History(u.Folder)...)
	err := u.write(historyFile, all[:min(len(all), mostHistory)])
	err = errors.Join(err, remove(filepath.Join(u.Folder, trialFile)))
	if err = errors.Join(err, u.uncopy()); err != nil {
		u.Log.Error("update", "error", err)
	}
	u.Log.Info("update: "+o.State, "version", o.To, "from", o.From, "cause", o.Cause, "why", o.Why)
}

// Lock is held by whoever changes something; the error says that somebody does.
func Lock(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another update is under way on this box: %w", err)
	}
	return func() {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // a child between fork and exec has it too
		f.Close()
	}, nil
}
