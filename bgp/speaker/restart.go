package speaker

import (
	"time"

	"holdfast/bgp/wire"
	"holdfast/netio"
)

// Restart ends all sessions, and has each begin anew with the same routes.
// Where the neighbor keeps routes over a restart, it hears no NOTIFICATION: that
// would have it drop them (RFC 4724 section 4.1).
func (s *Speaker) Restart() {
	if s.stopping != nil {
		return
	}
	for _, p := range s.sorted() {
		p.restart(p.parting(wire.AdminReset))
	}
}

// parting is the subcode of Cease with which a session ends that will be back: 0,
// not a word, where the neighbor keeps our routes until then. RFC 8538 would let
// it keep them after a Cease as well, but not every neighbor speaks that.
func (p *peer) parting(subcode uint8) uint8 {
	if p.silent() {
		return 0
	}
	return subcode
}

// silent says whether a session may end without a word: the neighbor keeps our routes,
// and nothing waits for it that may be a withdraw.
func (p *peer) silent() bool {
	return p.keeps() && (p.live == nil || p.live.conn.Unsent() == 0 && !p.out.Withdraws())
}

// keeps says whether the neighbor keeps our routes over a restart: it said so, or
// it may have said so before its session went, and then it waits for us now.
func (p *peer) keeps() bool {
	if p.session != nil {
		return p.session.Negotiated.GracefulRestart
	}
	return p.config.Capabilities.GracefulRestart > 0
}

// Keep ends all listening, and gives the sockets that another life can go on
// with: who connects until then waits in the kernel. They are the caller's to
// close.
func (s *Speaker) Keep() (kept []netio.Kept) {
	for at, l := range s.listeners {
		if k, ok := l.Keep(); ok {
			kept = append(kept, k)
		}
		l.Close()
		delete(s.listeners, at)
	}
	return kept
}

// Leave is Stop of a speaker that another life will take the place of. Neighbors
// that keep our routes until then hear nothing; the others are told as they are
// at a stop, and so is one that has not taken yet what may be a withdraw.
func (s *Speaker) Leave(text string, timeout time.Duration, done func()) {
	if s.stopping != nil {
		return
	}
	for _, p := range s.sorted() {
		if p.silent() {
			p.stop(0, "")
		}
	}
	s.Stop(text, timeout, done)
}
