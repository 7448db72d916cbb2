package capture

import (
	"encoding/binary"
	"net/netip"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/octet"
	"holdfast/bgp/wire"
)

const marker = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

// ribFamilies are those of the subtypes of TABLE_DUMP_V2, from 2 on.
var ribFamilies = [...]bgp.Family{bgp.IPv4Unicast, bgp.IPv4Multicast, bgp.IPv6Unicast, bgp.IPv6Multicast}

// rib is a record of TABLE_DUMP_V2: a prefix, and an entry for each path to it
// (RFC 6396 section 4.3.2; with path identifiers, RFC 8050 section 4).
func (m *mrt) rib(r *octet.Reader, subtype uint16, msg Message) error {
	msg.Table, msg.ASN4 = true, true
	r.U32() // a sequence number
	var f bgp.Family
	switch {
	case subtype >= 8 && subtype <= 11:
		msg.AddPath = true
		f = ribFamilies[subtype-8]
	case subtype >= 2 && subtype <= 5:
		f = ribFamilies[subtype-2]
	case subtype == 6 || subtype == 12:
		msg.AddPath = subtype == 12
		f = bgp.MakeFamily(bgp.AFI(r.U16()), bgp.SAFI(r.U8()))
	default:
		return nil
	}
	nlri, ok := route(r, f)
	if !ok {
		return m.wrong("%s: the route can't be read", f)
	}
	for n := int(r.U16()); n > 0; n-- {
		index := int(r.U16())
		msg.Time = time.Unix(int64(r.U32()), 0)
		path := uint32(0)
		if msg.AddPath {
			path = r.U32()
		}
		attrs := r.Bytes(int(r.U16()))
		switch {
		case !r.OK():
			return m.wrong("%s", r.Err())
		case index >= len(m.peers):
			return m.wrong("peer %d, the index table has %d", index, len(m.peers))
		}
		msg.Peer, msg.PeerAS = netip.AddrPortFrom(m.peers[index].addr, 0), m.peers[index].as
		if !m.update(attrs, f, nlri, path, msg.AddPath) {
			return m.wrong("entry of %d octets that are no attributes of a message", len(attrs))
		}
		msg.Raw = m.out
		if err := m.give(msg); err != nil {
			return err
		}
	}
	return nil
}

// route reads one NLRI.
func route(r *octet.Reader, f bgp.Family) ([]byte, bool) {
	c := family.Lookup(f)
	if c == nil {
		return nil, false
	}
	rest := *r
	b := rest.Rest()
	_, n, err := c.Next(b)
	if err != nil {
		return nil, false
	}
	return r.Bytes(n), true
}

// old is a record of TABLE_DUMP (RFC 6396 section 4.2), whose AS numbers have
// two octets.
func (m *mrt) old(r *octet.Reader, subtype uint16, msg Message) error {
	afi := bgp.AFI(subtype)
	if afi != bgp.AFIIPv4 && afi != bgp.AFIIPv6 {
		return nil
	}
	msg.Table = true
	r.U32() // the view, and a sequence number
	prefix := address(r, afi)
	bits := int(r.U8())
	r.U8() // the status
	msg.Time = time.Unix(int64(r.U32()), 0)
	msg.Peer = netip.AddrPortFrom(address(r, afi), 0)
	msg.PeerAS = asn(r, false)
	attrs := r.Bytes(int(r.U16()))
	switch {
	case !r.OK():
		return m.wrong("%s", r.Err())
	case bits > prefix.BitLen():
		return m.wrong("a prefix of %d bits", bits)
	}
	f := bgp.IPv4Unicast
	if afi == bgp.AFIIPv6 {
		f = bgp.IPv6Unicast
	}
	var room [17]byte
	nlri := append(append(room[:0], byte(bits)), prefix.AsSlice()[:(bits+7)/8]...)
	if !m.update(attrs, f, nlri, 0, false) {
		return m.wrong("entry of %d octets that are no attributes of a message", len(attrs))
	}
	msg.Raw = m.out
	return m.give(msg)
}

// update makes an UPDATE of an entry. Its MP_REACH_NLRI is told without what the
// record says already (RFC 6396 section 4.3.4): that is put back. False: these
// are no attributes, or more than fit a message.
func (m *mrt) update(attrs []byte, f bgp.Family, nlri []byte, path uint32, hasPath bool) bool {
	b := append(append(m.out[:0], marker...), 0, 0, byte(wire.TypeUpdate), 0, 0, 0, 0)
	multi := f != bgp.IPv4Unicast
	for at := 0; at < len(attrs); {
		code, value, n := cut(attrs[at:])
		if n == 0 {
			return false
		}
		if code == attr.MPReach {
			multi = true
			b = appendReach(b, value, f, nlri, path, hasPath)
		} else {
			b = append(b, attrs[at:at+n]...)
		}
		at += n
	}
	binary.BigEndian.PutUint16(b[wire.HeaderLen+2:], uint16(len(b)-wire.HeaderLen-4))
	if !multi {
		b = appendPath(b, path, hasPath)
		b = append(b, nlri...)
	}
	m.out = b
	if len(b) > bgp.MaxExtended {
		return false
	}
	m.out = wire.PatchLength(b, 0)
	return true
}

// cut gives the first attribute; n is 0 if it is not whole.
func cut(b []byte) (code uint8, value []byte, n int) {
	if len(b) < 3 {
		return 0, nil, 0
	}
	head, size := 3, int(b[2])
	if b[0]&attr.Extended != 0 {
		if len(b) < 4 {
			return 0, nil, 0
		}
		head, size = 4, size<<8|int(b[3])
	}
	if len(b)-head < size {
		return 0, nil, 0
	}
	return b[1], b[head : head+size], head + size
}

// appendReach appends MP_REACH_NLRI. Some writers keep the whole attribute: it
// begins with the zero of its address family, the short form never does.
func appendReach(b, value []byte, f bgp.Family, nlri []byte, path uint32, hasPath bool) []byte {
	hop := value
	if len(value) > 4 && value[0] == 0 {
		hop = value[3:]
	}
	if len(hop) > 0 {
		hop = hop[:min(len(hop), 1+int(hop[0]))]
	} else {
		hop = []byte{0}
	}
	b = append(b, attr.Optional|attr.Extended, attr.MPReach, 0, 0)
	at := len(b)
	b = append(b, byte(f.AFI()>>8), byte(f.AFI()), byte(f.SAFI()))
	b = append(append(b, hop...), 0)
	b = append(appendPath(b, path, hasPath), nlri...)
	binary.BigEndian.PutUint16(b[at-2:], uint16(len(b)-at))
	return b
}

func appendPath(b []byte, path uint32, has bool) []byte {
	if !has {
		return b
	}
	return binary.BigEndian.AppendUint32(b, path)
}
