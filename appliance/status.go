package appliance

import (
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
)

// Status is what "holdfast status --json" prints. Times are seconds since the
// epoch in RFC 3339; durations are seconds.
type Status struct {
	Version   string           `json:"version"`
	PID       int              `json:"pid"`
	Started   time.Time        `json:"started"`
	Config    string           `json:"config"`
	Change    *ChangeStatus    `json:"configuration"`
	Summary   string           `json:"summary"`
	Watchdog  WatchdogStatus   `json:"watchdog"`
	Gates     []GateStatus     `json:"gates"`
	Checks    ChecksStatus     `json:"checks"`
	Drains    []desired.Drain  `json:"drains,omitempty"`
	Neighbors []NeighborStatus `json:"neighbors"`
	Routes    int              `json:"routes"` // wanted, on the wire or not
	Helpers   []HelperStatus   `json:"helpers"`
	Receipts  ReceiptsStatus   `json:"receipts"`
	Loop      LoopStatus       `json:"loop"`
	Netlink   NetlinkStatus    `json:"netlink"`
}

// WatchdogStatus is how the hardware stands.
type WatchdogStatus struct {
	Configured  bool      `json:"configured"`
	Device      string    `json:"device,omitempty"`
	Identity    string    `json:"identity,omitempty"`
	Policy      string    `json:"policy,omitempty"`
	Armed       bool      `json:"armed"`
	Why         string    `json:"why,omitempty"` // not armed
	Timeout     float64   `json:"timeout,omitempty"`
	LastFed     time.Time `json:"last-fed,omitzero"`
	ResetByIt   bool      `json:"reset-by-watchdog"` // the last boot
	StalledBy   []string  `json:"stalled,omitempty"` // witnesses without progress
	NoWayOut    bool      `json:"nowayout"`
	FedWitness  []string  `json:"witnesses,omitempty"`
	PretimeoutS float64   `json:"pretimeout,omitempty"`
}

// GateStatus is one named group. That of routes without a gate has no name, and
// is there only while it is drained.
type GateStatus struct {
	Name     string         `json:"name"`
	On       bool           `json:"on"`
	Rung     string         `json:"rung,omitempty"`    // of its ladder, or "drain"
	Degrade  string         `json:"degrade,omitempty"` // how its routes are told: "med 500 prepend 3"
	Reason   string         `json:"reason,omitempty"`
	Suspect  string         `json:"suspect,omitempty"` // what fails and may not act
	Drain    *desired.Drain `json:"drain,omitempty"`
	Since    time.Time      `json:"since"`
	HoldDown time.Time      `json:"hold-down-until,omitzero"`
	Next     time.Time      `json:"next,omitzero"`    // when time alone changes it
	Penalty  float64        `json:"penalty,omitzero"` // what flapping adds to its hold-down by now
	Routes   int            `json:"routes"`
}

// ChecksStatus is how checks stand. Of many, only those are listed that are not
// up, and of these the first ones.
type ChecksStatus struct {
	Total   int           `json:"total"`
	Up      int           `json:"up"`
	Down    int           `json:"down"`
	Pending int           `json:"pending"` // no verdict yet
	NotUp   []CheckStatus `json:"not-up"`
}

// CheckStatus is one check.
type CheckStatus struct {
	Check string   `json:"check"` // as a condition is written
	Gates []string `json:"gates"`
	State string   `json:"state"`          // "up", "down", "disabled", "init"
	Text  string   `json:"text,omitempty"` // why it is not up
	// NeverUp: it has not been up since it was configured, so that it may close no
	// gate that was open.
	NeverUp bool `json:"never-up,omitempty"`
}

