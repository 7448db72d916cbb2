package fsm

import (
	"errors"
	"fmt"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
)

// Machine is one neighbor's sessions.
type Machine struct {
	config  Config
	started bool
	dialing bool
	retryAt time.Time // of the next dial; zero: none is due
	tries   int       // failures in a row
	tracks  []*track
	state   State
	effects []Effect
}

// track is one connection.
type track struct {
	conn      Conn
	ours      bool // we dialled
	state     State
	open      *wire.Open // the neighbor's
	sent      wire.Open
	isSent    bool
	session   *Session
	waitUntil time.Time // for the next message; zero: for ever
	aliveAt   time.Time // of the next KEEPALIVE; zero: none
	hold      time.Duration
	progress  time.Time // when the neighbor last took octets
	sendHold  time.Duration
	keepalive []byte
}

// New makes a machine, which is idle.
func New(c Config) *Machine {
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0 }
	}
	return &Machine{config: c}
}

// State is the state of the connection that has come furthest.
func (m *Machine) State() State { return m.state }

// SetCapabilities changes what the next OPEN says.
func (m *Machine) SetCapabilities(cs []capability.Capability) { m.config.Capabilities = cs }

// SetID gives the identifier of a box that learns it with its connection.
func (m *Machine) SetID(id bgp.ID) { m.config.ID = id }

// Progress tells when the neighbor last took octets from a connection, for the
// send hold timer (RFC 9687). It is asked for before each Tick.
func (m *Machine) Progress(c Conn, at time.Time) {
	if t := m.track(c); t != nil && at.After(t.progress) {
		t.progress = at
	}
}

// Step takes an event. The effects are to be carried out in their order, and
// are valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	m.effects = m.effects[:0]
	switch ev.Kind {
	case Start:
		m.start(now, ev.Patient)
	case Stop:
		m.stop(ev)
	case Tick:
		m.tick(now)
	case Connected, Accepted:
		m.connected(now, ev)
	case DialFailed:
		if m.dialing {
			m.dialing = false
			m.failed(now, ev.Err)
		}
	default:
		if t := m.track(ev.Conn); t != nil {
			m.message(now, t, ev)
		}
	}
	m.settle()
	return m.effects
}

// Deadline is when Tick is due; zero: never.
func (m *Machine) Deadline() time.Time {
	next := m.retryAt
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, t := range m.tracks {
		earlier(t.waitUntil)
		earlier(t.aliveAt)
		if t.state == Established {
			earlier(t.progress.Add(t.sendHold))
		}
	}
	return next
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) track(c Conn) *track {
	for _, t := range m.tracks {
		if t.conn == c {
			return t
		}
	}
	return nil
}

func (m *Machine) furthest() State {
	s := Idle
	switch {
	case m.dialing:
		s = Connect
	case m.started:
		s = Active
	}
	for _, t := range m.tracks {
		s = max(s, t.state)
	}
	return s
}

// settle reports a new state.
func (m *Machine) settle() {
	if s := m.furthest(); s != m.state {
		m.do(Effect{Kind: Moved, From: m.state, To: s})
		m.state = s
	}
}

func (m *Machine) start(now time.Time, patient bool) {
	if m.started {
		return
	}
	m.started = true
	m.tries = 0
	if patient && !m.config.Passive {
		m.retryAt = now.Add(m.jittered(patience))
		return
	}
	m.dial(now)
}

// dial connects, unless the neighbor has to or a connection is far enough.
func (m *Machine) dial(time.Time) {
	m.retryAt = time.Time{}
	if m.config.Passive || m.dialing || !m.started {
		return
	}
	for _, t := range m.tracks {
		if t.ours || t.state >= OpenConfirm {
			return
		}
	}
	m.dialing = true
	m.do(Effect{Kind: Dial})
}

// retry sets the time of the next dial, if none is under way.
func (m *Machine) retry(now time.Time) {
	if !m.started || m.config.Passive || m.dialing || !m.retryAt.IsZero() {
		return
	}
	d := min(firstRetry<<min(m.tries, 10), lastRetry)
	m.tries++
	m.retryAt = now.Add(m.jittered(d))
}

func (m *Machine) jittered(d time.Duration) time.Duration {
	return d - time.Duration(m.config.Jitter()*float64(d)/4)
}

func (m *Machine) failed(now time.Time, err error) {
	m.do(Effect{Kind: Failed, Err: err})
	m.retry(now)
}

// stop ends everything.
func (m *Machine) stop(ev Event) {
	m.started = false
	m.retryAt = time.Time{}
	m.cancelDial()
	n := wire.Shutdown(ev.Subcode, ev.Text)
	err := error(&Ended{Sent: true, Notification: n, Err: fmt.Errorf("stopped: %s", wire.CodeText(n.Code, n.Subcode))})
	for len(m.tracks) > 0 {
		t := m.tracks[0]
		if ev.Subcode != 0 {
			m.notify(t, t.last(n))
		}
		m.end(t, err)
	}
}

// last is a Cease after which we do not come back. A neighbor that keeps our routes
// over a NOTIFICATION has to be told so (RFC 8538 section 3).
func (t *track) last(n wire.Notification) wire.Notification {
	if t.state != Established || !t.session.Negotiated.GracefulNotify || n.Subcode != wire.AdminShutdown && n.Subcode != wire.Deconfigured {
		return n
	}
	return wire.Notification{Code: wire.CodeCease, Subcode: wire.HardReset, Data: append([]byte{n.Code, n.Subcode}, n.Data...)}
}

