package appliance

import (
	"fmt"

	"holdfast/appliance/desired"
)

// manualMax is how many groups helpers may speak of: each of them is looked at
// with every decision, on the loop.
const manualMax = 1000

// manual is what helpers have said of groups by hand, with "announce watchdog
// NAME". It is the loop's.
type manual struct {
	said    map[string]desired.Manual
	changed []string // since the last decision
}

// say notes a helper's word. Healthchecks say the same again and again, which
// costs nothing.
func (m *manual) say(group string, on bool) error {
	now := desired.Withdrawn
	if on {
		now = desired.Announced
	}
	old, known := m.said[group]
	switch {
	case old == now:
		return nil
	case !known && len(m.said) >= manualMax:
		return fmt.Errorf("watchdog %s: want at most %d names", group, manualMax)
	}
	m.said[group], m.changed = now, append(m.changed, group)
	return nil
}

// decideManual has the groups be as helpers have said, if they have said
// something new: one decision is made of all that a turn of the loop has brought.
func (d *Daemon) decideManual() {
	groups := d.manual.changed
	if d.manual.changed = nil; len(groups) == 0 {
		return
	}
	d.reconciler.said(groups, func(in *desired.Inputs) {
		for _, g := range groups {
			in.Manual[g] = d.manual.said[g]
		}
	})
}
