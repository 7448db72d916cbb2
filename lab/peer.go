package lab

import (
	"fmt"
	"net/netip"
)

// Peer is a BGP daemon that somebody else wrote. It takes IPv4 and IPv6
// unicast and announces nothing.
type Peer interface {
	// Start starts the daemon; Stop ends it in its own orderly way.
	Start()
	Stop()
	// Established is whether its session is up, as it says itself.
	Established() bool
	// Route is what its table has from the session.
	Route(netip.Prefix) (Route, bool)
	String() string
}

// Session is how a peer speaks with the box: all addresses and numbers as
// the peer sees them.
type Session struct {
	Local, Remote     netip.Addr
	LocalAS, RemoteAS uint32
	Password          string // TCP-MD5; "" is none
	Passive           bool   // wait for the box to connect
	HoldTime          int    // seconds; 0 is 9
	// Top and Channels are more of the peer's own configuration: at its top, and
	// where its session lists families.
	Top, Channels string
	Export        string // what BIRD tells of IPv4, as a filter; "": nothing
}

// Console is a peer that answers questions in its own words.
type Console interface{ Ask(words ...string) string }

// RouterID is the identifier of every peer.
const RouterID = "192.0.2.254"

func (s Session) hold() int {
	if s.HoldTime == 0 {
		return 9
	}
	return s.HoldTime
}

// maker makes a peer of one kind on a host.
type maker func(*Host, Session) Peer

// Peers are all kinds, by name.
var Peers = map[string]maker{"bird": BIRD, "frr": FRR, "gobgp": GoBGP, "exabgp": ExaBGP}

// daemon is what all peers share.
type daemon struct {
	*Host
	Session
	kind string
	env  []string
	argv []string
	proc *Process
}

func (d *daemon) String() string { return d.kind }

// Start starts the daemon.
func (d *daemon) Start() {
	d.Helper()
	d.proc = d.Host.Start(d.kind, d.env, d.argv...)
}

// Stop ends the daemon in its own orderly way.
func (d *daemon) Stop() {
	d.Helper()
	d.proc.Stop()
}

// file writes a file of this daemon and gives its path.
func (d *daemon) file(suffix, text string) string {
	return d.File(fmt.Sprintf("%s-%s.%s", d.Short, d.kind, suffix), text)
}

// when is text if cond holds, else nothing: for the optional lines of a
// configuration.
func when(cond bool, format string, args ...any) string {
	if !cond {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
