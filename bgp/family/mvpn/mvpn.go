// Package mvpn is all that the families ipv4 mcast-vpn and ipv6 mcast-vpn know
// (RFC 6514): bytes, words, JSON.
package mvpn

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
)

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4MVPN, Next: next4, View: View, Form: &Form, NextHopLens: []int{4, 16}, HopAttr: true}
	IPv6 = nlri.Codec{Family: bgp.IPv6MVPN, Next: next6, View: View, Form: &Form, NextHopLens: []int{4, 16}, HopAttr: true}
)

// Kind is a route type (RFC 6514 section 4).
type Kind uint8

// The route types.
const (
	IntraAS    Kind = 1 // intra-AS I-PMSI A-D
	InterAS    Kind = 2 // inter-AS I-PMSI A-D
	SPMSI      Kind = 3 // S-PMSI A-D
	Leaf       Kind = 4 // leaf A-D
	SourceAD   Kind = 5 // source active A-D
	SharedJoin Kind = 6 // shared tree join
	SourceJoin Kind = 7 // source tree join
)

// header is type and length, in octets.
const header = 2

// Route is a route of one of the types but Leaf; fields that the type has not
// are zero.
type Route struct {
	AFI        bgp.AFI
	Kind       Kind
	RD         nlri.RD
	SourceAS   bgp.ASN    // of InterAS and the joins
	Source     netip.Addr // of SPMSI, SourceAD and the joins; of SharedJoin the rendezvous point; invalid: any
	Group      netip.Addr // likewise; invalid: any
	Originator netip.Addr // of IntraAS and SPMSI

	HasPath bool
	PathID  uint32
}

// Other is a route of another type, or a leaf, which has the NLRI of another
// route inside: it is kept as it is.
type Other struct{ raw nlri.Raw }

func next4(b []byte) ([]byte, int, error) { return next(b, bgp.AFIIPv4) }
func next6(b []byte) ([]byte, int, error) { return next(b, bgp.AFIIPv6) }

func next(b []byte, afi bgp.AFI) ([]byte, int, error) {
	body, err := nlri.Cut(b, header, 1)
	if err != nil {
		return nil, 0, err
	}
	n := len(body)
	if !known(body) {
		return body, n, nil
	}
	if _, err := parse(body, afi); err != nil {
		return nil, n, fmt.Errorf("route type %d: %w", body[0], err)
	}
	return body, n, nil
}

func known(body []byte) bool {
	k := Kind(body[0])
	return k >= IntraAS && k <= SourceJoin && k != Leaf
}

// parse reads a route of a known type.
func parse(body []byte, afi bgp.AFI) (r Route, err error) {
	rd := octet.NewReader(body, 0)
	r.AFI, r.Kind = afi, Kind(rd.U8())
	rd.U8()
	copy(r.RD[:], rd.Bytes(len(r.RD)))
	if r.hasAS() {
		r.SourceAS = bgp.ASN(rd.U32())
	}
	if r.hasGroup() {
		if r.Source, err = address(&rd); err == nil {
			r.Group, err = address(&rd)
		}
	}
	if r.hasOriginator() && err == nil {
		var ok bool
		if r.Originator, ok = netip.AddrFromSlice(rd.Rest()); !ok {
			err = fmt.Errorf("the originator is no address")
		}
	}
	if err == nil {
		err = rd.End()
	}
	return r, err
}

func (r *Route) hasAS() bool {
	return r.Kind == InterAS || r.Kind == SharedJoin || r.Kind == SourceJoin
}
func (r *Route) hasGroup() bool      { return r.Kind == SPMSI || r.Kind >= SourceAD }
func (r *Route) hasOriginator() bool { return r.Kind == IntraAS || r.Kind == SPMSI }

// address reads a length in bits and an address of that length; 0 is a wild
// card (RFC 6625 section 2.1).
func address(rd *octet.Reader) (netip.Addr, error) {
	bits := rd.U8()
	if bits == 0 {
		return netip.Addr{}, nil
	}
	if bits != 32 && bits != 128 {
		return netip.Addr{}, fmt.Errorf("an address of %d bits, want 32 or 128", bits)
	}
	a, _ := netip.AddrFromSlice(rd.Bytes(int(bits / 8)))
	return a, nil
}

// View is the typed form of a checked NLRI of one of our families.
func View(raw nlri.Raw) nlri.NLRI {
	if !known(raw.Body) {
		return Other{raw}
	}
	r, _ := parse(raw.Body, raw.Family.AFI())
	r.HasPath, r.PathID = raw.HasPath, raw.PathID
	return r
}

// Raw is the NLRI in its canonical packed form.
func (r Route) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.MakeFamily(r.AFI, bgp.SAFIMVPN), HasPath: r.HasPath, PathID: r.PathID, Body: r.append(nil)}
}

// Raw is the NLRI as it came.
func (o Other) Raw() nlri.Raw { return o.raw }

func (r *Route) append(b []byte) []byte {
	return octet.Len8(append(b, byte(r.Kind)), func(b []byte) []byte {
		b = append(b, r.RD[:]...)
		if r.hasAS() {
			b = binary.BigEndian.AppendUint32(b, uint32(r.SourceAS))
		}
		if r.hasGroup() {
			b = append(append(b, byte(r.Source.BitLen())), r.Source.AsSlice()...)
			b = append(append(b, byte(r.Group.BitLen())), r.Group.AsSlice()...)
		}
		if r.hasOriginator() {
			b = append(b, r.Originator.AsSlice()...)
		}
		return b
	})
}
