package appliance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/appliance/generation"
	"holdfast/appliance/settings"
	"holdfast/appliance/verdict"
	"holdfast/bgp/config"
)

// mostTries is how often a configuration is begun to be tried: a start that finds
// one that did not come to an end gives it a second chance, for the power may go
// at any time, and no third.
const mostTries = 2

// starting chooses the configuration with which the box begins.
type starting struct {
	Options
	*changes
	candidate Candidate // the file
	loaded    *Loaded
	err       error // what is wrong with it
	unknown   bool  // there is none: bundles are waited for
}

// start chooses what the box begins with: the file, if it is new; the last good
// one, if the file is not valid, was rejected before, or something else has taken
// its place since it changed.
func (o Options) start() (*changes, error) {
	s := &starting{Options: o, changes: &changes{now: time.Now, told: func(Outcome) {}, boot: o.clock().Boot}}
	s.candidate, s.err = candidateAt(o.Path)
	s.unknown = o.waits(s.err)
	if s.err == nil {
		s.loaded, s.err = o.load(&s.candidate)
	}
	if s.err == nil {
		s.err = s.loaded.checkHelpers()
	}
	s.file = s.candidate.Files.Digest()
	s.open()
	err := s.choose()
	if err != nil && s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	s.publish()
	return s.changes, err
}

// open opens the store. A box whose disk is broken announces all the same.
func (s *starting) open() {
	dir := s.stateDirectory(s.candidate.said())
	if dir == "" {
		return
	}
	store, err := generation.Open(dir)
	if err != nil {
		s.Log.Error("configuration: changes are not kept", "error", err)
		return
	}
	s.store = store
	for _, r := range store.All() {
		if r.Damage != "" {
			s.Log.Error("configuration: a generation is damaged and not used", "generation", r.Number, "damage", r.Damage)
		}
	}
}

// said is what a file says of the appliance, whatever else is wrong with it.
func (c *Candidate) said() *settings.Settings {
	said := settings.Default()
	if all, err := c.sources(); err == nil {
		_, _ = config.ParseAll(all, config.Options{Sections: settings.Sections(said), ReadFile: c.key})
	}
	return said
}

func (s *starting) choose() error {
	if s.store == nil {
		if s.err == nil {
			s.work = s.version()
			s.good = s.work
		}
		return s.err
	}
	if s.unfinished() {
		return nil
	}
	good, ok := s.store.Good()
	was, rejectedBefore := s.wasRejected(s.file)
	switch {
	case s.unknown && !ok:
		s.loaded = s.blank()
		s.work = s.version()
		s.good = s.work
		return nil
	case s.unknown:
	case s.err != nil && !ok:
		return s.err
	case s.err != nil:
		s.refuseFile(rejected(s.err))
	case ok && s.file == good.Digest:
	case ok && s.file == good.Beside:
		s.Log.Info("configuration: something else has taken the file's place since it changed", "path", s.Path, "is", good.Source, "generation", good.Number)
	case ok && rejectedBefore:
		s.refuseFile(Outcome{State: Rejected, Why: "it was rejected before: " + was.Why})
	default:
		s.tryFile()
		return nil
	}
	return s.fallBack()
}

// version is the file as it is, on no disk.
func (s *starting) version() version {
	v := version{loaded: s.loaded, files: s.candidate.Files, Record: generation.Record{Digest: s.file, Source: s.candidate.Source,
		Path: s.candidate.Path, State: generation.Good, At: s.now()}}
	v.lighten()
	return v
}

// refuseFile says loudly that the file is not at work.
func (s *starting) refuseFile(o Outcome) {
	s.refused(s.candidate.Source, s.file, o)
	s.Log.Error("configuration: the file is not at work, the last good one is", "path", s.Path, "why", o.Why)
}

// tryFile begins with the file, and has it prove itself against how the box stood
// before.
func (s *starting) tryFile() {
	s.good, _ = s.lastGood()
	v, err := s.keep(&s.candidate, s.loaded)
	if err != nil { // what was before comes back all the same if it does not prove itself
		s.Log.Error("configuration: it is not kept", "error", err)
		v = s.version()
		v.State = generation.Trying
	}
	s.work, s.trial = v, &trial{}
}

