package helper

import (
	"slices"
	"time"
)

// How often a helper is started again: ExaBGP gives it five lives in 64 s and
// then gives up; we go on at that pace, because a box has nobody to start it.
const (
	lives     = 5
	window    = 64 * time.Second
	firstWait = 100 * time.Millisecond
)

// backoff remembers when a helper was started.
type backoff struct{ starts []time.Time }

// started notes a start.
func (b *backoff) started(now time.Time) {
	b.forget(now)
	b.starts = append(b.starts, now)
}

// wait is how long to wait before the next start: twice as long after each
// start of the last 64 s, and never so short that there would be a sixth one.
func (b *backoff) wait(now time.Time) time.Duration {
	b.forget(now)
	n := len(b.starts)
	if n == 0 {
		return 0
	}
	d := firstWait << (n - 1)
	if n >= lives {
		d = max(d, b.starts[n-lives].Add(window).Sub(now))
	}
	return d
}

func (b *backoff) forget(now time.Time) {
	b.starts = slices.DeleteFunc(b.starts, func(t time.Time) bool { return now.Sub(t) >= window })
}
