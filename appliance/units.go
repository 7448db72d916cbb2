package appliance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/systemd"
)

// busPatience is how long what is known of units stays true without a bus.
//
// A bus that is started anew, and a systemd that executes itself anew, are gone
// for a second or two, on every box of a fleet that is upgraded: services run on
// meanwhile, and to withdraw them all would be the only harm done. But who tells
// nothing proves nothing: a service that fails while nobody can hear of it must
// not be announced for ever. After this time a unit is not known to be active,
// and its condition fails as any other, by its class.
const busPatience = 30 * time.Second

// unitFacts is what is known of units.
type unitFacts struct {
	wanted []string
	units  map[string]systemd.Unit // as they were told last
	lost   time.Time               // since when the bus is; zero: it is there
	why    error                   // it is
}

// heard takes what a watcher tells.
func (f *unitFacts) heard(now time.Time, units map[string]systemd.Unit, err error) {
	switch {
	case err == nil:
		f.units, f.lost, f.why = units, time.Time{}, nil
	case f.lost.IsZero():
		f.lost = now
		fallthrough
	default:
		f.why = err
	}
}

// facts are what decisions are made of, and when time alone changes them; zero:
// never. A unit that has not been read yet is missing.
func (f *unitFacts) facts(now time.Time) (all map[string]desired.Unit, again time.Time) {
	all = map[string]desired.Unit{}
	end := f.lost.Add(busPatience)
	gone := !f.lost.IsZero() && !now.Before(end)
	for _, name := range f.wanted {
		u, known := f.units[name]
		switch {
		case gone:
			all[name] = desired.Unit{Text: fmt.Sprintf("is not known: %v, since %s", f.why, f.lost.Format(time.TimeOnly))}
		case known && u.On():
			all[name] = desired.Unit{Active: true}
		case known:
			all[name] = desired.Unit{Text: u.String()}
		}
	}
	if !f.lost.IsZero() && !gone {
		again = end
	}
	return all, again
}

// units keeps the reconciler's units as systemd has them.
type units struct {
	mu      sync.Mutex
	facts   unitFacts
	told    map[string]desired.Unit
	wake    *time.Timer
	watcher *systemd.Watcher
	update  func(map[string]desired.Unit)
}

func newUnits(update func(map[string]desired.Unit)) *units {
	u := &units{update: update}
	u.watcher = systemd.NewWatcher(systemd.Dial, u.heard)
	return u
}

// want says which units gates look at.
func (u *units) want(s *settings.Settings) {
	names := slices.Sorted(slices.Values(s.Units()))
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.Equal(names, u.facts.wanted) {
		return
	}
	u.facts.wanted = names
	u.watcher.Want(names)
	u.tell()
}

func (u *units) heard(all map[string]systemd.Unit, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.facts.heard(time.Now(), all, err)
	u.tell()
}

// tell is called with mu held.
func (u *units) tell() {
	all, again := u.facts.facts(time.Now())
	if u.wake != nil {
		u.wake.Stop()
		u.wake = nil
	}
	if !again.IsZero() {
		u.wake = time.AfterFunc(time.Until(again), func() {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.tell()
		})
	}
	if !maps.Equal(all, u.told) {
		u.told = all
		u.update(all)
	}
}

// unitsOfGates answers which units gates look at.
func (d *Daemon) unitsOfGates(context.Context, string) (any, error) {
	in, _, _ := d.reconciler.decided()
	return append([]string{}, in.Settings.Units()...), nil
}
