// Package drain is what somebody has taken out of service, and until when, over
// restarts and clocks that may be wrong.
package drain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
)

// Now is what the clocks of this machine say.
type Now struct {
	Time   time.Time     // the process's: the wall clock may jump
	Boot   string        // the kernel's name of this boot
	Uptime time.Duration // since then, a suspend included
}

// Book is the drains that there are. It is not for two goroutines at once.
type Book struct{ all []entry }

// entry is a drain, and whether it is written down.
type entry struct {
	desired.Drain
	passing bool // it is over with this life of the daemon
}

// Clone is a copy, for another goroutine.
func (b *Book) Clone() *Book { return &Book{slices.Clone(b.all)} }

// Order is what somebody wants.
type Order struct {
	Gates   []string      // none: everything
	For     time.Duration // 0: until somebody ends it
	Reason  string
	Passing bool // it ends with this life of the daemon: before a reboot
}

// Drains are all of them, for a decision: the caller's.
func (b *Book) Drains() []desired.Drain {
	all := make([]desired.Drain, 0, len(b.all))
	for _, e := range b.all {
		all = append(all, e.Drain)
	}
	return all
}

// Begin has drains begin. What is out of service already stays so: only its end
// and its reason are new.
func (b *Book) Begin(now time.Time, o Order) {
	gates := o.Gates
	if len(gates) == 0 {
		gates = []string{""}
	}
	for _, gate := range gates {
		e := entry{desired.Drain{Gate: gate, Since: now, Reason: o.Reason}, o.Passing}
		if o.For > 0 {
			e.Until = now.Add(o.For)
		}
		i := b.find(gate)
		switch {
		case i < 0:
			b.all = append(b.all, e)
		case o.Passing && !b.all[i].passing: // somebody wants more than that
		default:
			e.Since = b.all[i].Since
			b.all[i] = e
		}
	}
}

// End has drains end, all of them if there are no gates, and gives those. The
// error names a gate that is not drained by itself; then nothing is changed.
func (b *Book) End(gates []string) (ended []desired.Drain, err error) {
	for _, gate := range gates {
		if b.find(gate) >= 0 {
			continue
		}
		if b.find("") >= 0 {
			return nil, fmt.Errorf("gate %s is drained with everything: end that, without a name", gate)
		}
		return nil, fmt.Errorf("gate %s is not drained", gate)
	}
	return b.drop(func(d desired.Drain) bool { return len(gates) == 0 || slices.Contains(gates, d.Gate) }), nil
}

// Over drops what has come to its end by itself, and gives that.
func (b *Book) Over(now time.Time) []desired.Drain {
	return b.drop(func(d desired.Drain) bool { return !d.Until.IsZero() && !d.Until.After(now) })
}

func (b *Book) drop(is func(desired.Drain) bool) (gone []desired.Drain) {
	b.all = slices.DeleteFunc(b.all, func(e entry) bool {
		out := is(e.Drain)
		if out {
			gone = append(gone, e.Drain)
		}
		return out
	})
	return gone
}

func (b *Book) find(gate string) int {
	return slices.IndexFunc(b.all, func(e entry) bool { return e.Gate == gate })
}

// Timed says whether one that is written down ends by itself: then what is left
// of it has to be written down again and again.
func (b *Book) Timed() bool {
	return slices.ContainsFunc(b.all, func(e entry) bool { return !e.passing && !e.Until.IsZero() })
}

// file is a Book on the disk. When a drain ends is written as what is left of its
// time, not as a time of day: a box without a battery comes up with any clock.
// A clock that is behind would prolong a drain, and one that is ahead would put
// a box into service under somebody's hands.
type file struct {
	Boot   string   `json:"boot"`
	Uptime float64  `json:"uptime"` // seconds
	Drains []record `json:"drains"`
}

type record struct {
	Gate   string    `json:"gate,omitempty"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // for people
	Left   float64   `json:"left,omitempty"` // seconds; 0: until somebody ends it
	Reason string    `json:"reason,omitempty"`
}

// write is the book as it is to be read later.
func (b *Book) write(now Now) file {
	f := file{Boot: now.Boot, Uptime: now.Uptime.Seconds(), Drains: []record{}}
	for _, e := range b.all {
		if e.passing {
			continue
		}
		r := record{Gate: e.Gate, Since: e.Since.UTC().Round(0), Reason: e.Reason}
		if !e.Until.IsZero() {
			r.Until, r.Left = e.Until.UTC().Round(0), max(e.Until.Sub(now.Time).Seconds(), 0.001)
		}
		f.Drains = append(f.Drains, r)
	}
	return f
}

// longest bounds what a file can ask for: a number in it may be any.
const longest = 10 * 365 * 24 * time.Hour

// read is the book that a file was. In the same boot, the time since it was
// written has passed. After another one nobody knows how long the box was off:
// its time goes on where it stood, so that a drain takes as much of the box's
// own time as was asked for, whatever the clock says.
//
// What was drained before is withdrawn by now: the time with GRACEFUL_SHUTDOWN
// does not begin again, for that would announce it.
func read(f file, now Now) *Book {
	passed := 0.0
	if f.Boot == now.Boot && now.Boot != "" {
		passed = max(now.Uptime.Seconds()-f.Uptime, 0)
	}
	b := &Book{}
	for _, r := range f.Drains {
		if b.find(r.Gate) >= 0 {
			continue
		}
		// Counted back from now, so that who sets the clock later does not change it.
		since := now.Time.Add(-max(now.Time.Sub(r.Since), settings.LongestDrainWait))
		e := entry{Drain: desired.Drain{Gate: r.Gate, Since: since, Reason: r.Reason}}
		if r.Left > 0 {
			left := r.Left - passed
			if left <= 0 {
				continue
			}
			e.Until = now.Time.Add(time.Duration(min(left, longest.Seconds()) * float64(time.Second)))
		}
		b.all = append(b.all, e)
	}
	return b
}

// Text is a drain for people: "gate dns until 12:30:00: new disks".
func Text(d desired.Drain) string {
	var s strings.Builder
	if s.WriteString("everything"); d.Gate != "" {
		s.Reset()
		s.WriteString("gate " + d.Gate)
	}
	if !d.Until.IsZero() {
		s.WriteString(" until " + d.Until.Local().Format(time.DateTime))
	}
	if d.Reason != "" {
		s.WriteString(": " + d.Reason)
	}
	return s.String()
}
