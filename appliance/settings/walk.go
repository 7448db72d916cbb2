package settings

import (
	"iter"

	"holdfast/appliance/health"
)

// Leaves are the conditions of a gate that are no groups, those in groups as
// well, in the order of the text.
func (g *Gate) Leaves() iter.Seq[*Condition] {
	return func(yield func(*Condition) bool) { leaves(g.Conditions, yield) }
}

func leaves(cs []Condition, yield func(*Condition) bool) bool {
	for i := range cs {
		if c := &cs[i]; c.Kind == Group && !leaves(c.Of, yield) || c.Kind != Group && !yield(c) {
			return false
		}
	}
	return true
}

// ofKind are the conditions of one kind, of all gates.
func (s *Settings) ofKind(k ...Kind) iter.Seq[*Condition] {
	return func(yield func(*Condition) bool) {
		for i := range s.Gates {
			for c := range s.Gates[i].Leaves() {
				for _, k := range k {
					if c.Kind == k && !yield(c) {
						return
					}
				}
			}
		}
	}
}

// collect gives each value once, in the order of the text.
func collect[T comparable](cs iter.Seq[*Condition], of func(*Condition) T) (all []T) {
	seen := map[T]bool{}
	for c := range cs {
		if v := of(c); !seen[v] {
			all, seen[v] = append(all, v), true
		}
	}
	return all
}

// Checks are those of all gates; one that two gates ask for is one.
func (s *Settings) Checks() []health.Check {
	return collect(s.ofKind(Healthy), func(c *Condition) health.Check { return c.Check })
}

// Units are the units of systemd that gates ask for, with their suffixes.
func (s *Settings) Units() []string {
	return collect(s.ofKind(UnitActive), func(c *Condition) string { return c.Unit })
}

// Routes are those that gates want neighbors to announce.
func (s *Settings) Routes() []From {
	return collect(s.ofKind(Learned), func(c *Condition) From { return From{c.Route, c.Neighbor} })
}

// Files are the paths that gates want there or not there.
func (s *Settings) Files() []string {
	return collect(s.ofKind(FileAbsent, FilePresent), func(c *Condition) string { return c.Path })
}
