// Package verdict says whether a box is as well after a change as it was before:
// a change of its configuration, or of its whole image.
package verdict

import (
	"fmt"
	"maps"
	"slices"
)

// Facts is how a box stands at a moment, as far as a change must not make it
// worse. They are kept over a reboot as JSON.
type Facts struct {
	Sessions map[string]Session `json:"sessions"` // of configured neighbors, by address
	Links    map[string]bool    `json:"links"`    // of management: whether they are up and running
	Gates    map[string]Gate    `json:"gates"`    // by name
}

// Session is that of one neighbor.
type Session struct {
	Up  bool   `json:"up"`
	Why string `json:"why,omitempty"` // not: its last error
}

// Gate is how the routes of one name stand.
type Gate struct {
	On  bool   `json:"on"` // announced, degraded or not
	Why string `json:"why,omitempty"`
	// Declared: somebody has asked for it to be closed, such as by a drain or by
	// hand.
	Declared bool `json:"declared,omitempty"`
	// Failing are the conditions that do not hold, as they are written.
	Failing []string `json:"failing,omitempty"`
}

// Judge is what was well before and is not now, in words; nothing is that the
// change has done no harm. What is not there any more was taken away on purpose:
// a neighbor, a gate. It is pure, and the same for a change of the configuration
// and for an image's first boot.
func Judge(before, now Facts) (missing []string) {
	for _, name := range slices.Sorted(maps.Keys(before.Sessions)) {
		s, wanted := now.Sessions[name]
		if before.Sessions[name].Up && wanted && !s.Up {
			missing = append(missing, fmt.Sprintf("the session with %s is down%s", name, because(s.Why)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Links)) {
		if before.Links[name] && !now.Links[name] {
			missing = append(missing, fmt.Sprintf("management link %s is down", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Gates)) {
		g, wanted := now.Gates[name]
		if before.Gates[name].On && wanted && !g.excused(before.Gates[name]) {
			missing = append(missing, fmt.Sprintf("gate %s is closed%s", name, because(g.Why)))
		}
	}
	return missing
}

// Or is what was well in one of two moments: what comes next is held to both.
func (f Facts) Or(before Facts) Facts {
	f.Sessions, f.Links, f.Gates = maps.Clone(f.Sessions), maps.Clone(f.Links), maps.Clone(f.Gates)
	for name, s := range before.Sessions {
		if s.Up {
			f.Sessions[name] = s
		}
	}
	for name, up := range before.Links {
		f.Links[name] = f.Links[name] || up
	}
	for name, g := range before.Gates {
		if g.On && !f.Gates[name].On {
			f.Gates[name] = g
		}
	}
	return f
}

// Bare is without reasons: what a later moment is held to. It differs only when
// something is well that was not, or the other way round.
func (f Facts) Bare() Facts {
	b := Facts{Sessions: map[string]Session{}, Links: f.Links, Gates: map[string]Gate{}}
	for name, s := range f.Sessions {
		b.Sessions[name] = Session{Up: s.Up}
	}
	for name, g := range f.Gates {
		b.Gates[name] = Gate{On: g.On, Declared: g.Declared, Failing: g.Failing}
	}
	return b
}

// excused says whether a gate that was open may stand so: it is open, somebody
// has closed it, or all that fails did so before.
func (g Gate) excused(before Gate) bool {
	if g.On || g.Declared {
		return true
	}
	return len(g.Failing) > 0 && !slices.ContainsFunc(g.Failing, func(c string) bool { return !slices.Contains(before.Failing, c) })
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
