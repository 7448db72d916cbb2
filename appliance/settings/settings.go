// Package settings is the appliance's own settings, in the same grammar engine.
package settings

import (
	"net/netip"
	"time"

	"holdfast/appliance/health"
	"holdfast/bgp/attr"
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
	// StateDirectory keeps what survives a restart: generations, drains, history.
	// "": the service manager's $STATE_DIRECTORY; without that either, nothing is
	// kept.
	StateDirectory string
	// Confirm bounds how long a change may take to prove itself before the last
	// good configuration comes back; 0: changes need no proof. Negative: it is not
	// said, and ConfirmWithin tells.
	Confirm time.Duration
	// Management are links of which those that were up have to be up again before
	// a change is proven.
	Management []string
	Drain      Drain
	Provision  Provision
	// Metrics is where Prometheus asks: a path of a unix socket, or an address
	// and port; "": nowhere.
	Metrics string
}

// Drain is how the box leaves: GRACEFUL_SHUTDOWN on everything for Wait, then
// the withdraw.
type Drain struct {
	Wait   time.Duration // 0: withdraw at once
	OnStop bool          // before each stop too
}

// Provision is where configurations come from and whose are taken.
type Provision struct {
	Drop   string   // the folder in which bundles are dropped; "": none
	Keys   []string // ed25519 public keys in base64 whose bundles are taken
	Signed bool     // others are refused
}

// Defaults of what a configuration need not say.
const (
	DefaultStopTimeout  = 5 * time.Second
	DefaultFirstVerdict = 30 * time.Second
	DefaultTimeout      = 10 * time.Second // of the hardware watchdog
	DefaultConfirm      = 60 * time.Second // where there is a state directory
	DefaultDrainWait    = 30 * time.Second
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
// name are told, and what happens when they do not hold.
type Gate struct {
	Pos        grammar.Pos
	Name       string
	Conditions []Condition
	HoldDown   time.Duration // all conditions hold that long before it opens again
	Ladder     []Rung        // of "on-failure"; none: withdraw at once
	Top        attr.Degrade  // how the routes are told while all conditions hold; zero: as they are
	Disabled   Rung          // in place of the ladder's, while what fails was disabled; no Text: none
	Back       time.Duration // "recover": how long each rung takes on the way back up; 0: at once
	Flap       Flap
}

// Rung is a step on the way down: how the routes are told, and for how long,
// before the next. It keeps what the rungs above it say.
type Rung struct {
	attr.Degrade
	Withdraw bool          // the last rung of a ladder that has one
	For      time.Duration // 0: until the conditions hold again
	Text     string        // what it says itself: "med 500"
}

// Flap is the penalty of a gate that fails often: each failure adds Hold to the
// hold-down, which Longest bounds, and half of what was added goes in each
// HalfLife. A zero Hold is none.
type Flap struct {
	Hold, Longest, HalfLife time.Duration
}

// Kind is what a condition looks at.
type Kind uint8

// The kinds of conditions.
const (
	LinkUp      Kind = iota // link NAME: up and running
	HasAddress              // address PREFIX [on NAME]: present
	Established             // neighbor ADDRESS: its session is up
	FileAbsent              // file PATH absent: ExaBGP's disable file is not there
	FilePresent             // file PATH present
	Healthy                 // check KIND { … }: the service is up
	UnitActive              // unit NAME active: systemd says so
	Learned                 // route PREFIX from NEIGHBOR: the neighbor announces it
	Group                   // all, any or N of { … }
)

// Condition is one line of a gate.
type Condition struct {
	Kind     Kind
	Link     string       // LinkUp; HasAddress: "" is any link
	Address  netip.Prefix // HasAddress
	Neighbor netip.Addr   // Established, Learned
	Path     string       // FileAbsent, FilePresent
	Check    health.Check // Healthy
	Unit     string       // UnitActive: with its suffix, "nginx.service"
	Route    netip.Prefix // Learned
	// Class is whom a failure concerns: a shared one degrades the gate, and never
	// withdraws it unless the condition says "may-withdraw".
	Class       health.Class
	MayWithdraw bool
	Of          []Condition // Group: none of them is a Group that has none
	Need        int         // Group: how many of them have to hold; len(Of) is "all"
}

// From is a route of a neighbor.
type From struct {
	Route    netip.Prefix
	Neighbor netip.Addr
}

// Address is one that the box is to hold: "address PREFIX on LINK [label L]".
type Address struct {
	Prefix netip.Prefix
	Link   string
	Label  string // IPv4 only; "" for none
}
