// Package fsm is RFC 4271 sessions as a pure machine: event and time in,
// effects out.
//
// A Machine is one neighbor. It owns up to two connections, the one that we
// dialled and the one that the neighbor did, until only one is left (RFC 4271
// section 6.8). Each goes through OpenSent, OpenConfirm and Established by
// itself; the machine's state is that of the one which has come furthest.
package fsm

import (
	"net/netip"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
)

// State is a state of RFC 4271 section 8.2.2.
type State uint8

// The states.
const (
	Idle State = iota
	Connect
	Active
	OpenSent
	OpenConfirm
	Established
)

// String is the state as ExaBGP's events spell it.
func (s State) String() string {
	return [...]string{"IDLE", "CONNECT", "ACTIVE", "OPENSENT", "OPENCONFIRM", "ESTABLISHED"}[s]
}

// Conn is a connection's number, which its owner chooses; 0 is none.
type Conn uint64

// Kind is what an event or an effect is.
type Kind uint8

// The events.
const (
	Start        Kind = iota // connect, or wait to be connected to; a while first, if Event.Patient
	Stop                     // end the session with Code 6 and Event.Subcode, and stay idle
	Tick                     // the time has come: see Deadline
	Connected                // the dial has led to Event.Conn
	DialFailed               // or to Event.Err
	Accepted                 // the neighbor has connected
	Opened                   // an OPEN has come: Event.Open
	Keepalive                // a KEEPALIVE has come
	Update                   // an UPDATE has come
	Refresh                  // a ROUTE-REFRESH has come
	Operational              // an OPERATIONAL message has come
	Notification             // a NOTIFICATION has come: Event.Notification
	Bad                      // something has come that ends the session: Event.Bad
	Lost                     // the connection has ended: Event.Err
)

// Event is what has happened.
type Event struct {
	Kind          Kind
	Conn          Conn
	Local, Remote netip.Addr // of Connected and Accepted
	Open          *wire.Open
	Notification  wire.Notification
	Bad           *wire.Error
	Err           error
	Subcode       uint8  // of Stop: a subcode of Cease, or 0 to close without a word
	Text          string // of Stop: for the people on the other side
	Patient       bool   // of Start: the neighbor may have connected already
}

// The effects.
const (
	Dial       Kind = 100 + iota // begin a connection; Connected or DialFailed follows
	CancelDial                   // it is not wanted any more; nothing follows
	Send                         // Effect.Frame goes out before all bulk
	Close                        // after what was sent; nothing follows
	Up                           // the session is there: Effect.Session
	Down                         // it is not any more: Effect.Err says why
	Failed                       // an attempt that did not become a session: Effect.Err
	Moved                        // Effect.From, Effect.To
)

// Effect is what is to be done.
type Effect struct {
	Kind     Kind
	Conn     Conn
	Frame    []byte
	Session  *Session
	Err      error
	From, To State
}

// Ended is why a connection is over that a NOTIFICATION has ended.
type Ended struct {
	Sent         bool // by us
	Notification wire.Notification
	Err          error
}

func (e *Ended) Error() string { return e.Err.Error() }

// Unwrap gives what was wrong.
func (e *Ended) Unwrap() error { return e.Err }

// Session is what was agreed with the neighbor.
type Session struct {
	Conn       Conn
	Negotiated *bgp.Negotiated
	Open       *wire.Open // the neighbor's
	Sent       wire.Open  // ours
	SendHold   time.Duration
}

// Config is one neighbor, for the machine.
type Config struct {
	LocalAS      bgp.ASN // 0: the neighbor's
	PeerAS       bgp.ASN // 0: whatever it says
	ID           bgp.ID
	HoldTime     time.Duration // ours; 0 or 3 s and more
	Passive      bool
	Capabilities []capability.Capability
	// Jitter gives a number from 0 up to 1; timers are shortened by up to a
	// quarter of it (RFC 4271 section 10).
	Jitter func() float64
}

// Times that no configuration changes.
const (
	// openWait bounds the wait for an OPEN and the KEEPALIVE after it. RFC 4271
	// suggests four minutes for the first; ExaBGP waits one.
	openWait = time.Minute
	// The first attempt after a failure comes after firstRetry, each further one
	// after twice the time, up to lastRetry: an edge that is cut off shall be
	// back soon, and a router that restarts shall not be hammered.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second

	// patience is how long a neighbor that has lost us has for its own connection:
	// BIRD and FRR may begin one a second later. Of two at once one ends, and a
	// neighbor that has taken that one for up drops the routes that it has kept.
	patience = 3 * time.Second
	// minSendHold is the least send hold time (RFC 9687 section 4.4).
	minSendHold = 8 * time.Minute
)
