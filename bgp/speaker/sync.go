package speaker

import "holdfast/bgp/rib"

// waiter is a helper that waits until neighbors have been told.
type waiter struct {
	left int // neighbors
	done func()
}

// wait is a neighbor's part of it: what it is to take first.
type wait struct {
	*waiter
	mark rib.Mark
}

// sync calls done when the sockets of all peers of a set have taken what the
// table has for them now. A peer without a session is not waited for, and one
// whose session ends no longer.
func (s *Speaker) sync(to rib.PeerSet, done func()) {
	w := wait{&waiter{done: done}, s.table.Mark()}
	s.each(to, func(p *peer) {
		if p.live != nil {
			w.left++
			p.waits = append(p.waits, w)
			p.live.conn.Wake()
		}
	})
	if w.left == 0 {
		done()
	}
}

// took is called when the peer's socket has all that was given to it.
func (p *peer) took() {
	for len(p.waits) > 0 && p.out.Took(p.waits[0].mark) {
		p.endWait()
	}
}

// endWait ends the first wait. What comes of it must not come in the middle of
// what the loop is doing with the connection.
func (p *peer) endWait() {
	w := p.waits[0]
	p.waits = p.waits[1:]
	if w.left--; w.left == 0 {
		p.s.loop.Post(w.done)
	}
}

func (p *peer) endWaits() {
	for len(p.waits) > 0 {
		p.endWait()
	}
}
