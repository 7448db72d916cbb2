// Package watchdog owns /dev/watchdogN and feeds it only while every registered
// witness shows progress.
package watchdog

import "time"

// Device is a hardware watchdog that we hold. Open arms it: from then on the
// machine is reset unless Feed is called within every Timeout.
type Device interface {
	// Feed puts the reset off by one timeout.
	Feed() error
	// SetTimeout asks for a timeout, in whole seconds, and gives the one that
	// the hardware has taken.
	SetTimeout(time.Duration) (time.Duration, error)
	// SetPretimeout asks for a warning to the kernel so long before the reset;
	// 0 is none.
	SetPretimeout(time.Duration) (time.Duration, error)
	// Disarm stops the watchdog, where the driver allows it ("magic close"), and
	// lets go of it.
	Disarm() error
	// Close lets go of it armed: somebody has to open it again in time.
	Close() error
	Info() Info
}

// Software is the identity of the kernel's own watchdog (softdog): what hangs the
// kernel hangs it, too, so it proves nothing of the hardware.
const Software = "Software Watchdog"

// Info is what is known of a watchdog.
type Info struct {
	Path        string
	Identity    string        // "i6300ESB timer"
	Timeout     time.Duration // 0: not known
	Pretimeout  time.Duration
	CausedReset bool     // the last boot was its doing
	BootStatus  []string // what it says of the last boot, beside nothing: "card-reset", "overheat", …
	Active      bool     // it counts down, whoever started it
	MagicClose  bool     // it can be stopped
	NoWayOut    bool     // but its driver was told not to allow it
	Simulated   bool
	InUse       string // who holds it: only where somebody else does
}
