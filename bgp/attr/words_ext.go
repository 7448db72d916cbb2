package attr

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
)

// ExtendedCommunity is eight octets (RFC 4360 section 2).
type ExtendedCommunity [8]byte

// extRow is a kind of extended community that has a word.
type extRow struct {
	word  string
	parse func(value string) (ExtendedCommunity, bool)
	want  string // an example of the value
}

// extRows are the words of extended communities.
var extRows = []extRow{
	{"target", administered(0x00, 0x02), "65000:1"},
	{"origin", administered(0x00, 0x03), "65000:1"},
	{"target4", addressed(0x02), "70000:1"},
	{"origin4", addressed(0x03), "70000:1"},
	{"redirect", administered(0x80, 0x08), "65000:1"},
	{"l2info", l2info, "19:0:1500:100"},
	{"bandwidth", bandwidth, "65000:125000000"},
	{"color", color, "100"},
}

// ParseExtended reads "target:65000:1" and the like, "65000:1" for a target, or
// eight octets as "0x0002FDE800000001".
func ParseExtended(s string) (ExtendedCommunity, error) {
	if strings.HasPrefix(s, "0x") {
		b, err := ParseHex(s)
		if err != nil || len(b) != 8 {
			return ExtendedCommunity{}, fmt.Errorf("want eight octets like 0x0002FDE800000001, got %q", s)
		}
		return ExtendedCommunity(b), nil
	}
	word, value, _ := strings.Cut(s, ":")
	for _, r := range extRows {
		if r.word != word {
			continue
		}
		if v, ok := r.parse(value); ok {
			return v, nil
		}
		return ExtendedCommunity{}, fmt.Errorf("want %s:%s, got %q", r.word, r.want, s)
	}
	if v, ok := extRows[0].parse(s); ok {
		return v, nil
	}
	return ExtendedCommunity{}, fmt.Errorf("want an extended community like target:65000:1 or 0x0002FDE800000001, got %q", s)
}

// administered reads the three forms of an administrator and a number: two
// octets of AS and four ("65000:1"), an address or "70000L", a four-octet AS,
// and two (RFC 4360 section 3, RFC 5668). What stands for the four octets may
// be written as an address. A large AS without its L is put where the address
// would be, as ExaBGP does it.
func administered(base, subtype byte) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) {
		left, right, _ := strings.Cut(s, ":")
		form, admin, ok := administrator(left)
		size := 2
		if form == 0 {
			size = 4
		}
		n, ok2 := amount(right, size)
		v := ExtendedCommunity{base | form, subtype}
		if form == 0 {
			binary.BigEndian.PutUint16(v[2:], uint16(admin))
			binary.BigEndian.PutUint32(v[4:], n)
		} else {
			binary.BigEndian.PutUint32(v[2:], admin)
			binary.BigEndian.PutUint16(v[6:], uint16(n))
		}
		return v, ok && ok2
	}
}

// addressed is administered with four octets of AS where an address would be.
func addressed(subtype byte) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) {
		left, right, _ := strings.Cut(s, ":")
		as, err := bgp.ParseASN(left)
		n, ok := amount(right, 2)
		v := ExtendedCommunity{0x01, subtype}
		binary.BigEndian.PutUint32(v[2:], uint32(as))
		binary.BigEndian.PutUint16(v[6:], uint16(n))
		return v, ok && err == nil
	}
}

// administrator reads an AS number or an address, and which form it takes.
func administrator(s string) (form byte, v uint32, ok bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return 1, uint32(bgp.IDFromAddr(a)), a.Is4()
	}
	digits, long := strings.CutSuffix(s, "L")
	as, err := bgp.ParseASN(digits)
	switch {
	case long:
		form = 2
	case as > 0xffff:
		form = 1
	}
	return form, uint32(as), err == nil
}

// amount reads a number of two octets, or of four, then also as an address.
func amount(s string, size int) (uint32, bool) {
	if a, err := netip.ParseAddr(s); err == nil && size == 4 && a.Is4() {
		return uint32(bgp.IDFromAddr(a)), true
	}
	n, err := strconv.ParseUint(s, 10, 8*size)
	return uint32(n), err == nil
}

// l2info is layer 2 information: encapsulation, control flags, MTU and
// preference (RFC 4761 section 3.2.4).
func l2info(s string) (v ExtendedCommunity, ok bool) {
	v = ExtendedCommunity{0x80, 0x0a}
	parts := strings.Split(s, ":")
	if len(parts) != 4 {
		return v, false
	}
	at := v[2:2]
	for i, bits := range []int{8, 8, 16, 16} {
		n, err := strconv.ParseUint(parts[i], 10, bits)
		if err != nil {
			return v, false
		}
		if bits == 16 {
			at = append(at, byte(n>>8))
		}
		at = append(at, byte(n))
	}
	return v, true
}

// bandwidth is a link's bandwidth in octets a second
// (draft-ietf-idr-link-bandwidth).
func bandwidth(s string) (v ExtendedCommunity, ok bool) {
	left, right, _ := strings.Cut(s, ":")
	as, err := strconv.ParseUint(left, 10, 16)
	rate, err2 := strconv.ParseFloat(right, 32)
	v = ExtendedCommunity{0x40, 0x04}
	binary.BigEndian.PutUint16(v[2:], uint16(as))
	binary.BigEndian.PutUint32(v[4:], math.Float32bits(float32(rate)))
	return v, err == nil && err2 == nil && rate >= 0
}

// color is RFC 9012 section 4.3.
func color(s string) (v ExtendedCommunity, ok bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	v = ExtendedCommunity{0x03, 0x0b}
	binary.BigEndian.PutUint32(v[4:], uint32(n))
	return v, err == nil
}

// AppendText appends the community in words that ParseExtended reads back.
func (e ExtendedCommunity) AppendText(b []byte) []byte {
	word := ""
	switch k := binary.BigEndian.Uint16(e[:]); {
	case k>>8 <= 2 && e[1] == 2:
		word = "target:"
	case k>>8 <= 2 && e[1] == 3:
		word = "origin:"
	case e[0] >= 0x80 && e[0] <= 0x82 && e[1] == 8:
		word = "redirect:"
	case k == 0x800a:
		return fmt.Appendf(b, "l2info:%d:%d:%d:%d", e[2], e[3], binary.BigEndian.Uint16(e[4:]), binary.BigEndian.Uint16(e[6:]))
	default:
		return fmt.Appendf(b, "0x%X", e[:])
	}
	b = append(b, word...)
	switch e[0] & 3 {
	case 0:
		if e[1] == 3 { // ExaBGP's spelling, which its JSON shows
			return fmt.Appendf(b, "%d:%d.%d.%d.%d", binary.BigEndian.Uint16(e[2:]), e[4], e[5], e[6], e[7])
		}
		return fmt.Appendf(b, "%d:%d", binary.BigEndian.Uint16(e[2:]), binary.BigEndian.Uint32(e[4:]))
	case 1:
		return fmt.Appendf(b, "%d.%d.%d.%d:%d", e[2], e[3], e[4], e[5], binary.BigEndian.Uint16(e[6:]))
	}
	return fmt.Appendf(b, "%dL:%d", binary.BigEndian.Uint32(e[2:]), binary.BigEndian.Uint16(e[6:]))
}
