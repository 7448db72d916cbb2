package offline

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/capture"
	"holdfast/bgp/event"
	"holdfast/bgp/wire"
)

// Tracker knows the sessions that a capture's messages belong to. What two
// speakers have agreed on shows in their OPENs, if the capture has them.
type Tracker struct {
	paths   bool // what is not known to be otherwise has path identifiers
	sources map[source]*tracked
	opens   map[[2]netip.AddrPort]*wire.Open // by sender and receiver
}

// source is who sent a message under what circumstances.
type source struct {
	peer, local      netip.AddrPort
	as               bgp.ASN
	asn4, path, kept bool
	sent             bool
}

type tracked struct {
	session *Session
	count   uint64
}

// NewTracker knows nobody yet. With paths, routes of packets carry path
// identifiers where no OPENs tell whether they do.
func NewTracker(paths bool) *Tracker {
	return &Tracker{paths: paths, sources: map[source]*tracked{}, opens: map[[2]netip.AddrPort]*wire.Open{}}
}

// maxSources is how many sessions are remembered at once.
const maxSources = 1 << 16

// Session is what a message belongs to, and the how manyth of its sender it is.
// The Session does not change any more.
func (t *Tracker) Session(m *capture.Message) (*Session, uint64) {
	key := source{peer: m.Peer, local: m.Local, as: m.PeerAS, asn4: m.ASN4, path: m.AddPath, kept: m.Table, sent: m.Sent}
	if m.Packet && wire.Type(m.Raw[18]) == wire.TypeOpen {
		t.open(m)
		delete(t.sources, key) // the next message is of a new session
	}
	s := t.sources[key]
	if s == nil {
		if len(t.sources) >= maxSources {
			clear(t.sources)
			clear(t.opens)
		}
		s = &tracked{session: t.make(m)}
		t.sources[key] = s
	}
	s.count++
	return s.session, s.count
}

// open remembers an OPEN; what the other side said is now to be seen anew.
func (t *Tracker) open(m *capture.Message) {
	if len(m.Raw) < wire.HeaderLen+10 {
		return
	}
	o, bad := wire.ParseOpen(m.Raw)
	if bad != nil {
		return
	}
	for i := range o.Capabilities { // they are a part of the message
		o.Capabilities[i].Value = append([]byte(nil), o.Capabilities[i].Value...)
	}
	t.opens[[2]netip.AddrPort{m.Peer, m.Local}] = o
	delete(t.sources, source{peer: m.Local, local: m.Peer, asn4: true})
}

// make is the session of a message.
func (t *Tracker) make(m *capture.Message) *Session {
	s := Default()
	s.Neighbor = event.Neighbor{Local: m.Local.Addr(), Peer: m.Peer.Addr(), LocalAS: m.LocalAS, PeerAS: m.PeerAS, Direction: event.In}
	if m.Sent {
		s.Direction = event.Out
	}
	s.Negotiated.ASN4 = m.ASN4
	theirs, ours := t.opens[[2]netip.AddrPort{m.Peer, m.Local}], t.opens[[2]netip.AddrPort{m.Local, m.Peer}]
	if theirs != nil {
		s.PeerAS, s.RouterID = theirs.AS, theirs.ID
	}
	if ours != nil {
		s.LocalAS = ours.AS
	}
	s.finish()
	switch told := theirs != nil && ours != nil; {
	case told:
		s.Negotiated.ASN4 = false
		capability.Negotiate(&s.Negotiated, ours.Capabilities, theirs.Capabilities)
	case m.AddPath, m.Packet && t.paths:
		s.AllPaths()
	}
	return s
}
