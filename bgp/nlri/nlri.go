// Package nlri is what every reachable thing is: an interface, a key, a codec
// row, and the parts that families share.
package nlri

import "holdfast/bgp"

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
	AppendText([]byte) []byte
	AppendJSON([]byte) []byte
}

// Codec is the row of a family.
type Codec struct {
	Family bgp.Family
	// Next reads the NLRI that b begins with, without path identifier. It gives
	// the canonical body, and of how many octets of b that was made; the error
	// says what is wrong.
	Next func(b []byte) (body []byte, n int, err error)
	// Scan checks NLRI that fill b, each after a path identifier if path says
	// so; at is where the first bad one begins.
	Scan func(b []byte, path bool) (at int, err error)
	// View makes the typed form of a checked NLRI.
	View func(Raw) NLRI
	// Key gives what makes two NLRI the same route, as a part of the body or
	// appended to scratch; nil means the whole body.
	Key func(scratch, body []byte) []byte
	// Withdraw gives the body to withdraw it with; nil means the body itself.
	Withdraw func(scratch, body []byte) []byte
	// NextHopLens lists the lengths in octets that a next hop of the family
	// may have in MP_REACH_NLRI (RFC 4760 section 3, RFC 2545, RFC 8950).
	NextHopLens []int
}
