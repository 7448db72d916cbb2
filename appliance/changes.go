package appliance

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/appliance/drain"
	"holdfast/appliance/generation"
	"holdfast/appliance/settings"
	"holdfast/appliance/verdict"
)

// changes is the life of configurations: what is at work, what comes back if it
// does not prove itself, and what of both is on the disk. Whoever holds mu may
// wait for the disk; nobody waits for mu that others wait for.
type changes struct {
	mu      sync.Mutex
	store   *generation.Store // nil: nothing is kept
	boot    string
	now     func() time.Time
	told    func(Outcome) // of each change, what became of it; it does not block
	work    version       // at work
	good    version       // has proven itself; the same unless something is tried
	trial   *trial        // nil: what is at work has proven itself
	file    string        // digest of the file that we were started with, as last seen
	begun   uint64        // changes
	ended   []ended       // the last of them
	recover recovery
	saved   savedFacts
	refuse  *Refused
	view    atomic.Pointer[ChangeStatus]
}

// version is a configuration in memory, with what is known of it.
type version struct {
	generation.Record // number 0: it is not on the disk
	loaded            *Loaded
	files             generation.Files // nil: they are on the disk, or too much to keep
}

// mostText is how many octets of files are kept in memory, for comparisons, where
// there is no disk to keep them.
const mostText = 1 << 20

// lighten lets go of files that are on the disk, and of too many.
func (v *version) lighten() {
	size := 0
	for _, f := range v.files {
		size += len(f.Data)
	}
	if v.Number != 0 || size > mostText {
		v.files = nil
	}
}

// String is how people are told of it.
func (v *version) String() string {
	if v.Number == 0 {
		return v.Source
	}
	return fmt.Sprintf("generation %d (%s)", v.Number, v.Source)
}

// trial is a change that has to prove itself.
type trial struct {
	verdict.Trial
	change uint64
	done   []chan<- Outcome
}

// ended is a change of which the outcome is known.
type ended struct {
	change uint64
	Outcome
}

// recovery is how the box stood before a change that was rolled back, or before a
// start: until it stands so again, or its time is over, that is what the next change
// is held to, and the next start.
type recovery struct {
	before verdict.Facts
	until  time.Time
}

// savedFacts is how the box stood when that was last written down.
type savedFacts struct {
	text string
	at   time.Time
}

// Refused is a configuration that is not at work although somebody asked for it.
type Refused struct {
	Source string    `json:"source"`
	Digest string    `json:"digest,omitempty"`
	Why    string    `json:"why"`
	Places []string  `json:"places,omitempty"`
	At     time.Time `json:"at"`
}

// ChangeStatus is which configuration is at work, and how sure that is.
type ChangeStatus struct {
	Generation uint64           `json:"generation,omitempty"` // 0: it is not on the disk
	Source     string           `json:"source"`
	Digest     string           `json:"digest"`
	State      generation.State `json:"state"` // "trying" or "good"
	Since      time.Time        `json:"since"`
	Until      time.Time        `json:"until,omitzero"`    // trying: then what was before comes back
	Missing    []string         `json:"missing,omitempty"` // trying: what is not as well as it was
	Refused    *Refused         `json:"refused,omitempty"` // the last one that is not at work
}

// name is the generation as it is told: "7", "8, trying", "" if it is not on the
// disk.
func (s *ChangeStatus) name() string {
	switch {
	case s == nil || s.Generation == 0:
		return ""
	case s.State != generation.Good:
		return fmt.Sprintf("%d, %s", s.Generation, s.State)
	}
	return fmt.Sprint(s.Generation)
}

// publish shows how things stand to those who do not wait for mu.
func (c *changes) publish() {
	s := &ChangeStatus{Generation: c.work.Number, Source: c.work.Source, Digest: c.work.Digest, State: generation.Good, Since: c.work.At, Refused: c.refuse}
	if c.trial != nil {
		s.State, s.Until, s.Missing = generation.Trying, c.trial.Limit, slices.Clone(c.trial.Missing)
	}
	c.view.Store(s)
}

// sentence is what of that belongs into the box's summary.
func (s *ChangeStatus) sentence() (text string) {
	if s.State == generation.Trying {
		text += fmt.Sprintf("; %s is being tried until %s", s.Source, s.Until.Format(time.TimeOnly))
	}
	if s.Refused != nil {
		text += fmt.Sprintf("; %s is not at work: %s", s.Refused.Source, s.Refused.Why)
	}
	return text
}

// refused remembers what is not at work, until something else comes of it.
func (c *changes) refused(source, digest string, o Outcome) {
	c.refuse = &Refused{Source: source, Digest: digest, Why: o.Why, Places: o.Places, At: c.now()}
	c.told(o)
	c.publish()
}