// NeighborStatus is one neighbor.
type NeighborStatus struct {
	Address     string    `json:"address"`
	Description string    `json:"description,omitempty"`
	AS          uint32    `json:"as"`
	State       string    `json:"state"`
	Since       time.Time `json:"since"`
	LastError   string    `json:"last-error,omitempty"`
	LocalAS     uint32    `json:"local-as"`
	RouterID    string    `json:"router-id,omitempty"`
	HoldTime    float64   `json:"hold-time,omitempty"`
	Families    []string  `json:"families,omitempty"`
	Announced   uint64    `json:"announced"` // NLRI in this session
	Withdrawn   uint64    `json:"withdrawn"`
	Received    uint64    `json:"received"` // NLRI in this session
	Updates     uint64    `json:"updates-sent"`
	UpdatesIn   uint64    `json:"updates-received"`
	Sessions    uint64    `json:"sessions"` // how often it was established
	Unsendable  uint64    `json:"unsendable,omitempty"`
	CaughtUp    bool      `json:"caught-up"`
}

// HelperStatus is one helper.
type HelperStatus struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`            // 0: it does not run
	Unit     string `json:"unit,omitempty"` // that it runs in, if not the daemon's own
	Starts   uint64 `json:"starts"`
	Commands uint64 `json:"commands"`
	Errors   uint64 `json:"errors"`  // commands that were answered with "error"
	Lost     uint64 `json:"lost"`    // lines that it did not read in time
	Waiting  int    `json:"waiting"` // octets that it is still to read
}

// LoopStatus is how fair the event loop is; the times are upper bounds of the
// histogram's buckets, in microseconds.
type LoopStatus struct {
	Turns        uint64 `json:"turns"`
	TurnP50      int64  `json:"turn-p50-us"`
	TurnP99      int64  `json:"turn-p99-us"`
	TurnMax      int64  `json:"turn-max-us"`
	MailboxP99   int64  `json:"mailbox-p99-us"`
	MailboxWorst int64  `json:"mailbox-max-us"`
}

// NetlinkStatus is how often the kernel woke us and was listed.
type NetlinkStatus struct {
	Wakeups  uint64 `json:"wakeups"`
	Listings uint64 `json:"listings"`
	Overruns uint64 `json:"overruns"`
}

// Explanation is the answer to "holdfast explain PREFIX": the chain from the
// conditions to each peer.
type Explanation struct {
	Prefix  string            `json:"prefix"`
	Verdict string            `json:"verdict"`
	Routes  []RouteStatus     `json:"routes"`
	History []chronicle.Entry `json:"history"` // the last transitions of what has a part in it
}

// RouteStatus is one wanted route and why it is told or not.
type RouteStatus struct {
	Text       string            `json:"route"`
	Owner      string            `json:"owner"` // "configuration" or "api"
	Group      string            `json:"group,omitempty"`
	On         bool              `json:"on"`
	Rung       string            `json:"rung,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Suspect    string            `json:"suspect,omitempty"`
	Degraded   string            `json:"degraded,omitempty"` // what it is told with beside what it says: "med 500"
	Since      time.Time         `json:"since,omitzero"`     // of the gate
	Conditions []ConditionStatus `json:"conditions,omitempty"`
	Peers      []PeerTold        `json:"peers"`
	// Next is what would change it, one sentence each.
	Next []string `json:"next,omitempty"`
}

// ConditionStatus is one condition of a gate, or a group of them.
type ConditionStatus struct {
	Text        string            `json:"condition"`
	OK          bool              `json:"ok"`
	Why         string            `json:"why,omitempty"`
	Class       string            `json:"class,omitempty"` // "shared"; local if it is not said
	MayWithdraw bool              `json:"may-withdraw,omitempty"`
	Ignored     bool              `json:"ignored,omitempty"` // it fails and may not act: see suspect
	Of          []ConditionStatus `json:"of,omitempty"`      // of a group
}

// PeerTold is what one peer knows of a route.
type PeerTold struct {
	Neighbor string `json:"neighbor"`
	Session  string `json:"session"`
	Told     string `json:"told"` // "announced", "waiting", "withdrawn", "no session"
	// Receipt is what it has acknowledged last of the route's gate.
	Receipt *ReceiptStatus `json:"receipt,omitempty"`
}
