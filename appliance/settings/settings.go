// Package settings is the appliance's own settings, in the same grammar engine.
package settings

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

// Settings is what the sections "watchdog" and "appliance" say. It does not
// change once parsed.
type Settings struct {
	Hardware *Hardware // nil: "watchdog { … }" was not said
	Gates    []Gate
	// ControlSocket is the path of the control socket; "" is the default.
	ControlSocket string
	// APISocket is the path of the socket of the text API; "" is the default.
	APISocket string
	// StopTimeout bounds the wait for peers to acknowledge the last withdraw.
	StopTimeout time.Duration
	// FirstVerdict bounds how long announcements and End-of-RIB are held for
	// gates that have not had a verdict.
	FirstVerdict time.Duration
	// Addresses are those that this box is to hold.
	Addresses []Address
}

// Defaults of what a configuration need not say.
const (
	DefaultStopTimeout  = 5 * time.Second
	DefaultFirstVerdict = 30 * time.Second
	DefaultTimeout      = 10 * time.Second // of the hardware watchdog
)

// Policy is what happens when the hardware watchdog can't be armed.
type Policy uint8

// The policies.
const (
	Require Policy = iota // nothing that is tied to it is announced
	Prefer                // announce all the same, and say so
)

func (p Policy) String() string { return [...]string{"require", "prefer"}[p&1] }

// Hardware is "watchdog { … }": the hardware watchdog that every gate stands
// under.
type Hardware struct {
	Pos        grammar.Pos
	Device     string // a path, or "sim:" and the path of a simulator's socket
	Identity   string // or the identity that the device must have
	Timeout    time.Duration
	Pretimeout time.Duration // 0: none
	Policy     Policy
}

// Gate is "watchdog NAME { … }": the conditions under which the routes of that
// name are told.
type Gate struct {
	Pos        grammar.Pos
	Name       string
	Conditions []Condition
	HoldDown   time.Duration // all conditions hold that long before it opens again
}

// Kind is what a condition looks at.
type Kind uint8

// The kinds of conditions.
const (
	LinkUp      Kind = iota // link NAME: up and running
	HasAddress              // address PREFIX [on NAME]: present
	Established             // neighbor ADDRESS: its session is up
	FileAbsent              // file PATH absent: ExaBGP's disable file is not there
	Healthy                 // healthcheck { command "…"; … }: the service is up
)

// Condition is one line of a gate.
type Condition struct {
	Kind     Kind
	Link     string       // LinkUp; HasAddress: "" is any link
	Address  netip.Prefix // HasAddress
	Neighbor netip.Addr   // Established
	Path     string       // FileAbsent
	Check    health.Check // Healthy
}

// String is the condition as it is written, a healthcheck by its command.
func (c Condition) String() string {
	switch c.Kind {
	case LinkUp:
		return "link " + c.Link
	case HasAddress:
		if c.Link == "" {
			return fmt.Sprintf("address %s", c.Address)
		}
		return fmt.Sprintf("address %s on %s", c.Address, c.Link)
	case Established:
		return fmt.Sprintf("neighbor %s", c.Neighbor)
	case Healthy:
		return fmt.Sprintf("check %q", c.Check.Command)
	default:
		return fmt.Sprintf("file %s absent", c.Path)
	}
}

// Address is one that the box is to hold: "address PREFIX on LINK [label L]".
type Address struct {
	Prefix netip.Prefix
	Link   string
	Label  string // IPv4 only; "" for none
}
