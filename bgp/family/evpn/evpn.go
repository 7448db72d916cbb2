// Package evpn is all that the family l2vpn evpn knows (RFC 7432, RFC 9136):
// bytes, words, JSON.
package evpn

import (
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
)

// Codec is the row of the family.
var Codec = nlri.Codec{Family: bgp.L2VPNEVPN, Next: next, View: View, Form: &Form, Key: key, NextHopLens: []int{4, 16}}

// Kind is a route type.
type Kind uint8

// The route types.
const (
	EthernetAD Kind = 1 // Ethernet auto-discovery (RFC 7432 section 7.1)
	MACIP      Kind = 2 // MAC/IP advertisement (section 7.2)
	Multicast  Kind = 3 // inclusive multicast Ethernet tag (section 7.3)
	Segment    Kind = 4 // Ethernet segment (section 7.4)
	IPPrefix   Kind = 5 // IP prefix (RFC 9136 section 3.1)
)

// header is type and length, in octets.
const header = 2

// Route is a route of one of the five types; fields that the type has not are
// zero.
type Route struct {
	Kind    Kind
	RD      nlri.RD
	ESI     nlri.ESI
	Tag     uint32 // Ethernet tag
	MAC     nlri.MAC
	IP      netip.Addr   // invalid: none
	Prefix  netip.Prefix // masked
	Gateway netip.Addr
	Labels  nlri.Labels // one or two fields of three octets: labels, or VNIs (RFC 8365 section 5.1.3)

	HasPath bool
	PathID  uint32
}

// Other is a route of another type: it is kept as it is.
type Other struct{ raw nlri.Raw }

func next(b []byte) ([]byte, int, error) {
	body, err := nlri.Cut(b, header, 1)
	if err != nil {
		return nil, 0, err
	}
	n := len(body)
	if !known(body) || plain(body) {
		return body, n, nil
	}
	r, err := parse(body)
	if err != nil {
		return nil, n, fmt.Errorf("route type %d: %w", body[0], err)
	}
	if r.Kind == IPPrefix && r.Prefix.Masked() != r.Prefix {
		r.Prefix = r.Prefix.Masked()
		body = r.append(nil)
	}
	return body, n, nil
}

// plain says at a glance that a body is a good MAC/IP advertisement, of which a
// table has most; parse would find the same.
func plain(body []byte) bool {
	const mac, ip = header + 8 + 10 + 4, header + 8 + 10 + 4 + 1 + 6 // where the lengths stand
	if Kind(body[0]) != MACIP || len(body) <= ip || body[mac] != 48 {
		return false
	}
	bits, labels := int(body[ip]), len(body)-ip-1-int(body[ip])/8
	return (bits == 0 || bits == 32 || bits == 128) && (labels == 3 || labels == 6)
}

func known(body []byte) bool { return body[0] >= byte(EthernetAD) && body[0] <= byte(IPPrefix) }

// parse reads a route of a known type. Labels are a part of the body.
func parse(body []byte) (r Route, err error) {
	rd := octet.NewReader(body, 0)
	r.Kind = Kind(rd.U8())
	rd.U8()
	copy(r.RD[:], rd.Bytes(len(r.RD)))
	if r.Kind != Multicast {
		copy(r.ESI[:], rd.Bytes(len(r.ESI)))
	}
	if r.Kind != Segment {
		r.Tag = rd.U32()
	}
	switch r.Kind {
	case EthernetAD:
		r.Labels = nlri.Labels(rd.Bytes(3))
	case MACIP:
		err = r.macIP(&rd)
	case IPPrefix:
		err = r.ipPrefix(&rd)
	default:
		r.IP, err = address(&rd, false)
	}
	if err == nil {
		err = rd.End()
	}
	return r, err
}

func (r *Route) macIP(rd *octet.Reader) (err error) {
	if bits := rd.U8(); bits != 48 && rd.OK() {
		return fmt.Errorf("a MAC address of %d bits, want 48", bits)
	}
	copy(r.MAC[:], rd.Bytes(len(r.MAC)))
	if r.IP, err = address(rd, true); err != nil {
		return err
	}
	r.Labels = nlri.Labels(rd.Bytes(3))
	if rd.Len() > 0 {
		r.Labels = append(r.Labels[:3:3], rd.Bytes(3)...)
	}
	return nil
}

