package desired

import (
	"slices"

	"holdfast/appliance/settings"
)

// A fact is what a condition looks at: a health.Check, the netip.Addr of a
// neighbor, a settings.From, or one of these.
type (
	File     string   // a path
	UnitName string   // of systemd, with its suffix
	Links    struct{} // all links and addresses
)

// Fact is what a condition, which is no group, looks at.
func Fact(c *settings.Condition) any {
	switch c.Kind {
	case settings.Established:
		return c.Neighbor
	case settings.FileAbsent, settings.FilePresent:
		return File(c.Path)
	case settings.Healthy:
		return c.Check
	case settings.UnitActive:
		return UnitName(c.Unit)
	case settings.Learned:
		return settings.From{Route: c.Route, Neighbor: c.Neighbor}
	}
	return Links{}
}

// Facts says which gates look at a fact.
func Facts(s *settings.Settings) map[any][]string {
	of := map[any][]string{}
	for i := range s.Gates {
		g := &s.Gates[i]
		for c := range g.Leaves() {
			if f := Fact(c); !slices.Contains(of[f], g.Name) {
				of[f] = append(of[f], g.Name)
			}
		}
	}
	return of
}
