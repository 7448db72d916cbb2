// Package capability is capabilities in OPEN and how two lists become a
// bgp.Negotiated.
package capability

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/octet"
)

// Capability is one capability as it travels (RFC 5492 section 4). Unknown ones
// are kept as they came.
type Capability struct {
	Code  uint8
	Value []byte
}

// Codes of the capabilities that have a row here.
const (
	MultiProtocol     = 1   // RFC 4760 section 8
	RouteRefresh      = 2   // RFC 2918
	ExtendedNextHop   = 5   // RFC 8950 section 4
	ExtendedMessage   = 6   // RFC 8654
	GracefulRestart   = 64  // RFC 4724
	ASN4              = 65  // RFC 6793
	MultiSession      = 68  // draft-ietf-idr-bgp-multisession
	AddPath           = 69  // RFC 7911
	EnhancedRefresh   = 70  // RFC 7313
	HostName          = 73  // draft-walton-bgp-hostname-capability
	SoftwareVersion   = 75  // draft-abraitis-bgp-version-capability
	PathsLimit        = 76  // draft-abraitis-idr-addpath-paths-limit
	LinkLocalNextHop  = 77  // draft-ietf-idr-linklocal-capability
	CiscoRefresh      = 128 // route refresh before it had a number
	CiscoMultiSession = 131 // multi-session before it had a number
	Operational       = 185 // draft-ietf-idr-operational-message, as ExaBGP numbers it
)

// row is what is known of a code: its name, how long its value may be, and
// what decides beyond the length whether it is well formed.
type row struct {
	name  string
	valid func(v []byte) bool
}

func exactly(n int) func([]byte) bool { return func(v []byte) bool { return len(v) == n } }

var table = map[uint8]row{
	MultiProtocol:     {"multiprotocol", exactly(4)},
	RouteRefresh:      {"route-refresh", exactly(0)},
	ExtendedNextHop:   {"extended-next-hop", itemsOf(6)},
	ExtendedMessage:   {"extended-message", exactly(0)},
	GracefulRestart:   {"graceful-restart", func(v []byte) bool { return len(v) >= 2 && len(v)%4 == 2 }},
	ASN4:              {"asn4", exactly(4)},
	MultiSession:      {"multi-session", func(v []byte) bool { return true }},
	AddPath:           {"add-path", validPaths},
	EnhancedRefresh:   {"enhanced-route-refresh", exactly(0)},
	HostName:          {"hostname", validHostName},
	SoftwareVersion:   {"software-version", func(v []byte) bool { return len(v) > 0 && int(v[0]) == len(v)-1 }},
	PathsLimit:        {"paths-limit", itemsOf(5)},
	LinkLocalNextHop:  {"link-local-nexthop", exactly(0)},
	CiscoRefresh:      {"cisco-route-refresh", exactly(0)},
	CiscoMultiSession: {"cisco-multi-session", func(v []byte) bool { return true }},
	Operational:       {"operational", exactly(0)},
}

func itemsOf(n int) func([]byte) bool { return func(v []byte) bool { return len(v)%n == 0 } }

// String names the capability.
func (c Capability) String() string {
	if r, ok := table[c.Code]; ok {
		return r.name
	}
	return fmt.Sprintf("capability %d", c.Code)
}

// Valid says whether the value is well formed. One that is not is treated as
// if the peer had not sent it: RFC 5492 knows no error for it, and a session
// without the feature beats none.
func (c Capability) Valid() bool {
	r, ok := table[c.Code]
	return !ok || r.valid(c.Value)
}

// Append appends the capability's triple.
func (c Capability) Append(b []byte) []byte {
	b = append(b, c.Code, uint8(len(c.Value)))
	return append(b, c.Value...)
}

