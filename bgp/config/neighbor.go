package config

import (
	"net/netip"
	"regexp"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
	"holdfast/bgp/operational"
	"holdfast/bgp/route"
)

// Config is what a configuration file says of BGP. It does not change once
// parsed.
type Config struct {
	Neighbors []Neighbor
	Processes []Process
	Warnings  []*grammar.Error
}

// Neighbor is a section "neighbor", its templates applied.
type Neighbor struct {
	Pos         grammar.Pos
	Description string

	Peer         netip.Prefix // a single address, or a range of peers that may connect
	Zone         string       // of a link-local peer: its link
	LocalAddress netip.Addr   // invalid: auto
	LocalAS      bgp.ASN      // 0: auto, the peer's
	PeerAS       bgp.ASN      // 0: auto, whatever the peer says
	RouterID     bgp.ID       // 0: the local IPv4 address
	HostName     string
	DomainName   string
	HoldTime     time.Duration // 0, or 3 s and more

	Passive         bool
	Listen          uint16 // 0: do not listen for this neighbor
	Connect         uint16 // 0: the default port
	SourceInterface string
	OutgoingTTL     int // 0: the system's
	IncomingTTL     int // 0: any; packets with less are dropped (RFC 5082)
	MD5Password     string
	MD5IP           netip.Addr // our address that the peer connects to, if it is not LocalAddress
	TCPAO           *TCPAO

	LinkLocal    netip.Addr // goes along with IPv6 next hops; invalid: none
	Families     []bgp.Family
	NextHops     []bgp.Hop // section "nexthop"
	AddPaths     []AddPath // section "add-path"
	Capabilities Capabilities

	RateLimit    int // UPDATEs a second, 0: no limit
	GroupUpdates bool
	AutoFlush    bool
	AdjRIBOut    bool
	AdjRIBIn     bool // keep what is received; ExaBGP does unless told otherwise, we do if told
	ManualEOR    bool

	Processes []string   // helpers whose commands are for this neighbor
	Listeners []Listener // those that hear something
	API       []API
	Routes    []route.Route

	// Operational is sent when a session comes up.
	Operational []operational.Message
}

// Capabilities is the section "capability".
type Capabilities struct {
	ASN4            bool
	RouteRefresh    bool
	ExtendedMessage bool
	// GracefulRestart is the restart time, 0: off (RFC 4724).
	GracefulRestart time.Duration
	AddPath         bgp.Direction

	NextHop, AIGP, SoftwareVersion    bool
	LinkLocalNextHop, LinkLocalPrefer bool
	MultiSession, Operational         bool
}

// AddPath is one line of the section "add-path".
type AddPath struct {
	Family    bgp.Family
	Direction bgp.Direction // 0: that of "capability { add-path … }"
	Off       bool          // it has none, whatever the capability says
	Limit     uint16        // paths of a prefix that we want at most, 0: not said
}

// Hops is the families whose next hops may be of the other address family, as
// far as it is ours to say: what the section "nexthop" lists of the neighbor's; without it, IPv4
// families with IPv6 next hops, if the capability is wanted.
func (n *Neighbor) Hops() bgp.Hops { return bgp.MakeHops(n.HopList()) }

// HopList is Hops as the capability lists them.
func (n *Neighbor) HopList() []bgp.Hop {
	var hs []bgp.Hop
	if len(n.NextHops) > 0 || !n.Capabilities.NextHop {
		for _, h := range n.NextHops {
			if slices.Contains(n.Families, h.Family) {
				hs = append(hs, h)
			}
		}
		return hs
	}
	for _, f := range n.Families {
		if h := (bgp.Hop{Family: f, AFI: bgp.AFIIPv6}); bgp.MakeHops([]bgp.Hop{h}) != 0 {
			hs = append(hs, h)
		}
	}
	return hs
}

// PathList is the families with ADD-PATH, each with its direction: those of the
// section "add-path", or all when only the capability asks for it.
func (n *Neighbor) PathList() []AddPath {
	var out []AddPath
	for _, f := range n.Families {
		i := slices.IndexFunc(n.AddPaths, func(p AddPath) bool { return p.Family == f })
		p := AddPath{Family: f, Direction: n.Capabilities.AddPath}
		if i >= 0 {
			p.Limit = n.AddPaths[i].Limit
			if n.AddPaths[i].Direction != 0 {
				p.Direction = n.AddPaths[i].Direction
			}
		}
		if i >= 0 && n.AddPaths[i].Off {
			continue
		}
		if (i >= 0 || len(n.AddPaths) == 0) && p.Direction != 0 {
			out = append(out, p)
		}
	}
	return out
}

// TCPAO is the section "tcp-ao" (RFC 5925).
type TCPAO struct {
	KeyID     uint8
	Algorithm string // "hmac-sha-1-96", "aes-128-cmac-96" or "hmac-sha-256"
	Password  string
}

// API is one section "api": which helpers hear what.
type API struct {
	Name      string
	Processes []string
	Switches  map[string]bool // "neighbor-changes", "receive update", …

	matches []*regexp.Regexp
}

// Listener is a helper of a neighbor, and what it is told of it.
type Listener struct {
	Process                          string
	Changes, Negotiated, FSM, Signal bool
	Send, Receive                    Messages
}

// Messages is which messages a helper is told of, and how.
type Messages struct {
	Parsed, Packets, Consolidate                                bool
	Open, Update, Notification, Keepalive, Refresh, Operational bool
}

// Process is a section "process": a helper.
type Process struct {
	Pos     grammar.Pos
	Name    string
	Run     []string
	Encoder string // "text" or "json"; "": what the environment says
	Respawn bool
	Ack     *bool // begins with acknowledgements; nil: what the environment says
}

// Ends is what tells neighbors apart: one router may be spoken with from several
// addresses of ours, and several may wait at ports of one address.
type Ends struct {
	Peer    netip.Prefix
	Zone    string
	Local   netip.Addr
	Connect uint16
}

// Ends are those of a neighbor's session.
func (n *Neighbor) Ends() Ends { return Ends{n.Peer, n.Zone, n.LocalAddress, n.Connect} }

// SameSession says whether a session of n can go on as one of o: only routes,
// helpers and the like differ.
func (n *Neighbor) SameSession(o *Neighbor) bool {
	a, b := n.session(), o.session()
	if (n.TCPAO == nil) != (o.TCPAO == nil) || n.TCPAO != nil && *n.TCPAO != *o.TCPAO {
		return false
	}
	return a == b && slices.Equal(n.Families, o.Families) && slices.Equal(n.NextHops, o.NextHops) && slices.Equal(n.AddPaths, o.AddPaths)
}

// session is what an OPEN, a socket or the form of our UPDATEs is made of.
type session struct {
	peer                  netip.Prefix
	zone, link, md5       string
	local, linkLocal      netip.Addr
	localAS, peerAS       bgp.ASN
	id                    bgp.ID
	host, domain          string
	hold                  time.Duration
	passive, group, flush bool
	manualEOR             bool
	listen, connect       uint16
	ttlOut, ttlIn         int
	capabilities          Capabilities
}

func (n *Neighbor) session() session {
	return session{n.Peer, n.Zone, n.SourceInterface, n.MD5Password, n.LocalAddress, n.LinkLocal, n.LocalAS, n.PeerAS, n.RouterID,
		n.HostName, n.DomainName, n.HoldTime, n.Passive, n.GroupUpdates, n.AutoFlush, n.ManualEOR, n.Listen, n.Connect,
		n.OutgoingTTL, n.IncomingTTL, n.Capabilities}
}
