package desired

import "time"

// drained is the state of a gate, "" of everything, below the drains that concern
// it: told with GRACEFUL_SHUTDOWN first, so that neighbors find other ways, and
// withdrawn when they have had the time (RFC 8326). What is off already stays
// so, for its own reason, until the drain would have withdrawn it too.
func (m *Memory) drained(in *Inputs, gate string, s State) State {
	var soft, hard *Drain
	for i := range in.Drains {
		d := &in.Drains[i]
		if !d.concerns(gate, in.Now) {
			continue
		}
		m.Again = sooner(m.Again, d.Until)
		if at := d.Since.Add(in.Settings.Drain.Wait); in.Now.Before(at) {
			m.Again, soft = sooner(m.Again, at), d
		} else {
			hard = d
		}
	}
	switch {
	case hard != nil:
		return State{Rung: drain, Reason: Reason{Text: hard.text(in.Now)}}
	case soft != nil && s.On:
		s.Degrade.Graceful, s.Rung, s.Reason = true, drain, Reason{Text: soft.text(in.Now)}
	}
	return s
}

const drain = "drain"

func (d *Drain) concerns(gate string, now time.Time) bool {
	return (d.Gate == "" || d.Gate == gate) && (d.Until.IsZero() || now.Before(d.Until))
}

// Drained is the drain of a gate, or of everything, that began first; nil: none.
func (in *Inputs) Drained(gate string) (first *Drain) {
	for i := range in.Drains {
		if d := &in.Drains[i]; d.concerns(gate, in.Now) && (first == nil || d.Since.Before(first.Since)) {
			first = d
		}
	}
	return first
}

// text says how long, by the clock of the decision.
func (d *Drain) text(now time.Time) string {
	s := "drained by hand"
	if !d.Until.IsZero() {
		until, form := d.Until.In(now.Location()), "15:04"
		if until.YearDay() != now.YearDay() || until.Year() != now.Year() {
			form = "2006-01-02 15:04"
		}
		s += " until " + until.Format(form)
	}
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return s
}