// finish tells those who wait what became of the trial, and ends it.
func (c *changes) finish(o Outcome) {
	c.conclude(c.trial.change, o)
	for _, done := range c.trial.done {
		done <- o
	}
	c.trial = nil
}

// replace ends a trial because something else comes.
func (c *changes) replace(why string) {
	if c.trial == nil {
		return
	}
	c.finish(Outcome{State: Replaced, Generation: c.work.Number, Why: why})
	_ = c.end(&c.work, generation.Replaced, why) // one that is newer goes before it
}

// wait has somebody be told of the outcome; nil is nobody.
func (t *trial) wait(done chan<- Outcome) {
	if done != nil {
		t.done = append(t.done, done)
	}
}

func send(done chan<- Outcome, o Outcome) {
	if done != nil {
		done <- o
	}
}

// conclude keeps the outcome of a change for those who ask later.
func (c *changes) conclude(change uint64, o Outcome) {
	const most = 64
	c.told(o)
	if c.ended = append(c.ended, ended{change, o}); len(c.ended) > most {
		c.ended = slices.Delete(c.ended, 0, 1)
	}
}

// outcome is what became of a change; nil: it is not known yet.
func (c *changes) outcome(change uint64) (*Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trial != nil && c.trial.change == change {
		return nil, nil
	}
	for _, e := range c.ended {
		if e.change == change {
			return &e.Outcome, nil
		}
	}
	return nil, fmt.Errorf("nothing is known of change %d", change)
}

// wasRejected is the rejected generation that a candidate is again.
func (c *changes) wasRejected(digest string) (generation.Record, bool) {
	if c.store == nil {
		return generation.Record{}, false
	}
	return c.store.Find(func(r generation.Record) bool { return r.State == generation.Rejected && r.Digest == digest })
}

var errNoStore = errors.New("there is no state-directory to keep it in")

// keep has a candidate that is valid be on the disk, as one that is tried. A
// bundle's helpers are looked for there.
func (c *changes) keep(k *Candidate, l *Loaded) (version, error) {
	v := version{loaded: l, files: k.Files, Record: generation.Record{Digest: k.Files.Digest(), Source: k.Source, Path: k.Path,
		Version: k.Version, Bundle: k.Bundle, Beside: c.file, State: generation.Trying, At: c.now(), Boot: c.boot, Tries: 1}}
	if k.inPlace() {
		v.Folder = absolute(l.Folder)
		if err := l.checkHelpers(); err != nil || c.store == nil {
			v.lighten()
			return v, err
		}
	}
	if c.store == nil {
		return v, errNoStore
	}
	staged, err := c.store.Stage(k.Files)
	if err != nil {
		return v, err
	}
	if !k.inPlace() {
		l.Folder = staged.Folder()
		if err := l.checkHelpers(); err != nil {
			return v, errors.Join(err, staged.Drop())
		}
	}
	v.Record, err = staged.Commit(v.Record)
	if v.lighten(); err == nil && !k.inPlace() {
		l.Folder = c.store.Folder(v.Number)
	}
	return v, err
}

// rename has what is at work be of the bundle in which the same files came again:
// that is the one that the box has from now on.
func (c *changes) rename(k *Candidate) error {
	if k.Bundle == "" || k.Bundle == c.work.Bundle {
		return nil
	}
	set := func(r *generation.Record) { r.Source, r.Version, r.Bundle = k.Source, k.Version, k.Bundle }
	set(&c.work.Record)
	if c.work.Number == 0 {
		return nil
	}
	return c.store.Update(c.work.Number, set)
}

// end writes down what became of a version. If the disk does not take it, the
// box goes on all the same: the next start tries the version once more.
func (c *changes) end(v *version, state generation.State, why string) error {
	v.State, v.Why, v.Ended = state, why, c.now()
	if v.Number == 0 {
		return nil
	}
	return c.store.End(v.Number, state, why, v.Ended)
}

// absolute is a folder wherever we are started the next time.
func absolute(folder string) string {
	if abs, err := filepath.Abs(folder); err == nil {
		return abs
	}
	return folder
}

// clock is what the clocks of this machine say, and which boot this is.
func (o Options) clock() drain.Now { return drain.Clock(o.Getenv("HOLDFAST_BOOT_ID")) }

// stateDirectory is where a configuration has things kept that survive a restart,
// or the folder that the service manager has made for us; "": nowhere.
func (o Options) stateDirectory(s *settings.Settings) string {
	first, _, _ := strings.Cut(o.Getenv("STATE_DIRECTORY"), ":") // systemd.exec(5): there may be several
	return cmp.Or(s.StateDirectory, first)
}
