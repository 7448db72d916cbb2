package appliance

import (
	"maps"
	"net/netip"

	"holdfast/appliance/settings"
	"holdfast/bgp/speaker"
)

// learned is which of the routes that gates ask for neighbors announce. It is the
// loop's.
type learned struct {
	now     map[settings.From]bool
	waiting bool // a decision is on its way
}

// askedFor is the routes that gates ask for.
func askedFor(s *settings.Settings) (list []speaker.Asked) {
	for _, f := range s.Routes() {
		list = append(list, speaker.Asked{Neighbor: f.Neighbor, Prefix: f.Route})
	}
	return list
}

// watchRoutes has the speaker tell of the routes of a configuration. What is known of
// those that are not asked for any more is forgotten.
func (d *Daemon) watchRoutes(asked []speaker.Asked) {
	old := d.learned.now
	d.learned.now = map[settings.From]bool{}
	for _, a := range asked {
		from := settings.From{Route: a.Prefix, Neighbor: a.Neighbor}
		if there, ok := old[from]; ok {
			d.learned.now[from] = there
		}
	}
	d.speaker.Watch(asked)
	if len(d.learned.now) != len(old) {
		d.decideLearned()
	}
}

// learn is called on the loop when a neighbor begins or ends to announce a route
// that was asked for.
func (d *Daemon) learn(from netip.Addr, prefix netip.Prefix, there bool) {
	d.learned.now[settings.From{Route: prefix, Neighbor: from}] = there
	d.decideLearned()
}

// decideLearned decides once for all that the loop learns in this turn: a session
// that ends takes many routes with it.
func (d *Daemon) decideLearned() {
	if d.learned.waiting {
		return
	}
	d.learned.waiting = true
	d.loop.Post(func() {
		d.learned.waiting = false
		all := maps.Clone(d.learned.now)
		d.reconciler.heard(all)
	})
}
