// Package nlri is what every reachable thing is: an interface, a key, a codec
// row, and the parts that families share.
package nlri

import (
	"fmt"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/attr"
)

// Raw is one NLRI as it stands on the wire, checked by its family's codec and
// in canonical form (host bits zero). Body has neither path identifier nor, for
// families that wrap their NLRI in a length of their own, anything but the NLRI
// itself. The RIB stores Raw; typed views are made from it when somebody looks.
type Raw struct {
	Family  bgp.Family
	HasPath bool   // PathID was given
	PathID  uint32 // RFC 7911 section 3
	Body    []byte
}

// AppendWire appends the NLRI as a peer with n expects it, with its path
// identifier if that was agreed for the family.
func (r Raw) AppendWire(b []byte, path bool) []byte {
	if path {
		b = append(b, byte(r.PathID>>24), byte(r.PathID>>16), byte(r.PathID>>8), byte(r.PathID))
	}
	return append(b, r.Body...)
}

// NLRI is the typed view on a Raw: what people and helpers see.
type NLRI interface {
	Raw() Raw
	// AppendText appends what the family's Form reads, behind the family's word.
	AppendText([]byte) []byte
	AppendJSON(b []byte, j *JSON) []byte
}

// JSON is what an NLRI's JSON depends on beside itself. Nil is the zero value.
type JSON struct {
	// Legacy asks for the form of API version 4, which repeats the next hop in
	// the NLRI of some families.
	Legacy  bool
	NextHop []byte // of the message; nil where there is none
}

// Codec is the row of a family.
type Codec struct {
	Family bgp.Family
	// Next reads the NLRI that b begins with, without path identifier. It gives
	// the canonical body, and of how many octets of b that was made; the error
	// says what is wrong. It allocates only where b is not canonical. An error
	// with n above 0 is of this NLRI alone: the next one begins n octets on.
	Next func(b []byte) (body []byte, n int, err error)
	// Scan checks NLRI that fill b, each after a path identifier if path says
	// so; at is where the first bad one begins. Nil: Next is asked for each.
	Scan func(b []byte, path bool) (at int, err error)
	// View makes the typed form of a checked NLRI.
	View func(Raw) NLRI
	// Form is how NLRI of the family are said.
	Form *Form
	// OnlyNamed says that a session offers the family only when it is named:
	// "all" does not mean it.
	OnlyNamed bool
	// Key gives what makes two NLRI the same route, as a part of the body or
	// appended to scratch; nil means the whole body.
	Key func(scratch, body []byte) []byte
	// Withdraw gives the body to withdraw it with; nil means the body itself.
	Withdraw func(scratch, body []byte) []byte
	// NextHopLens lists the lengths in octets that a next hop of the family
	// may have in MP_REACH_NLRI (RFC 4760 section 3, RFC 2545), where nothing
	// else was agreed on (RFC 8950).
	NextHopLens []int
	// HopRD says that a route distinguisher of zero stands before each address
	// of the next hop (RFC 4364 section 4.3.2, RFC 4659 section 3.2.1).
	HopRD bool
	// HopMapped says that an IPv4 next hop of a family of IPv6 is sent as
	// ::ffff:a.b.c.d.
	HopMapped bool
	// HopAttr says that an IPv4 next hop also goes into the NEXT_HOP attribute,
	// which nobody needs there (RFC 4760 section 3), but ExaBGP sends.
	HopAttr bool
}

// HopForm is how next hops of the family are sent.
func (c *Codec) HopForm() attr.HopForm {
	form := attr.HopForm{RD: c.HopRD, Mapped: c.HopMapped, None: slices.Contains(c.NextHopLens, 0)}
	four := slices.Contains(c.NextHopLens, 4) || slices.Contains(c.NextHopLens, 12)
	six := slices.Contains(c.NextHopLens, 16) || slices.Contains(c.NextHopLens, 24)
	switch {
	case c.HopMapped && c.Family.AFI() == bgp.AFIIPv6:
		form.AFI = bgp.AFIIPv6
	case four && !six:
		form.AFI = bgp.AFIIPv4
	case six && !four:
		form.AFI = bgp.AFIIPv6
	}
	return form
}

// HopFits says whether a next hop in MP_REACH_NLRI may have n octets.
func (c *Codec) HopFits(n int, agreed *bgp.Negotiated) bool {
	if slices.Contains(c.NextHopLens, n) {
		return true
	}
	if c.HopRD {
		n -= 8
	}
	return n == 4 && agreed.HasHop(c.Family, bgp.AFIIPv4) ||
		(n == 16 || n == 32 || n == 40 && c.HopRD) && agreed.HasHop(c.Family, bgp.AFIIPv6)
}

// Skip is what is wrong with an NLRI that can be left out, for those beside it
// are found.
type Skip struct{ error }

// ScanAll checks NLRI that fill b: see Scan. An error that is a Skip is the first
// of those that can be left out, and nothing worse was found.
func (c *Codec) ScanAll(b []byte, path bool) (at int, err error) {
	if c.Scan != nil {
		return c.Scan(b, path)
	}
	bad := 0
	for at < len(b) {
		skip := 0
		if path {
			if skip = 4; len(b)-at < 4 {
				return at, fmt.Errorf("a path identifier wants 4 octets, %d left", len(b)-at)
			}
		}
		_, n, wrong := c.Next(b[at+skip:])
		if wrong != nil && n == 0 {
			return at, wrong
		}
		if wrong != nil && err == nil {
			bad, err = at, Skip{wrong}
		}
		at += skip + n
	}
	return bad, err
}
