// Package ls is all that the families bgp-ls bgp-ls and bgp-ls bgp-ls-vpn know,
// which carry the topology of an IGP (RFC 9552, RFC 9514): bytes, words, JSON.
package ls

import (
	"encoding/binary"
	"fmt"
	"iter"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// The rows of the families. ExaBGP offers them with all the others.
var (
	Codec = nlri.Codec{Family: bgp.BGPLS, Next: nextPlain, View: View, Form: &Form, NextHopLens: []int{4, 16, 32}}
	VPN   = nlri.Codec{Family: bgp.BGPLSVPN, Next: nextVPN, View: View, Form: &Form, NextHopLens: []int{12, 24, 48}, HopRD: true}
)

// Kind is the type of an NLRI (RFC 9552 section 5.2, RFC 9514 section 6).
type Kind uint16

// The types.
const (
	Node     Kind = 1
	Link     Kind = 2
	PrefixV4 Kind = 3
	PrefixV6 Kind = 4
	SRv6SID  Kind = 6
)

// Parts of an NLRI: type and length, then protocol and identifier.
const (
	header = 4
	fixed  = 9
)

// Object is an NLRI of one of the types that are known. Its descriptors stay as
// they came: their order belongs to the key (RFC 9552 section 5.1).
type Object struct {
	Kind       Kind
	RD         nlri.RD
	VPN        bool
	Protocol   uint8
	Identifier uint64
	TLVs       string

	HasPath bool
	PathID  uint32
}

// Other is an NLRI of another type: it is kept as it is.
type Other struct{ raw nlri.Raw }

func nextPlain(b []byte) ([]byte, int, error) { return next(b, 0) }
func nextVPN(b []byte) ([]byte, int, error)   { return next(b, 8) }

// next reads an NLRI with rd octets of route distinguisher. What descriptors
// mean is not judged, only that they fit; their order is the affair of who
// propagates them (RFC 9552 sections 5.1 and 8.2.2).
func next(b []byte, rd int) ([]byte, int, error) {
	body, err := nlri.Cut(b, header, 2)
	if err != nil {
		return nil, 0, err
	}
	n := len(body)
	if !known(body) {
		return body, n, nil
	}
	if n < header+rd+fixed {
		return nil, n, fmt.Errorf("an NLRI of %d octets, want %d or more", n-header, rd+fixed)
	}
	if err := fits(body[header+rd+fixed:], true); err != nil {
		return nil, n, err
	}
	return body, n, nil
}

func known(body []byte) bool {
	k := Kind(binary.BigEndian.Uint16(body))
	return k >= Node && k <= PrefixV6 || k == SRv6SID
}

// fits wants TLVs, and those inside node descriptors at the top, to end where
// they should.
func fits(b []byte, top bool) error {
	for len(b) > 0 {
		if len(b) < 4 || int(binary.BigEndian.Uint16(b[2:])) > len(b)-4 {
			return fmt.Errorf("a descriptor goes beyond what it stands in, %d octets left", len(b))
		}
		code, n := binary.BigEndian.Uint16(b), 4+int(binary.BigEndian.Uint16(b[2:]))
		if top && (code == codeLocal || code == codeRemote) {
			if err := fits(b[4:n], false); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

// tlvs gives the codes and values of checked TLVs.
func tlvs(s string) iter.Seq2[uint16, string] {
	return func(yield func(uint16, string) bool) {
		for len(s) >= 4 {
			n := 4 + (int(s[2])<<8 | int(s[3]))
			if n > len(s) || !yield(uint16(s[0])<<8|uint16(s[1]), s[4:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// View is the typed form of a checked NLRI.
func View(r nlri.Raw) nlri.NLRI {
	if !known(r.Body) {
		return Other{r}
	}
	o := Object{Kind: Kind(binary.BigEndian.Uint16(r.Body)), VPN: r.Family == bgp.BGPLSVPN, HasPath: r.HasPath, PathID: r.PathID}
	b := r.Body[header:]
	if o.VPN {
		b = b[copy(o.RD[:], b):]
	}
	o.Protocol, o.Identifier, o.TLVs = b[0], binary.BigEndian.Uint64(b[1:]), string(b[fixed:])
	return o
}

// Family is that of the NLRI: with a route distinguisher it is a VPN's.
func (o Object) Family() bgp.Family {
	if o.VPN {
		return bgp.BGPLSVPN
	}
	return bgp.BGPLS
}

// Raw is the NLRI in its canonical packed form.
func (o Object) Raw() nlri.Raw {
	return nlri.Raw{Family: o.Family(), HasPath: o.HasPath, PathID: o.PathID, Body: o.append(nil)}
}

func (o Object) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(o.Kind))
	n := fixed + len(o.TLVs)
	if o.VPN {
		n += len(o.RD)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	if o.VPN {
		b = append(b, o.RD[:]...)
	}
	b = binary.BigEndian.AppendUint64(append(b, o.Protocol), o.Identifier)
	return append(b, o.TLVs...)
}

// Raw is the NLRI as it came.
func (o Other) Raw() nlri.Raw { return o.raw }

// AppendText appends what Form reads.
func (o Other) AppendText(b []byte) []byte {
	b = nlri.AppendOctets(append(b, "octets "...), o.raw.Body)
	return nlri.AppendPathText(b, o.raw.HasPath, o.raw.PathID)
}

// AppendJSON appends an object with the type and the octets.
func (o Other) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "code": %d, "parsed": false, "raw": "%X"`, binary.BigEndian.Uint16(o.raw.Body), o.raw.Body)
	return append(nlri.AppendPathJSON(b, o.raw.HasPath, o.raw.PathID), " }"...)
}
