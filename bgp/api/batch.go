// Package api is the text API: lines to commands, and replies; built of the
// same leaves as config.
package api

import (
	"holdfast/bgp"
	"holdfast/bgp/route"
)

// Kind is what an Item asks for.
type Kind uint8

// What a command can ask for.
const (
	Nothing   Kind = iota // a comment, or a command that failed to parse (see Item.Err)
	Announce              // Route
	Withdraw              // Route.NLRI; Route.Attrs may be the zero Handle
	GroupOn               // announce watchdog Route.Group
	GroupOff              // withdraw watchdog Route.Group
	EOR                   // announce eor Family
	AckOn                 // answer every command from now on; this one too
	AckOff                // answer this one, and none after it
	AckSilent             // answer none from this one on
	Shutdown              // stop the daemon
	Reload                // read the configuration again
	Flush                 // tell everything again, and what was held back
)

// Item is one thing to do. A command may have several items, and all of them
// are in the same Batch.
type Item struct {
	Kind    Kind
	Command int       // which command of the batch, counted from 0
	Peers   *Selector // whom it is for; nil: every peer of the helper that said it
	Route   route.Route
	Family  bgp.Family // of EOR
	// Err says why nothing comes of the command. The parser sets it, and so does
	// who applies the batch; the helper is then told "error".
	Err error
}

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

	bodies []byte
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	clear(b.Items) // nothing old is kept alive
	b.Items, b.Replies, b.bodies = b.Items[:0], b.Replies[:0], b.bodies[:0]
	b.Commands = 0
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
