package appliance

import (
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/health"
)

// known gives what puts into the facts what a configuration says. Files are looked
// for before that: a file system that does not answer holds up a reload for a
// moment, and not whoever learns a fact meanwhile, as the loop does.
func (l *Loaded) known(files *sights) func(*desired.Inputs) {
	groups, paths, checks := l.groups(), l.Settings.Files(), l.Settings.Checks()
	found := files.look(time.Now(), paths, firstLook)
	return func(in *desired.Inputs) {
		for _, path := range paths { // what is known is looked at anyway, and may be later
			if was, known := in.Files[path]; known {
				found[path] = was
			}
		}
		in.Settings, in.Groups, in.Files = l.Settings, groups, found
		in.Checks = only(in.Checks, checks)
		if in.Watchdog == (desired.Watchdog{}) {
			in.Watchdog.Why = "it has not been opened yet"
		}
	}
}

// only is what is known of checks that are still wanted: one that comes back has
// to rise again.
func only(all map[health.Check]health.Standing, wanted []health.Check) map[health.Check]health.Standing {
	next := map[health.Check]health.Standing{}
	for _, c := range wanted {
		if s, ok := all[c]; ok {
			next[c] = s
		}
	}
	return next
}