// Parse reads the capabilities of one optional parameter. The values are views.
func Parse(r *octet.Reader, list []Capability) ([]Capability, error) {
	for r.Len() > 0 {
		c := Capability{Code: r.U8()}
		c.Value = r.Bytes(int(r.U8()))
		if err := r.Err(); err != nil {
			return list, fmt.Errorf("%s: %w", c, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// ForFamily announces a family.
func ForFamily(f bgp.Family) Capability {
	return Capability{MultiProtocol, []byte{byte(f.AFI() >> 8), byte(f.AFI()), 0, byte(f.SAFI())}}
}

// ForASN announces four-octet AS numbers.
func ForASN(a bgp.ASN) Capability {
	return Capability{ASN4, binary.BigEndian.AppendUint32(nil, uint32(a))}
}

// Flag announces a capability that has no value.
func Flag(code uint8) Capability { return Capability{Code: code} }

// Restart is the value of the graceful restart capability (RFC 4724 section 3,
// RFC 8538 section 2).
type Restart struct {
	Restarting bool          // R: we have restarted; do not wait for our peers
	Notify     bool          // N: NOTIFICATION does not end what is kept
	Time       time.Duration // whole seconds, at most 4095
	Families   []RestartFamily
}

// RestartFamily is one family whose routes are kept.
type RestartFamily struct {
	Family     bgp.Family
	Forwarding bool // F: forwarding went on
}

// ForRestart announces graceful restart.
func ForRestart(r Restart) Capability {
	v := uint16(r.Time/time.Second) & 0xfff
	if r.Restarting {
		v |= 0x8000
	}
	if r.Notify {
		v |= 0x4000
	}
	b := binary.BigEndian.AppendUint16(nil, v)
	for _, f := range r.Families {
		flags := byte(0)
		if f.Forwarding {
			flags = 0x80
		}
		b = append(b, byte(f.Family.AFI()>>8), byte(f.Family.AFI()), byte(f.Family.SAFI()), flags)
	}
	return Capability{GracefulRestart, b}
}

// Restart reads a valid graceful restart capability.
func (c Capability) Restart() Restart {
	v := binary.BigEndian.Uint16(c.Value)
	r := Restart{Restarting: v&0x8000 != 0, Notify: v&0x4000 != 0, Time: time.Duration(v&0xfff) * time.Second}
	for b := c.Value[2:]; len(b) >= 4; b = b[4:] {
		r.Families = append(r.Families, RestartFamily{family(b), b[3]&0x80 != 0})
	}
	return r
}

// Path is one family of the ADD-PATH capability (RFC 7911 section 4).
type Path struct {
	Family    bgp.Family
	Direction bgp.Direction
}

// ForPaths announces path identifiers.
func ForPaths(ps []Path) Capability {
	var b []byte
	for _, p := range ps {
		b = append(b, byte(p.Family.AFI()>>8), byte(p.Family.AFI()), byte(p.Family.SAFI()), byte(p.Direction))
	}
	return Capability{AddPath, b}
}

// Paths reads a valid ADD-PATH capability.
func (c Capability) Paths() (ps []Path) {
	for b := c.Value; len(b) >= 4; b = b[4:] {
		ps = append(ps, Path{family(b), bgp.Direction(b[3])})
	}
	return ps
}

// validPaths wants directions that exist: with any other the whole capability
// counts as not understood (RFC 7911 section 4).
func validPaths(v []byte) bool {
	for ; len(v) >= 4; v = v[4:] {
		if v[3] < 1 || v[3] > 3 {
			return false
		}
	}
	return len(v) == 0
}

func family(b []byte) bgp.Family {
	return bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(b)), bgp.SAFI(b[2]))
}

// ForHostName announces our names, each cut at 126 octets.
func ForHostName(host, domain string) Capability {
	var b []byte
	for _, s := range []string{host, domain} {
		s = s[:min(len(s), 126)] // both fit the capability's 255 octets
		b = append(append(b, byte(len(s))), s...)
	}
	return Capability{HostName, b}
}

// HostName reads a valid host name capability.
func (c Capability) HostName() (host, domain string) {
	n := int(c.Value[0])
	return string(c.Value[1 : 1+n]), string(c.Value[2+n:])
}

func validHostName(v []byte) bool {
	r := octet.NewReader(v, 0)
	r.Bytes(int(r.U8()))
	r.Bytes(int(r.U8()))
	return r.OK() && r.Len() == 0
}

// ForHops announces next hops of another address family. The SAFI has two
// octets here (RFC 8950 section 4).
func ForHops(hs []bgp.Hop) Capability {
	var b []byte
	for _, h := range hs {
		b = append(b, byte(h.Family.AFI()>>8), byte(h.Family.AFI()), 0, byte(h.Family.SAFI()), byte(h.AFI>>8), byte(h.AFI))
	}
	return Capability{ExtendedNextHop, b}
}

// Hops reads a valid capability of next hops. An entry with a SAFI that does
// not exist is left out.
func (c Capability) Hops() (hs []bgp.Hop) {
	for b := c.Value; len(b) >= 6; b = b[6:] {
		if b[2] == 0 {
			f := bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(b)), bgp.SAFI(b[3]))
			hs = append(hs, bgp.Hop{Family: f, AFI: bgp.AFI(binary.BigEndian.Uint16(b[4:]))})
		}
	}
	return hs
}

// ForMultiSession announces that a session is told from others by the families
// that it is for. ExaBGP says the code in an octet of a capability of its own,
// behind one that is only flags.
func ForMultiSession() []Capability {
	return []Capability{{MultiSession, []byte{0}}, {MultiSession, []byte{MultiProtocol}}}
}

// SessionID reads the codes of a multi-session capability: behind the flags, or
// all of one that ExaBGP sent. Zero is no code.
func (c Capability) SessionID() []byte {
	v := c.Value
	if len(v) > 1 {
		v = v[1:]
	}
	return bytes.Trim(v, "\x00")
}

// ForSoftware announces our name and version, cut at 254 octets.
func ForSoftware(s string) Capability {
	s = s[:min(len(s), 254)]
	return Capability{SoftwareVersion, append([]byte{byte(len(s))}, s...)}
}

// Software reads a valid software version capability.
func (c Capability) Software() string { return string(c.Value[1:]) }

// Limit is one family of the paths limit capability: how many paths of a prefix
// the speaker wants at most.
type Limit struct {
	Family bgp.Family
	Paths  uint16
}

// ForLimits announces how many paths we want.
func ForLimits(ls []Limit) Capability {
	var b []byte
	for _, l := range ls {
		b = append(b, byte(l.Family.AFI()>>8), byte(l.Family.AFI()), byte(l.Family.SAFI()), byte(l.Paths>>8), byte(l.Paths))
	}
	return Capability{PathsLimit, b}
}

// Limits reads a valid paths limit capability.
func (c Capability) Limits() (ls []Limit) {
	for b := c.Value; len(b) >= 5; b = b[5:] {
		ls = append(ls, Limit{family(b), binary.BigEndian.Uint16(b[3:])})
	}
	return ls
}
