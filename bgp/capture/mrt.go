package capture

import (
	"encoding/binary"
	"net/netip"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/octet"
)

// Types of MRT records (RFC 6396 section 4).
const (
	tableDump   = 12
	tableDumpV2 = 13
	bgp4MP      = 16
	bgp4MPET    = 17
)

// peer is one of a PEER_INDEX_TABLE.
type peer struct {
	addr netip.Addr
	as   bgp.ASN
}

// mrt is what is remembered from record to record.
type mrt struct {
	*input
	yield func(Message) bool
	peers []peer
	out   []byte // the message at hand
}

func (in *input) mrt(yield func(Message) bool) error {
	m := &mrt{input: in, yield: yield}
	for {
		h, ok, err := in.next(12)
		if !ok {
			return err
		}
		kind, subtype := binary.BigEndian.Uint16(h[4:]), binary.BigEndian.Uint16(h[6:])
		when, size := binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[8:])
		if in.start == 0 && (kind > 64 || subtype > 64) {
			return in.wrong("want a capture (pcap, pcapng or MRT), got type %d, subtype %d", kind, subtype)
		}
		b, err := in.take(int(min(size, maxRecord+1)))
		if err != nil {
			return err
		}
		err = m.record(kind, subtype, when, b)
		if err == errEnough || err != nil && !in.bad(err) {
			return errEnough
		}
	}
}

// record gives the messages of one; those of other protocols have none.
func (m *mrt) record(kind, subtype uint16, when uint32, b []byte) error {
	r := octet.NewReader(b, 12)
	msg := Message{Time: time.Unix(int64(when), 0), Offset: m.start}
	switch kind {
	case bgp4MPET:
		msg.Time = msg.Time.Add(time.Duration(r.U32()) * time.Microsecond)
		return m.message(&r, subtype, msg)
	case bgp4MP:
		return m.message(&r, subtype, msg)
	case tableDump:
		return m.old(&r, subtype, msg)
	case tableDumpV2:
		if subtype == 1 {
			return m.index(&r)
		}
		return m.rib(&r, subtype, msg)
	}
	return nil
}

// message is a BGP4MP_MESSAGE in one of its forms (RFC 6396 section 4.4, RFC
// 8050 section 3). Changes of state are no messages.
func (m *mrt) message(r *octet.Reader, subtype uint16, msg Message) error {
	switch subtype {
	case 1, 6, 8, 10:
	case 4, 7, 9, 11:
		msg.ASN4 = true
	default:
		return nil
	}
	msg.AddPath = subtype >= 8
	msg.Sent = subtype == 6 || subtype == 7 || subtype >= 10
	msg.PeerAS, msg.LocalAS = asn(r, msg.ASN4), asn(r, msg.ASN4)
	r.U16() // the interface
	afi := bgp.AFI(r.U16())
	if afi != bgp.AFIIPv4 && afi != bgp.AFIIPv6 {
		return m.wrong("address family %d", afi)
	}
	msg.Peer = netip.AddrPortFrom(address(r, afi), 0)
	msg.Local = netip.AddrPortFrom(address(r, afi), 0)
	msg.Raw = r.Rest()
	if !r.OK() {
		return m.wrong("%s", r.Err())
	}
	if !whole(msg.Raw) {
		return m.wrong("no whole BGP message in it")
	}
	return m.give(msg)
}

// whole says whether b is one message.
func whole(b []byte) bool {
	return len(b) >= 19 && string(b[:16]) == marker && int(binary.BigEndian.Uint16(b[16:])) == len(b)
}

func (m *mrt) give(msg Message) error {
	if !m.yield(msg) {
		return errEnough
	}
	return nil
}

func asn(r *octet.Reader, four bool) bgp.ASN {
	if four {
		return bgp.ASN(r.U32())
	}
	return bgp.ASN(r.U16())
}

func address(r *octet.Reader, afi bgp.AFI) netip.Addr {
	n := 4
	if afi == bgp.AFIIPv6 {
		n = 16
	}
	a, _ := netip.AddrFromSlice(r.Bytes(n))
	return a
}

// index is a PEER_INDEX_TABLE (RFC 6396 section 4.3.1).
func (m *mrt) index(r *octet.Reader) error {
	r.U32()
	r.Bytes(int(r.U16()))
	n := int(r.U16())
	m.peers = m.peers[:0]
	for range n {
		kind := r.U8()
		r.U32()
		afi := bgp.AFIIPv4
		if kind&1 != 0 {
			afi = bgp.AFIIPv6
		}
		p := peer{addr: address(r, afi)}
		p.as = asn(r, kind&2 != 0)
		if !r.OK() {
			break
		}
		m.peers = append(m.peers, p)
	}
	if !r.OK() {
		return m.wrong("peer index table: %s", r.Err())
	}
	return nil
}
