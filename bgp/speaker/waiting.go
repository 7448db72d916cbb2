package speaker

// Waiting is the neighbors that have not acknowledged yet all that there is to
// tell them: after a withdraw, those that may still send us traffic. One without
// a session knows nothing.
func (s *Speaker) Waiting() (names []string) {
	for _, p := range s.order {
		if p.live == nil || p.session == nil {
			continue
		}
		c := p.live.conn
		if n, err := c.Unacked(); err != nil || n > 0 || c.Unsent() > 0 || !p.out.Caught() {
			names = append(names, p.name)
		}
	}
	return names
}
