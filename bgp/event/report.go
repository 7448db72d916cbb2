package event

import (
	"time"

	"holdfast/bgp"
	"holdfast/bgp/wire"
)

// Kind is what a Report is about.
type Kind uint8

// The kinds, with the switch of section "api" that asks for them.
const (
	State      Kind = iota // neighbor-changes: Report.State is up, connected or down
	Negotiated             // negotiated
	FSM                    // fsm: Report.State is IDLE … ESTABLISHED
	Signal                 // signal: Report.Signal
	Open                   // send or receive open, and so on: Report.Message
	Update
	Notification
	Keepalive
	Refresh
	Unknown // a message of a type that nobody knows; packets only
	OperationalMessage
	Shutdown // for every helper: the daemon ends; no neighbor
	Kinds    = iota
)

// Report is one thing that happened, as values that nobody changes any more: it
// becomes words where they are wanted, and when.
type Report struct {
	Kind Kind
	Time time.Time
	Neighbor
	State      string
	Reason     string          // of State: why it is down
	Signal     int             // its number
	Negotiated *bgp.Negotiated // of the session, if there is one: UPDATEs are read by it
	Message    []byte          // whole, with its header; of Update there may be several in a row
}

// Form is how a helper wants to be told.
type Form struct {
	Text   bool // ExaBGP 4's text, not JSON
	Legacy bool // JSON of API version 4
	// Compact tells prefixes in JSON as strings, as ExaBGP's api.compact does;
	// those that have labels, a path identifier or more stay objects.
	Compact bool
	// Of messages: what they say, their octets as an event of their own, and
	// what they say with their octets in the same event.
	Parsed, Packets, Consolidate bool
}

// Source is what all events of a process have in common.
type Source struct {
	Host      string
	PID, PPID int
}

// Messages is how many messages a report has.
func (r *Report) Messages() (n uint64) {
	for rest := r.Message; len(rest) > 0; n++ {
		_, rest = r.next(rest)
	}
	return n
}

// next cuts a message off those of a report.
func (r *Report) next(msgs []byte) (msg, rest []byte) {
	n := wire.FrameLen(msgs)
	if r.Kind != Update || n < wire.HeaderLen || n > len(msgs) {
		n = len(msgs)
	}
	return msgs[:n], msgs[n:]
}

// Size is about how much memory a report holds, in octets.
func (r *Report) Size() int { return 256 + len(r.Message) }
