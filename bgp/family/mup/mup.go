// Package mup is all that the families ipv4 mup and ipv6 mup know, which carry
// the sessions of a mobile user plane (draft-ietf-bess-mup-safi): bytes, words,
// JSON.
package mup

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
)

// The rows of the families.
var (
	IPv4 = nlri.Codec{Family: bgp.IPv4MUP, Next: next4, View: View, Form: &Form, Key: key, NextHopLens: []int{4, 16}, HopMapped: true, HopAttr: true}
	IPv6 = nlri.Codec{Family: bgp.IPv6MUP, Next: next6, View: View, Form: &Form, Key: key, NextHopLens: []int{4, 16}, HopMapped: true, HopAttr: true}
)

// Kind is the type of a route of the architecture 3GPP 5G.
type Kind uint16

// The route types.
const (
	Interwork Kind = 1 // interwork segment discovery
	Direct    Kind = 2 // direct segment discovery
	Session1  Kind = 3 // type 1 session transformed
	Session2  Kind = 4 // type 2 session transformed
)

// arch5G is the only architecture that has been defined.
const arch5G = 1

// Parts of an NLRI: architecture, type, length in octets.
const header = 4

// Route is a route of one of the four types.
type Route struct {
	AFI      bgp.AFI
	Kind     Kind
	RD       nlri.RD
	Prefix   netip.Prefix // of Interwork and Session1; masked
	Address  netip.Addr   // of Direct
	TEID     uint32       // tunnel endpoint identifier, of Session1 and Session2
	TEIDBits int          // of Session2: how many of its bits count, 0-32
	QFI      uint8        // QoS flow identifier, of Session1
	Endpoint netip.Addr   // of Session1 and Session2
	Source   netip.Addr   // of Session1; invalid: none
	NoSource bool         // of Session1: not even its length is there

	HasPath bool
	PathID  uint32
}

// Other is a route that is not understood: it is kept as it is.
type Other struct{ raw nlri.Raw }

func next4(b []byte) ([]byte, int, error) { return next(b, bgp.AFIIPv4) }
func next6(b []byte) ([]byte, int, error) { return next(b, bgp.AFIIPv6) }

func next(b []byte, afi bgp.AFI) ([]byte, int, error) {
	body, err := nlri.Cut(b, header, 1)
	if err != nil {
		return nil, 0, err
	}
	n := len(body)
	if _, known := kindOf(body); !known {
		return body, n, nil
	}
	r, err := parse(body, afi)
	if err != nil {
		return nil, n, err
	}
	if at := header + 8 + 1; r.Prefix.IsValid() && r.Prefix.Bits()&7 != 0 {
		end := at + (r.Prefix.Bits()+7)/8
		if inet.Canonical(body[:end:end], r.Prefix.Bits())[end-1] != body[end-1] {
			body = r.append(nil)
		}
	}
	return body, n, nil
}

func kindOf(body []byte) (Kind, bool) {
	k := Kind(binary.BigEndian.Uint16(body[1:]))
	return k, body[0] == arch5G && k >= Interwork && k <= Session2
}

// parse reads a route of a type that is known.
func parse(body []byte, afi bgp.AFI) (Route, error) {
	rd := octet.NewReader(body, 0)
	rd.Bytes(header)
	r := Route{AFI: afi}
	r.Kind, _ = kindOf(body)
	copy(r.RD[:], rd.Bytes(8))
	var err error
	switch r.Kind {
	case Interwork:
		r.Prefix, err = prefix(&rd, afi)
	case Direct:
		r.Address, err = address(rd.Rest())
		if err == nil && r.Address.BitLen() != inet.MaxBits(afi) {
			err = fmt.Errorf("an address of %d bits, want %d", r.Address.BitLen(), inet.MaxBits(afi))
		}
	case Session1:
		err = r.session1(&rd)
	case Session2:
		err = r.session2(&rd)
	}
	if err == nil {
		err = rd.End()
	}
	return r, err
}

func (r *Route) session1(rd *octet.Reader) (err error) {
	if r.Prefix, err = prefix(rd, r.AFI); err != nil {
		return err
	}
	r.TEID, r.QFI = rd.U32(), rd.U8()
	if r.Endpoint, err = sized(rd); err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	if !r.Endpoint.IsValid() {
		return fmt.Errorf("endpoint: want an address of 32 or 128 bits, got 0")
	}
	if r.NoSource = rd.Len() == 0; r.NoSource {
		return nil
	}
	if r.Source, err = sized(rd); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return nil
}

