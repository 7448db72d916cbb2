// Package api is the text API: lines to commands, and replies; built of the
// same leaves as config.
package api

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/operational"
	"holdfast/bgp/route"
)

// Kind is what an Item asks for.
type Kind uint8

// What a command can ask for. The first ones are done where the helper is, the
// next ones on the loop, and the last ones by the daemon around it.
const (
	Nothing   Kind = iota // a comment, or a command that failed to parse (see Item.Err)
	AckOn                 // answer every command from now on; this one too
	AckOff                // answer this one, and none after it
	AckSilent             // answer none from this one on
	SyncOn                // "done" comes when the neighbors have been told
	SyncOff               // "done" comes when the table has it
	Reset                 // forget what of this helper's is not done yet
	Bye                   // the one who talks to us goes

	Announce    // Route
	Withdraw    // Route.NLRI; Route.Attrs may be the zero Handle
	GroupOn     // announce watchdog Route.Group
	GroupOff    // withdraw watchdog Route.Group
	EOR         // announce eor Family
	Refresh     // announce route-refresh Family
	Operational // More.Operational
	Flush       // tell everything again, and what was held back
	ClearOut    // withdraw everything
	ClearIn     // forget what was received
	Teardown    // end sessions with Cease and More.Subcode
	CreatePeer  // More.Neighbor
	DeletePeer
	RemoveIndex // of the route that More.Index names

	Shutdown // stop the daemon
	Reload   // read the configuration again
	Restart  // end all sessions, and begin anew
	Crash    // ExaBGP's way to test itself: done, and nothing else
	Query    // More.Query: lines of data
)

// Item is one thing to do. A command may have several items, and all of them
// are in the same Batch.
type Item struct {
	Kind    Kind
	Command int       // which command of the batch, counted from 0
	Peers   *Selector // whom it is for; nil: every peer of the helper that said it
	Route   route.Route
	Family  bgp.Family // of EOR and Refresh
	More    *More      // of rare commands
	// Err says why nothing comes of the command. The parser sets it, and so does
	// who applies the batch; the helper is then told "error".
	Err error
}

// More is what rare commands say.
type More struct {
	Subcode     uint8 // of Cease (RFC 4486)
	Operational operational.Message
	Neighbor    string // a section "neighbor" of a configuration
	Index       string // of a route: see Index
	Query       Question
}

// Question is a command that is answered with lines of data, which may be many:
// it is alone in its Batch, and Batch.Say takes the lines.
type Question struct {
	What     What
	Text     bool // in ExaBGP 4's text, not JSON
	Detail   Detail
	In       bool         // of ShowRIB: what was received
	Families []bgp.Family // of ShowRIB and ListRoutes; nil: all
	Address  netip.Prefix // of ShowRIB: an address, or the prefix itself; invalid: all
}

// What is asked for.
type What uint8

// The questions.
const (
	DaemonStatus What = iota
	ListPeers
	ShowPeers
	ShowRIB
	ListRoutes
	QueueStatus
)

// Detail is how much is told.
type Detail uint8

// How much.
const (
	Plain Detail = iota
	Summary
	Extensive
	Configuration
)

// Reply is a line of data that a command is answered with, before its "done".
type Reply struct {
	Command int
	Text    string // without line end
}

// Batch is commands of one helper in the order in which it said them. The
// bodies of its NLRI are slices of memory that Reset gives to the next use:
// who keeps a body, copies it.
type Batch struct {
	From     string // the name of the helper's process
	Items    []Item
	Commands int // how many commands there are
	Replies  []Reply
	// Sync has the batch done only when the neighbors that its routes are for,
	// and that have a session, have been told.
	Sync bool
	// Alone says that the batch is one command which needs its time: a Query, or
	// one that the daemon does. Nothing else of the helper is done meanwhile.
	Alone bool
	// Say gives the helper whole lines at once, and waits until there is room for
	// them; false: it is gone. It is for Alone batches, and never for the loop.
	Say func(lines []byte) bool

	bodies []byte
}

// itemsKept is how many items a batch keeps memory for: a group or a split may
// once have needed far more.
const itemsKept = 4096

// AtOnce is how many items of a batch are applied in one turn of the loop. A group
// may have many more: then nothing else of the helper's is read before its end.
const AtOnce = 4096

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	clear(b.Items) // nothing old is kept alive
	if cap(b.Items) > itemsKept {
		b.Items, b.bodies = nil, nil
	}
	b.Items, b.Replies, b.bodies = b.Items[:0], b.Replies[:0], b.bodies[:0]
	b.Commands, b.Alone = 0, false
}

// Answer adds a line of data to what a command is answered with.
func (b *Batch) Answer(command int, text string) {
	b.Replies = append(b.Replies, Reply{command, text})
}

// Fail adds a command that could not be read, with what is wrong.
func (b *Batch) Fail(err error) {
	b.Commands++
	b.add(Nothing).Err = err
}
