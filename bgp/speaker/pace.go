package speaker

import "time"

// pace lets so many UPDATEs through in each second. Withdraws do not ask it.
type pace struct {
	left  int       // of the second at hand
	until time.Time // its end
}

// take asks for one of most UPDATEs a second. If there is none, again is when
// there will be.
func (p *pace) take(now time.Time, most int) (ok bool, again time.Time) {
	if !now.Before(p.until) {
		p.left, p.until = most, now.Add(time.Second)
	}
	if p.left <= 0 {
		return false, p.until
	}
	p.left--
	return true, time.Time{}
}

// back returns one that was not used.
func (p *pace) back() { p.left++ }
