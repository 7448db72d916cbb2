package capture

import (
	"encoding/binary"
	"time"
)

// pcap reads a file of libpcap's classic form, of either byte order, with
// microseconds or nanoseconds.
func (in *input) pcap(yield func(Message) bool) error {
	h, ok, err := in.next(24)
	if !ok {
		return err
	}
	order, unit := byteOrder(h)
	link := order.Uint32(h[20:]) & 0xffff
	if !known(link) {
		return in.wrong("packets of link type %d, which is not known", link)
	}
	s := newStreams(yield, link)
	for {
		h, ok, err := in.next(16)
		if !ok {
			return err
		}
		when := time.Unix(int64(order.Uint32(h)), int64(order.Uint32(h[4:]))*int64(unit))
		size := order.Uint32(h[8:])
		b, err := in.take(int(min(size, maxRecord+1)))
		if err != nil {
			return err
		}
		if !s.packet(b, when, in.start) {
			return errEnough
		}
	}
}

func byteOrder(h []byte) (binary.ByteOrder, time.Duration) {
	switch binary.BigEndian.Uint32(h) {
	case 0xa1b2c3d4:
		return binary.BigEndian, time.Microsecond
	case 0xa1b23c4d:
		return binary.BigEndian, time.Nanosecond
	case 0x4d3cb2a1:
		return binary.LittleEndian, time.Nanosecond
	}
	return binary.LittleEndian, time.Microsecond
}

// Types of blocks of pcapng.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockSimple    = 3
	blockEnhanced  = 6
)

// ifc is an interface of a section.
type ifc struct {
	link uint32
	rate uint64 // ticks in a second
}

// pcapng reads sections of blocks; interfaces belong to their section.
func (in *input) pcapng(yield func(Message) bool) error {
	var order binary.ByteOrder = binary.LittleEndian
	var links []ifc
	s := newStreams(yield, 0)
	for {
		h, ok, err := in.next(8)
		if !ok {
			return err
		}
		kind := order.Uint32(h)
		if kind == blockSection { // the same in both orders
			magic, err := in.r.Peek(4)
			if err != nil {
				return in.wrong("cut")
			}
			order = binary.LittleEndian
			if binary.BigEndian.Uint32(magic) == 0x1a2b3c4d {
				order = binary.BigEndian
			}
			links = links[:0]
		}
		size := order.Uint32(h[4:])
		if size < 12 {
			return in.wrong("a block of %d octets", size)
		}
		b, err := in.take(int(min(size, maxRecord+1)) - 8)
		if err != nil {
			return err
		}
		b = b[:len(b)-4]
		switch {
		case kind == blockInterface && len(b) >= 8 && len(links) < 1<<16:
			links = append(links, ifc{uint32(order.Uint16(b)), ticks(b[8:], order)})
		case kind == blockEnhanced && len(b) >= 20 && order.Uint32(b) < uint32(len(links)): // an int may have 32 bits
			i := links[order.Uint32(b)]
			t := uint64(order.Uint32(b[4:]))<<32 | uint64(order.Uint32(b[8:]))
			n := min(order.Uint32(b[12:]), uint32(len(b)-20))
			s.link = i.link
			ok = s.packet(b[20:20+n], i.time(t), in.start)
		case kind == blockSimple && len(b) >= 4 && len(links) > 0:
			s.link = links[0].link
			ok = s.packet(b[4:], time.Time{}, in.start)
		}
		if !ok {
			return errEnough
		}
	}
}

// time is what so many ticks since 1970 mean.
func (i ifc) time(t uint64) time.Time {
	return time.Unix(int64(t/i.rate), int64(float64(t%i.rate)/float64(i.rate)*1e9+0.5))
}

// ticks finds the option if_tsresol: a power of ten, or of two. What is finer
// than 64 bits can tell is nonsense.
func ticks(options []byte, order binary.ByteOrder) uint64 {
	for len(options) >= 4 {
		code, n := order.Uint16(options), int(order.Uint16(options[2:]))
		if code == 0 || n > len(options)-4 {
			break
		}
		if code == 9 && n == 1 {
			rate, base, most := uint64(1), uint64(10), 19
			if options[4]&0x80 != 0 {
				base, most = 2, 63
			}
			for range min(int(options[4]&0x7f), most) {
				rate *= base
			}
			return rate
		}
		options = options[min(4+(n+3)&^3, len(options)):]
	}
	return 1e6
}
