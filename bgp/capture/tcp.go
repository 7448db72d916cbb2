package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// Types of links (www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276

	linkRawBSD     = 12 // what linkRaw was to some systems
	linkRawOpenBSD = 14
)

// Limits of what one file can make us hold.
const (
	maxStreams = 4096
	maxHeld    = 64 << 20 // octets of all streams
	maxAhead   = 64       // segments behind a gap
	window     = 1 << 22  // octets that a segment may be from where it should
)

const port = 179

// flow is one direction of a connection.
type flow struct{ from, to netip.AddrPort }

// streams puts the directions of connections together again.
type streams struct {
	yield func(Message) bool
	link  uint32
	of    map[flow]*stream
	held  int // octets
}

// stream is the octets of one direction, in order.
type stream struct {
	known bool // next is
	next  uint32
	buf   []byte
	ahead []segment
}

type segment struct {
	seq  uint32
	data []byte
}

func newStreams(yield func(Message) bool, link uint32) *streams {
	return &streams{yield: yield, link: link, of: map[flow]*stream{}}
}

// packet takes one; false: nobody wants more.
func (s *streams) packet(b []byte, when time.Time, offset int64) bool {
	src, dst, payload, ok := unwrap(s.link, b)
	if !ok || len(payload) < 20 {
		return true
	}
	f := flow{netip.AddrPortFrom(src, binary.BigEndian.Uint16(payload)), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(payload[2:]))}
	head := int(payload[12]>>4) * 4
	if f.from.Port() != port && f.to.Port() != port || head < 20 || head > len(payload) {
		return true
	}
	seq, flags, data := binary.BigEndian.Uint32(payload[4:]), payload[13], payload[head:]
	st := s.stream(f)
	before := st.size()
	if flags&2 != 0 { // SYN
		*st = stream{known: true, next: seq + 1}
		seq++
	}
	st.add(seq, data)
	more := st.messages(func(raw []byte) bool {
		return s.yield(Message{Time: when, Peer: f.from, Local: f.to, ASN4: true, Packet: true, Raw: raw, Offset: offset})
	})
	s.held += st.size() - before
	return more
}

// stream finds the one of a flow. When there are too many all are forgotten: the
// next marker is where each begins anew.
func (s *streams) stream(f flow) *stream {
	st := s.of[f]
	if st == nil || s.held > maxHeld {
		if len(s.of) >= maxStreams || s.held > maxHeld {
			clear(s.of)
			s.held = 0
		}
		st = &stream{}
		s.of[f] = st
	}
	return st
}

// size is how many octets it holds.
func (st *stream) size() int {
	n := cap(st.buf)
	for _, w := range st.ahead {
		n += len(w.data)
	}
	return n
}

// add takes a segment: what was there before is left out, what comes too early
// waits. When too much waits, the gap is given up.
func (st *stream) add(seq uint32, data []byte) {
	if len(data) == 0 {
		return
	}
	if !st.known {
		st.known, st.next = true, seq
	}
	switch gap := int32(seq - st.next); {
	case gap > 0 && gap < window && len(st.ahead) < maxAhead:
		st.ahead = append(st.ahead, segment{seq, bytes.Clone(data)})
		return
	case gap > 0, gap < -window: // or another connection, whose SYN is not here
		*st = stream{known: true, next: seq}
	case int(-gap) >= len(data):
		return
	default:
		data = data[-gap:]
	}
	st.buf = append(st.buf, data...)
	st.next += uint32(len(data))
	st.fill()
}

// fill appends what waited for what is there now.
func (st *stream) fill() {
	for again := true; again; {
		again = false
		for i, w := range st.ahead {
			gap := int32(w.seq - st.next)
			if gap > 0 {
				continue
			}
			st.ahead = slices.Delete(st.ahead, i, i+1)
			if int(-gap) < len(w.data) {
				st.buf = append(st.buf, w.data[-gap:]...)
				st.next += uint32(len(w.data)) - uint32(-gap)
			}
			again = true
			break
		}
	}
}

// messages gives all that are whole. Where no message begins, the next marker
// is looked for.
func (st *stream) messages(yield func([]byte) bool) bool {
	b := st.buf
	for len(b) >= 19 {
		if string(b[:16]) != marker {
			i := bytes.Index(b, []byte(marker))
			if i < 0 {
				b = b[len(b)-15:]
				break
			}
			b = b[i:]
			continue
		}
		n := int(binary.BigEndian.Uint16(b[16:]))
		if n < 19 {
			b = b[1:]
			continue
		}
		if len(b) < n {
			break
		}
		if !yield(b[:n]) {
			return false
		}
		b = b[n:]
	}
	if st.buf = append(st.buf[:0], b...); cap(st.buf) > 4*chunk {
		st.buf = bytes.Clone(b)
	}
	return true
}

// known says whether unwrap knows packets of a link.
func known(link uint32) bool {
	switch link {
	case linkEthernet, linkCooked, linkCooked2, linkNull, linkLoop, linkRaw, linkIPv4, linkIPv6, linkRawBSD, linkRawOpenBSD:
		return true
	}
	return false
}

// unwrap finds the payload of TCP in a packet of a link.
func unwrap(link uint32, b []byte) (src, dst netip.Addr, payload []byte, ok bool) {
	kind := uint16(0)
	switch link {
	case linkEthernet:
		kind, b = ethernet(b)
	case linkCooked:
		if len(b) >= 16 {
			kind, b = binary.BigEndian.Uint16(b[14:]), b[16:]
		}
	case linkCooked2:
		if len(b) >= 20 {
			kind, b = binary.BigEndian.Uint16(b), b[20:]
		}
	case linkNull, linkLoop:
		if len(b) < 4 {
			return
		}
		b = b[4:]
	default:
		if !known(link) {
			return
		}
	}
	if kind != 0 && kind != 0x0800 && kind != 0x86dd || len(b) == 0 {
		return
	}
	switch b[0] >> 4 {
	case 4:
		return ipv4(b)
	case 6:
		return ipv6(b)
	}
	return
}

// ethernet looks through tags of VLANs.
func ethernet(b []byte) (uint16, []byte) {
	if len(b) < 14 {
		return 1, nil
	}
	kind, b := binary.BigEndian.Uint16(b[12:]), b[14:]
	for (kind == 0x8100 || kind == 0x88a8) && len(b) >= 4 {
		kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	return kind, b
}

// ipv4 leaves fragments out: BGP's segments never are.
func ipv4(b []byte) (src, dst netip.Addr, payload []byte, ok bool) {
	if len(b) < 20 {
		return
	}
	head, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // segmentation was left to the card
		total = len(b)
	}
	if head < 20 || total < head || len(b) < head || b[9] != 6 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return
	}
	return netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[head:min(total, len(b))], true
}

// ipv6 knows no headers between: BGP's segments have none.
func ipv6(b []byte) (src, dst netip.Addr, payload []byte, ok bool) {
	if len(b) < 40 || b[6] != 6 {
		return
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 {
		n = len(b) - 40
	}
	return netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[40:min(40+n, len(b))], true
}