// unfinished looks for a generation whose trial has not come to an end, and
// begins with it if it gets a second chance.
func (s *starting) unfinished() bool {
	r, ok := s.store.Trying()
	if !ok {
		return false
	}
	for _, old := range s.store.All() { // a newer one goes before them
		if old.State == generation.Trying && old.Number != r.Number && old.Damage == "" {
			s.over(old, generation.Replaced, "another change came first")
		}
	}
	_, any := s.store.Good()
	switch {
	case s.file != r.Digest && s.file != r.Beside:
		s.over(r, generation.Replaced, "the file has changed")
		return false
	case any && r.Tries >= mostTries:
		s.over(r, generation.Rejected, "the daemon or the box ended, twice, while it was being tried")
		return false
	}
	v, err := s.restore(r)
	if err != nil {
		s.over(r, generation.Rejected, err.Error())
		return false
	}
	if err := s.store.Update(r.Number, func(r *generation.Record) { r.Tries, r.Boot = r.Tries+1, s.boot }); err != nil {
		s.Log.Error("configuration: that it is tried again can't be written down", "error", err)
	}
	s.Log.Warn("configuration: one whose trial did not come to an end is tried again", "generation", r.Number, "source", r.Source)
	s.good, _ = s.lastGood()
	s.work, s.trial = v, &trial{}
	return true
}

func (s *starting) over(r generation.Record, state generation.State, why string) {
	s.Log.Warn("configuration: a trial is over", "generation", r.Number, "source", r.Source, "state", state, "why", why)
	if err := s.store.End(r.Number, state, why, s.now()); err != nil {
		s.Log.Error("configuration", "error", err)
	}
}

// fallBack begins with the last good one; if none can be, with a file that is
// valid.
func (s *starting) fallBack() error {
	v, err := s.lastGood()
	switch {
	case err == nil:
		s.work, s.good = v, v
	case s.err != nil:
		return errors.Join(s.err, err)
	default:
		s.tryFile()
	}
	return nil
}

// lastGood is the newest good generation that this machine can be.
func (s *starting) lastGood() (v version, err error) {
	for _, r := range s.store.All() {
		if r.State != generation.Good || r.Damage != "" {
			continue
		}
		v, e := s.restore(r)
		if e == nil {
			return v, nil
		}
		s.Log.Error("configuration: a good generation can't be used", "generation", r.Number, "error", e)
		err = errors.Join(err, fmt.Errorf("generation %d: %w", r.Number, e))
	}
	return version{}, cmp.Or(err, errNoGood)
}

var errNoGood = errors.New("there is no good generation")

// restore reads a generation from the disk.
func (s *starting) restore(r generation.Record) (version, error) {
	k, err := generationCandidate(s.store, r)
	if err != nil {
		return version{}, err
	}
	l, err := s.load(&k)
	if err != nil {
		return version{}, err
	}
	if !k.inPlace() {
		l.Folder = s.store.Folder(r.Number)
	}
	return version{Record: r, loaded: l}, l.checkHelpers()
}

// generationCandidate is a generation as a candidate again.
func generationCandidate(s *generation.Store, r generation.Record) (Candidate, error) {
	files, err := s.Files(r.Number)
	return Candidate{Source: r.Source, Path: r.Path, Files: files, Version: r.Version, Bundle: r.Bundle, folder: r.Folder}, err
}

// beginTrial has what the start tries prove itself against how the box stood
// before it; and what comes soon after a start that tries nothing, for no session is
// up at first.
func (d *Daemon) beginTrial() {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved.at = c.now()
	if c.store == nil {
		return
	}
	var before verdict.Facts
	_ = json.Unmarshal(c.store.Recall(factsFile), &before) // what can't be read is nothing to go by
	if c.trial == nil {
		c.recover = recovery{before: before, until: c.now().Add(settings.DefaultConfirm)}
		return
	}
	c.trial.Before = before
	confirm := c.work.loaded.Settings.ConfirmWithin(true)
	c.begun++
	c.trial.change, c.trial.Limit = c.begun, c.now().Add(confirm)
	d.log.Info("configuration: it is tried", "is", c.work.String(), "confirm", confirm)
	if confirm == 0 || c.good.loaded == nil { // there is nothing to go back to
		d.prove()
	}
	c.publish()
}
