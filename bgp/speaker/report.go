package speaker

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/fsm"
	"holdfast/bgp/wire"
)

// kinds is what a message is reported as.
var kinds = [...]event.Kind{0: event.Unknown, wire.TypeOpen: event.Open, wire.TypeUpdate: event.Update, wire.TypeNotification: event.Notification,
	wire.TypeKeepalive: event.Keepalive, wire.TypeRefresh: event.Refresh, wire.TypeOperational: event.OperationalMessage}

// Wants says whether a listener is told of what goes that way.
func Wants(l *config.Listener, k event.Kind, d event.Direction) bool {
	m := &l.Receive
	if d == event.Out {
		m = &l.Send
	}
	switch k {
	case event.State:
		return l.Changes
	case event.Negotiated:
		return l.Negotiated
	case event.FSM:
		return l.FSM
	case event.Signal:
		return l.Signal
	case event.Open:
		return m.Open
	case event.Update:
		return m.Update
	case event.Notification:
		return m.Notification
	case event.Keepalive:
		return m.Keepalive
	case event.Refresh:
		return m.Refresh
	case event.OperationalMessage:
		return m.Operational
	case event.Unknown:
		return m.Packets
	}
	return false
}

// ears is what somebody wants to hear of a peer: for each direction the kinds,
// as bits. Nothing is made of what nobody hears.
type ears [event.Out + 1]uint16

func earsOf(n *config.Neighbor) (e ears) {
	for i := range n.Listeners {
		for d := range e {
			for k := range event.Kind(event.Kinds) {
				if Wants(&n.Listeners[i], k, event.Direction(d)) {
					e[d] |= 1 << k
				}
			}
		}
	}
	return e
}

func (e *ears) want(d event.Direction, k event.Kind) bool { return e[d]&(1<<k) != 0 }

// configure gives the peer a configuration, without a word to its machine.
func (p *peer) configure(n *config.Neighbor) {
	p.config, p.ears = n, earsOf(n)
	p.keep()
}

// tell reports what somebody wants to hear, and says of whom and when.
func (p *peer) tell(r event.Report) {
	p.tellUpdates()
	r.Time = p.s.loop.Now()
	r.Local, r.Peer = p.config.LocalAddress, p.key.Peer.Addr()
	r.LocalAS, r.PeerAS = p.config.LocalAS, p.config.PeerAS
	if p.session != nil {
		n := p.session.Negotiated
		r.Negotiated, r.Local, r.LocalAS, r.PeerAS = n, unmap(n.LocalAddr), n.LocalAS, n.PeerAS
	}
	p.s.options.Report(p.config, &r)
}

// reportAtOnce is how many octets of UPDATEs make one report: each for itself
// would cost more than most of them are long.
const reportAtOnce = 16 << 10

// received reports a message; its octets are the connection's buffer. UPDATEs
// wait for those that have come with them.
func (p *peer) received(k event.Kind, msg []byte) {
	switch {
	case !p.ears.want(event.In, k):
	case k == event.Update && p.session != nil:
		p.updates = append(p.updates, msg...)
		if len(p.updates) >= reportAtOnce {
			p.tellUpdates()
		}
	default:
		p.tell(event.Report{Kind: k, Neighbor: event.Neighbor{Direction: event.In}, Message: bytes.Clone(msg)})
	}
}

// tellUpdates reports the UPDATEs that wait. Nothing is told before them that
// came after.
func (p *peer) tellUpdates() {
	if msgs := p.updates; msgs != nil {
		p.updates = nil
		p.tell(event.Report{Kind: event.Update, Neighbor: event.Neighbor{Direction: event.In}, Message: msgs})
	}
}

// sent reports messages that go out.
func (p *peer) sent(frames []byte) {
	if p.ears[event.Out] == 0 {
		return
	}
	copied := false
	for len(frames) > 0 {
		k, n := kinds[frames[18]], wire.FrameLen(frames)
		for k == event.Update && n < min(len(frames), reportAtOnce) && frames[n+18] == byte(wire.TypeUpdate) {
			n += wire.FrameLen(frames[n:])
		}
		if p.ears.want(event.Out, k) {
			if !copied { // once for all of them
				frames, copied = bytes.Clone(frames), true
			}
			p.tell(event.Report{Kind: k, Neighbor: event.Neighbor{Direction: event.Out}, Message: frames[:n:n]})
		}
		frames = frames[n:]
	}
}

// unknown reports what comes with a type that nobody knows, as far as it has
// come: the session ends with it.
func (c *conn) unknown(b []byte) {
	if t := int(b[18]); (t == 0 || t >= len(kinds)) && wire.FrameLen(b) >= wire.HeaderLen {
		c.peer.received(event.Unknown, b[:min(len(b), wire.FrameLen(b))])
	}
}

// moved reports a step of the machine. RFC 4271 section 8.2.2 goes through Idle
// when a connection has ended; the machine, which waits for the next one at
// once, does not.
func (p *peer) moved(from, to fsm.State) {
	if !p.ears.want(event.None, event.FSM) {
		return
	}
	if from >= fsm.OpenSent && to < from && to != fsm.Idle {
		p.tell(event.Report{Kind: event.FSM, State: fsm.Idle.String()})
	}
	p.tell(event.Report{Kind: event.FSM, State: to.String()})
}

// The states that helpers are told of; "down" is nothing to remember.
const (
	toldUp        = "up"
	toldConnected = "connected"
	toldDown      = "down"
)

// state reports a change of state.
func (p *peer) state(word, reason string) {
	if p.told = word; word == toldDown {
		p.told = ""
	}
	if p.ears.want(event.None, event.State) {
		p.tell(event.Report{Kind: event.State, State: word, Reason: reason})
	}
}

// connected reports the first connection of an attempt.
func (p *peer) connected() {
	if p.told == "" {
		p.state(toldConnected, "")
	}
}

// disconnected reports an attempt that came to nothing, once no connection of it
// is left.
func (p *peer) disconnected() {
	if p.told == toldConnected && len(p.conns) == 0 {
		p.state(toldDown, p.reason(p.why))
	}
}

// reason is why a session or an attempt is over, in ExaBGP's form; JSON has it
// with round brackets.
func (p *peer) reason(err error) string {
	var e *fsm.Ended
	switch {
	case p.s.stopping != nil:
		return "stop, message [shutting down]"
	case !errors.As(err, &e):
		text := "the TCP connection was closed by the remote end"
		if err != nil && !errors.Is(err, io.EOF) {
			text = err.Error()
		}
		return fmt.Sprintf("peer reset, message [closing connection] error[%s]", text)
	}
	n := e.Notification
	switch {
	case !e.Sent:
		return fmt.Sprintf("peer reset, message [notification received (%d,%d)] error[%s]", n.Code, n.Subcode, n)
	case n.Code == wire.CodeCease && n.Subcode == wire.Deconfigured:
		return "stop, message [removed]"
	case n.Code == wire.CodeCease:
		return fmt.Sprintf("peer reset, message [notification sent (%d,%d)] error[%s]", n.Code, n.Subcode, n)
	}
	return fmt.Sprintf("peer reset, message [notification sent (%d,%d)] error[%s / %s]", n.Code, n.Subcode, wire.CodeText(n.Code, n.Subcode), e)
}

// Signal reports that the daemon was sent a signal, of each neighbor anew.
func (s *Speaker) Signal(number int) {
	for _, p := range s.order {
		if p.ears.want(event.None, event.Signal) {
			p.tell(event.Report{Kind: event.Signal, Signal: number})
		}
	}
}
