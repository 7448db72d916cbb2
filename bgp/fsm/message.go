package fsm

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
)

// message takes what has come on a connection.
func (m *Machine) message(now time.Time, t *track, ev Event) {
	switch ev.Kind {
	case Lost:
		m.lost(now, t, ev.Err)
	case Notification:
		n := ev.Notification
		n.Data = bytes.Clone(n.Data) // it was the connection's buffer
		m.hangUp(now, t, &Ended{Notification: n, Err: fmt.Errorf("the neighbor said %s", n)})
	case Bad:
		m.fail(now, t, ev.Bad.Notification(), ev.Bad)
	case Opened:
		if t.state != OpenSent {
			m.unexpected(now, t, "OPEN")
			return
		}
		m.opened(now, t, ev.Open)
	case Keepalive:
		m.keepalive(now, t)
	case Update:
		m.only(now, t, "UPDATE")
	case Refresh:
		m.only(now, t, "ROUTE-REFRESH")
	case Operational:
		m.only(now, t, "OPERATIONAL")
	}
}

// lost goes on without a connection that has ended by itself.
func (m *Machine) lost(now time.Time, t *track, err error) {
	up := t.state == Established
	m.forget(t, err)
	m.again(now, up, err)
}

// hangUp closes a connection without a word, and tries again later.
func (m *Machine) hangUp(now time.Time, t *track, err error) {
	up := t.state == Established
	m.end(t, err)
	m.again(now, up, err)
}

// only takes a message that belongs into Established.
func (m *Machine) only(now time.Time, t *track, what string) {
	if t.state != Established {
		m.unexpected(now, t, what)
		return
	}
	m.heard(now, t)
}

// heard restarts the hold timer.
func (m *Machine) heard(now time.Time, t *track) {
	if t.hold > 0 {
		t.waitUntil = now.Add(t.hold)
	}
}

// unexpected is a message that this state does not know (RFC 6608).
func (m *Machine) unexpected(now time.Time, t *track, what string) {
	n := wire.Notification{Code: wire.CodeFSM, Subcode: uint8(t.state-OpenSent) + 1}
	m.fail(now, t, n, fmt.Errorf("unexpected %s in %s", what, t.state))
}

func (m *Machine) keepalive(now time.Time, t *track) {
	switch t.state {
	case OpenSent:
		m.unexpected(now, t, "KEEPALIVE")
	case OpenConfirm:
		m.establish(now, t)
	default:
		m.heard(now, t)
	}
}

// opened checks the neighbor's OPEN, settles a collision, and answers.
func (m *Machine) opened(now time.Time, t *track, o *wire.Open) {
	if bad := m.check(o); bad != nil {
		if !t.isSent { // "local-as auto" has not spoken yet
			t.open = o
			m.sendOpen(t)
		}
		m.fail(now, t, bad.Notification(), bad)
		return
	}
	t.open = o
	if !t.isSent {
		m.sendOpen(t)
	}
	if !m.collide(now, t) {
		return
	}
	t.hold = min(m.config.HoldTime, o.HoldTime)
	t.session = m.negotiate(t)
	if len(t.session.Negotiated.Families) == 0 {
		bad := &wire.Error{Code: wire.CodeOpen, Subcode: wire.UnsupportedCapability, Data: wanted(t.sent.Capabilities),
			Disposition: wire.Reset, Reason: "no address family in common"}
		m.fail(now, t, bad.Notification(), bad)
		return
	}
	t.state = OpenConfirm
	t.waitUntil = now.Add(openWait)
	if t.hold > 0 {
		t.waitUntil = now.Add(t.hold)
	}
	m.sendKeepalive(now, t)
}

// check is what an OPEN has to be for this neighbor (RFC 4271 section 6.2, RFC
// 6286 section 2.2).
func (m *Machine) check(o *wire.Open) *wire.Error {
	local := m.config.LocalAS
	if local == 0 {
		local = o.AS
	}
	bad := func(subcode uint8, format string, args ...any) *wire.Error {
		return &wire.Error{Code: wire.CodeOpen, Subcode: subcode, Disposition: wire.Reset, Offset: wire.HeaderLen, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case m.config.PeerAS != 0 && o.AS != m.config.PeerAS:
		return bad(wire.BadPeerAS, "the neighbor is in AS %s, want %s", o.AS, m.config.PeerAS)
	case o.ID == m.config.ID && o.AS == local:
		return bad(wire.BadID, "the neighbor has our identifier %s", o.ID)
	}
	return nil
}

// wanted is the multiprotocol capabilities that a neighbor would have to share
// (the data of 2/7, RFC 5492 section 5).
func wanted(cs []capability.Capability) (b []byte) {
	for _, c := range cs {
		if c.Code == capability.MultiProtocol {
			b = c.Append(b)
		}
	}
	return b
}

func withAS(cs []capability.Capability, a bgp.ASN) []capability.Capability {
	cs = slices.Clone(cs)
	for i := range cs {
		if cs[i].Code == capability.ASN4 {
			cs[i] = capability.ForASN(a)
		}
	}
	return cs
}

// collide settles which of two connections stays, once both sides are known
// (RFC 4271 section 6.8). It gives false when it is not this one.
func (m *Machine) collide(now time.Time, t *track) bool {
	for _, other := range slices.Clone(m.tracks) {
		if other == t || other.state < OpenConfirm {
			continue
		}
		loser := t
		if other.state != Established && m.keepsOurs(t) == t.ours {
			loser = other
		}
		m.notify(loser, wire.Shutdown(wire.Collision, ""))
		m.end(loser, fmt.Errorf("connection collision: the other one stays"))
		if loser == t {
			return false
		}
	}
	return true
}

// keepsOurs says whether the connection that we dialled wins: the one that the
// speaker with the higher identifier began, or, where those are equal, the one
// in the higher AS (RFC 6286 section 2.3).
func (m *Machine) keepsOurs(t *track) bool {
	if m.config.ID != t.open.ID {
		return m.config.ID > t.open.ID
	}
	return t.sent.AS > t.open.AS
}

// negotiate is what both sides have said.
func (m *Machine) negotiate(t *track) *Session {
	n := &bgp.Negotiated{LocalAS: t.sent.AS, PeerAS: t.open.AS, LocalID: t.sent.ID, PeerID: t.open.ID, HoldTime: t.hold}
	capability.Negotiate(n, t.sent.Capabilities, t.open.Capabilities)
	// The octets of the OPEN are the connection's buffer: keep a copy.
	for i := range t.open.Capabilities {
		t.open.Capabilities[i].Value = bytes.Clone(t.open.Capabilities[i].Value)
	}
	t.sendHold = max(minSendHold, 2*t.hold)
	return &Session{Conn: t.conn, Negotiated: n, Open: t.open, Sent: t.sent, SendHold: t.sendHold}
}

// establish brings a session up; whatever else was under way ends.
func (m *Machine) establish(now time.Time, t *track) {
	t.state = Established
	t.progress = now
	t.waitUntil = time.Time{}
	m.heard(now, t)
	m.cancelDial()
	m.retryAt, m.tries = time.Time{}, 0
	for _, other := range slices.Clone(m.tracks) {
		if other != t {
			m.notify(other, wire.Shutdown(wire.Collision, ""))
			m.end(other, fmt.Errorf("connection collision: the other one is established"))
		}
	}
	if t.hold == 0 {
		t.aliveAt = time.Time{}
	}
	m.settle()
	m.do(Effect{Kind: Up, Conn: t.conn, Session: t.session})
}