// session2 reads an endpoint and the leading bits of its TEID, whose lengths
// are told as a sum.
func (r *Route) session2(rd *octet.Reader) (err error) {
	most := inet.MaxBits(r.AFI)
	bits := int(rd.U8())
	if bits < most || bits > most+32 {
		return fmt.Errorf("endpoint and TEID of %d bits, want %d-%d", bits, most, most+32)
	}
	if r.Endpoint, err = address(rd.Bytes(most / 8)); err != nil {
		return err
	}
	r.TEIDBits = bits - most
	for i := range (r.TEIDBits + 7) / 8 {
		r.TEID |= uint32(rd.U8()) << (24 - 8*i)
	}
	if r.TEIDBits < 32 && r.TEID<<r.TEIDBits != 0 {
		return fmt.Errorf("TEID 0x%08x has bits set beyond its length %d", r.TEID, r.TEIDBits)
	}
	return nil
}

// prefix reads a length in bits and as many octets as it takes.
func prefix(rd *octet.Reader, afi bgp.AFI) (netip.Prefix, error) {
	bits := int(rd.U8())
	if bits > inet.MaxBits(afi) {
		return netip.Prefix{}, fmt.Errorf("prefix length %d, want at most %d", bits, inet.MaxBits(afi))
	}
	return inet.PrefixOf(afi, bits, rd.Bytes((bits+7)/8)).Masked(), nil
}

// sized reads a length in bits and an address of that length, 0 for none.
func sized(rd *octet.Reader) (netip.Addr, error) {
	bits := int(rd.U8())
	if bits == 0 {
		return netip.Addr{}, nil
	}
	if bits != 32 && bits != 128 {
		return netip.Addr{}, fmt.Errorf("an address of %d bits, want 32 or 128", bits)
	}
	return address(rd.Bytes(bits / 8))
}

func address(b []byte) (netip.Addr, error) {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return a, fmt.Errorf("an address of %d octets, want 4 or 16", len(b))
	}
	return a, nil
}

// key is what tells routes apart: of a type 1 session the distinguisher and the
// prefix (draft-ietf-bess-mup-safi section 3.1.3), of others everything.
func key(_, body []byte) []byte {
	if k, known := kindOf(body); !known || k != Session1 {
		return body
	}
	at := header + 8
	return body[: at+1+(int(body[at])+7)/8 : len(body)]
}

// View is the typed form of a checked NLRI of one of our families.
func View(raw nlri.Raw) nlri.NLRI {
	if _, known := kindOf(raw.Body); !known {
		return Other{raw}
	}
	r, _ := parse(raw.Body, raw.Family.AFI())
	r.HasPath, r.PathID = raw.HasPath, raw.PathID
	return r
}

// Raw is the NLRI in its canonical packed form.
func (r Route) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.MakeFamily(r.AFI, bgp.SAFIMUP), HasPath: r.HasPath, PathID: r.PathID, Body: r.append(nil)}
}

// Raw is the NLRI as it came.
func (o Other) Raw() nlri.Raw { return o.raw }

func (r *Route) append(b []byte) []byte {
	b = append(b, arch5G, byte(r.Kind>>8), byte(r.Kind))
	return octet.Len8(b, func(b []byte) []byte {
		b = append(b, r.RD[:]...)
		switch r.Kind {
		case Interwork:
			return inet.AppendPrefix(b, r.Prefix)
		case Direct:
			return append(b, r.Address.AsSlice()...)
		case Session1:
			return r.appendSession1(b)
		}
		b = append(b, byte(r.Endpoint.BitLen()+r.TEIDBits))
		b = append(b, r.Endpoint.AsSlice()...)
		teid := binary.BigEndian.AppendUint32(nil, r.TEID)
		return append(b, teid[:(r.TEIDBits+7)/8]...)
	})
}

func (r *Route) appendSession1(b []byte) []byte {
	b = inet.AppendPrefix(b, r.Prefix)
	b = append(binary.BigEndian.AppendUint32(b, r.TEID), r.QFI)
	b = appendSized(b, r.Endpoint)
	if r.NoSource {
		return b
	}
	return appendSized(b, r.Source)
}

func appendSized(b []byte, a netip.Addr) []byte {
	return append(append(b, byte(a.BitLen())), a.AsSlice()...)
}
