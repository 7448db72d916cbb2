package sink

import (
	"encoding/binary"
	"net/netip"
)

// update is the three parts of an UPDATE's body (RFC 4271 §4.3); what does not
// fit is empty.
func (f Frame) update() (withdrawn, attributes, nlri []byte) {
	withdrawn, rest := counted(f.Body)
	attributes, nlri = counted(rest)
	return withdrawn, attributes, nlri
}

// counted splits off what a length of two octets says.
func counted(b []byte) (part, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
	return b[2 : 2+n], b[2+n:]
}

// Announced are the prefixes that an UPDATE announces, of IPv4 and IPv6.
func (f Frame) Announced() []netip.Prefix {
	_, attributes, nlri := f.update()
	list := prefixes(nil, nlri, 4)
	if b := attribute(attributes, 14); len(b) > 4 && len(b) >= 5+int(b[3]) { // MP_REACH_NLRI: family, next hop, reserved
		list = prefixes(list, b[5+int(b[3]):], width(b))
	}
	return list
}

// Withdrawn are the prefixes that an UPDATE withdraws, of IPv4 and IPv6.
func (f Frame) Withdrawn() []netip.Prefix {
	withdrawn, attributes, _ := f.update()
	list := prefixes(nil, withdrawn, 4)
	if b := attribute(attributes, 15); len(b) >= 3 { // MP_UNREACH_NLRI: family
		list = prefixes(list, b[3:], width(b))
	}
	return list
}

// EndOfRIB says whether a message is the End-of-RIB of IPv4 unicast
// (RFC 4724 §2).
func (f Frame) EndOfRIB() bool { return f.Type == Update && string(f.Body) == "\x00\x00\x00\x00" }

// width is the octets of an address of the family that a multiprotocol
// attribute begins with.
func width(b []byte) int {
	if binary.BigEndian.Uint16(b) == 2 {
		return 16
	}
	return 4
}

// attribute is the value of the attribute of a type.
func attribute(b []byte, kind byte) []byte {
	for len(b) >= 3 {
		head, n := 3, int(b[2])
		if b[0]&0x10 != 0 && len(b) >= 4 { // extended length
			head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if head+n > len(b) {
			return nil
		}
		if b[1] == kind {
			return b[head : head+n]
		}
		b = b[head+n:]
	}
	return nil
}

// prefixes appends those in b, whose addresses have width octets.
func prefixes(list []netip.Prefix, b []byte, width int) []netip.Prefix {
	for len(b) > 0 {
		bits := int(b[0])
		n := (bits + 7) / 8
		if n > width || 1+n > len(b) {
			return list
		}
		var octets [16]byte
		copy(octets[:], b[1:1+n])
		address, _ := netip.AddrFromSlice(octets[:width])
		list = append(list, netip.PrefixFrom(address, bits))
		b = b[1+n:]
	}
	return list
}
