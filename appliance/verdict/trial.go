package verdict

import (
	"cmp"
	"time"
)

// Trial is a change that has to prove itself.
type Trial struct {
	Before Facts
	Limit  time.Time     // until then
	Steady time.Duration // how long nothing has to be missing; 0: Steady
	since  time.Time     // nothing is missing since then; zero: something is
	// Missing is what was missing at the last look.
	Missing []string
}

// Verdict is what is known of a change.
type Verdict uint8

// The verdicts.
const (
	Open   Verdict = iota // not known yet
	Proven                // it stays
	Failed                // what was before comes back
)

func (v Verdict) String() string { return [...]string{"open", "proven", "failed"}[v] }

// Steady is how long nothing has to be missing: what a change breaks at once is
// seen in that time, and a session that comes and goes is not taken for one that
// is up.
const Steady = 5 * time.Second

// Step looks at how the box stands at a moment.
func (t *Trial) Step(now time.Time, facts Facts) Verdict { return t.Weigh(now, Judge(t.Before, facts)) }

// Weigh has a verdict of what is missing at a moment. Whoever is well for the
// first time shortly before the limit has the time to stay so.
func (t *Trial) Weigh(now time.Time, missing []string) Verdict {
	if t.Missing = missing; len(missing) > 0 {
		if t.since = (time.Time{}); !now.Before(t.Limit) {
			return Failed
		}
		return Open
	}
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.since) < cmp.Or(t.Steady, Steady) {
		return Open
	}
	return Proven
}