func (m *Machine) cancelDial() {
	if m.dialing {
		m.dialing = false
		m.do(Effect{Kind: CancelDial})
	}
}

// notify sends a NOTIFICATION on a connection on which an OPEN was sent.
func (m *Machine) notify(t *track, n wire.Notification) {
	if t.isSent {
		m.do(Effect{Kind: Send, Conn: t.conn, Frame: wire.AppendNotification(nil, n)})
	}
}

// end closes a connection and forgets it.
func (m *Machine) end(t *track, err error) {
	m.do(Effect{Kind: Close, Conn: t.conn, Err: err})
	m.forget(t, err)
}

func (m *Machine) forget(t *track, err error) {
	for i := range m.tracks {
		if m.tracks[i] == t {
			m.tracks = append(m.tracks[:i], m.tracks[i+1:]...)
			break
		}
	}
	if t.state == Established {
		m.tries = 0
		m.settle()
		m.do(Effect{Kind: Down, Conn: t.conn, Err: err})
	}
}

// fail ends a connection with a NOTIFICATION, and tries again later.
func (m *Machine) fail(now time.Time, t *track, n wire.Notification, err error) {
	m.notify(t, n)
	up := t.state == Established
	m.end(t, &Ended{Sent: true, Notification: n, Err: err})
	m.again(now, up, err)
}

// again goes on after a connection has ended.
func (m *Machine) again(now time.Time, wasUp bool, err error) {
	if wasUp {
		m.retry(now)
		return
	}
	m.failed(now, err)
}

var errSuperseded = errors.New("the neighbor has connected again")

// connected takes a new connection and sends our OPEN on it.
func (m *Machine) connected(now time.Time, ev Event) {
	ours := ev.Kind == Connected
	if ours {
		if !m.dialing {
			m.do(Effect{Kind: Close, Conn: ev.Conn})
			return
		}
		m.dialing = false
	}
	if !m.started {
		m.do(Effect{Kind: Close, Conn: ev.Conn})
		return
	}
	for _, t := range m.tracks {
		if t.ours != ours {
			continue
		}
		if t.state >= OpenConfirm {
			m.do(Effect{Kind: Send, Conn: ev.Conn, Frame: wire.AppendNotification(nil, wire.Shutdown(wire.Rejected, ""))})
			m.do(Effect{Kind: Close, Conn: ev.Conn})
			return
		}
		m.end(t, errSuperseded) // a half-open one that the neighbor has given up
		break
	}
	t := &track{conn: ev.Conn, ours: ours, state: OpenSent, waitUntil: now.Add(openWait), progress: now}
	m.tracks = append(m.tracks, t)
	if m.config.LocalAS != 0 {
		m.sendOpen(t)
	}
}

func (m *Machine) sendOpen(t *track) {
	t.sent = wire.Open{Version: 4, AS: m.config.LocalAS, HoldTime: m.config.HoldTime, ID: m.config.ID, Capabilities: m.config.Capabilities}
	if t.sent.AS == 0 { // "local-as auto"
		t.sent.AS = t.open.AS
		t.sent.Capabilities = withAS(t.sent.Capabilities, t.sent.AS)
	}
	t.isSent = true
	m.do(Effect{Kind: Send, Conn: t.conn, Frame: wire.AppendOpen(nil, t.sent)})
}

// tick does what is due.
func (m *Machine) tick(now time.Time) {
	if !m.retryAt.IsZero() && !now.Before(m.retryAt) {
		m.dial(now)
	}
	for i := 0; i < len(m.tracks); i++ {
		t := m.tracks[i]
		if m.expired(now, t) {
			i-- // it has gone from the list
			continue
		}
		if !t.aliveAt.IsZero() && !now.Before(t.aliveAt) {
			m.sendKeepalive(now, t)
		}
	}
}

// expired ends a connection whose hold timer or send hold timer is over.
func (m *Machine) expired(now time.Time, t *track) bool {
	switch {
	case !t.waitUntil.IsZero() && !now.Before(t.waitUntil):
		n := wire.Notification{Code: wire.CodeHoldTimer}
		m.fail(now, t, n, fmt.Errorf("hold timer expired: nothing came for %s", t.patience()))
	case t.state == Established && !now.Before(t.progress.Add(t.sendHold)):
		n := wire.Notification{Code: wire.CodeSendHold}
		m.fail(now, t, n, fmt.Errorf("send hold timer expired: the neighbor took nothing for %s", t.sendHold))
	default:
		return false
	}
	return true
}

// patience is how long the neighbor may be silent.
func (t *track) patience() time.Duration {
	if t.state < Established && t.hold == 0 {
		return openWait
	}
	return t.hold
}

func (m *Machine) sendKeepalive(now time.Time, t *track) {
	if t.keepalive == nil {
		t.keepalive = wire.AppendKeepalive(nil)
	}
	if t.hold > 0 {
		t.aliveAt = now.Add(m.jittered(t.hold / 3))
	}
	m.do(Effect{Kind: Send, Conn: t.conn, Frame: t.keepalive})
}
