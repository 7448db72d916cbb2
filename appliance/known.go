package appliance

import (
	"os"

	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
)

// known gives what puts into the facts what a configuration says. Files are looked
// for before that: a file system that does not answer holds up a reload, and not
// whoever learns a fact meanwhile, as the loop does.
func (l *Loaded) known() func(*desired.Inputs) {
	groups, found, checks := l.groups(), files(l.Settings), l.Settings.Checks()
	return func(in *desired.Inputs) {
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

// files looks for the files that gates name, as they are now.
func files(s *settings.Settings) map[string]bool {
	found := map[string]bool{}
	for _, path := range s.Files() {
		_, err := os.Stat(path)
		found[path] = err == nil
	}
	return found
}