// address reads a length in bits and an address of that length.
func address(rd *octet.Reader, optional bool) (netip.Addr, error) {
	bits := rd.U8()
	if bits != 32 && bits != 128 {
		if !rd.OK() || optional && bits == 0 {
			return netip.Addr{}, nil
		}
		return netip.Addr{}, fmt.Errorf("an address of %d bits, want 32 or 128", bits)
	}
	a, _ := netip.AddrFromSlice(rd.Bytes(int(bits / 8)))
	return a, nil
}

// ipPrefix reads a prefix whose address family shows in the length of all
// (RFC 9136 section 3.1).
func (r *Route) ipPrefix(rd *octet.Reader) error {
	bits, size := int(rd.U8()), (rd.Len()-3)/2
	if !rd.OK() || rd.Len() != 11 && rd.Len() != 35 {
		return fmt.Errorf("a prefix, a gateway and a label of %d octets, want 11 or 35", rd.Len())
	}
	if bits > 8*size {
		return fmt.Errorf("prefix length %d, want at most %d", bits, 8*size)
	}
	a, _ := netip.AddrFromSlice(rd.Bytes(size))
	r.Prefix = netip.PrefixFrom(a, bits)
	r.Gateway, _ = netip.AddrFromSlice(rd.Bytes(size))
	r.Labels = nlri.Labels(rd.Bytes(3))
	return nil
}

// key is what tells routes apart: neither labels, nor the segment of a MAC
// address, nor what follows a prefix (RFC 7432 sections 7.1 to 7.4, RFC 9136
// section 3.1).
func key(scratch, body []byte) []byte {
	const esi, tag = header + 8, header + 8 + 10
	switch Kind(body[0]) {
	case EthernetAD:
		return body[: tag+4 : len(body)]
	case MACIP:
		end := tag + 4 + 7 + 1 + int(body[tag+4+7])/8
		return append(append(append(scratch, body[0]), body[header:esi]...), body[tag:end]...)
	case IPPrefix:
		end := tag + 4 + 1 + (len(body)-tag-4-1-3)/2
		return append(append(append(scratch, body[0]), body[header:esi]...), body[tag:end]...)
	}
	return body
}

// View is the typed form of a checked NLRI.
func View(raw nlri.Raw) nlri.NLRI {
	if !known(raw.Body) {
		return Other{raw}
	}
	r, _ := parse(raw.Body)
	r.HasPath, r.PathID = raw.HasPath, raw.PathID
	return r
}

// Raw is the NLRI in its canonical packed form.
func (r Route) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.L2VPNEVPN, HasPath: r.HasPath, PathID: r.PathID, Body: r.append(nil)}
}

// Raw is the NLRI as it came.
func (o Other) Raw() nlri.Raw { return o.raw }

func (r *Route) append(b []byte) []byte {
	return octet.Len8(append(b, byte(r.Kind)), func(b []byte) []byte {
		b = append(b, r.RD[:]...)
		if r.Kind != Multicast {
			b = append(b, r.ESI[:]...)
		}
		if r.Kind != Segment {
			b = append(b, byte(r.Tag>>24), byte(r.Tag>>16), byte(r.Tag>>8), byte(r.Tag))
		}
		switch r.Kind {
		case MACIP:
			b = append(append(b, 48), r.MAC[:]...)
			b = append(append(b, byte(r.IP.BitLen())), r.IP.AsSlice()...)
		case Multicast, Segment:
			b = append(append(b, byte(r.IP.BitLen())), r.IP.AsSlice()...)
		case IPPrefix:
			b = append(append(b, byte(r.Prefix.Bits())), r.Prefix.Addr().AsSlice()...)
			b = append(b, r.Gateway.AsSlice()...)
		}
		return append(b, r.Labels...)
	})
}

// zeroGateway is the gateway of a prefix that has none (RFC 9136 section 3.1).
func zeroGateway(p netip.Prefix) netip.Addr {
	if inet.AFI(p) == bgp.AFIIPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
