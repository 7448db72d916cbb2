package nlri

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// RD is a route distinguisher (RFC 4364 section 4.2).
type RD [8]byte

// ParseRD reads "65000:1", "192.0.2.1:1", "70000:1" (an AS number of four
// octets), or eight octets as "0x0000FDE800000001".
func ParseRD(s string) (rd RD, err error) {
	wrong := fmt.Errorf("want a route distinguisher like 65000:1 or 192.0.2.1:1, got %q", s)
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		b, err := hex.DecodeString(h)
		if err != nil || len(b) != 8 {
			return rd, wrong
		}
		return RD(b), nil
	}
	left, right, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(right, 10, 32)
	if err != nil {
		return rd, wrong
	}
	if a, err := netip.ParseAddr(left); err == nil && a.Is4() {
		if n > 0xffff {
			return rd, wrong
		}
		rd[1] = 1
		binary.BigEndian.PutUint32(rd[2:], uint32(bgp.IDFromAddr(a)))
		binary.BigEndian.PutUint16(rd[6:], uint16(n))
		return rd, nil
	}
	as, err := bgp.ParseASN(strings.TrimSuffix(left, "L"))
	switch {
	case err != nil:
		return rd, wrong
	case as <= 0xffff && !strings.HasSuffix(left, "L"):
		binary.BigEndian.PutUint16(rd[2:], uint16(as))
		binary.BigEndian.PutUint32(rd[4:], uint32(n))
	case n <= 0xffff:
		rd[1] = 2
		binary.BigEndian.PutUint32(rd[2:], uint32(as))
		binary.BigEndian.PutUint16(rd[6:], uint16(n))
	default:
		return rd, wrong
	}
	return rd, nil
}

// SayRD takes a route distinguisher.
func SayRD(s grammar.Source) (RD, error) {
	w, err := grammar.Value(s, "a route distinguisher like 65000:1")
	if err != nil {
		return RD{}, err
	}
	return ParseRD(w)
}

// AppendText appends what ParseRD reads: "1L:7" has an AS number of four octets,
// which "1:7" would not have.
func (rd RD) AppendText(b []byte) []byte { return rd.append(b, "L") }

// AppendJSON appends a string. ExaBGP does not tell how wide an AS number is.
func (rd RD) AppendJSON(b []byte) []byte { return append(rd.append(append(b, '"'), ""), '"') }

// append has a mark behind a small AS number of four octets.
func (rd RD) append(b []byte, wide string) []byte {
	switch t := binary.BigEndian.Uint16(rd[:]); {
	case t == 0:
		b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(rd[2:])), 10)
		return strconv.AppendUint(append(b, ':'), uint64(binary.BigEndian.Uint32(rd[4:])), 10)
	case t == 1:
		b = netip.AddrFrom4([4]byte(rd[2:6])).AppendTo(b)
	case t == 2:
		as := binary.BigEndian.Uint32(rd[2:])
		b = strconv.AppendUint(b, uint64(as), 10)
		if as <= 0xffff {
			b = append(b, wide...)
		}
	default:
		return hex.AppendEncode(append(b, "0x"...), rd[:])
	}
	return strconv.AppendUint(append(b, ':'), uint64(binary.BigEndian.Uint16(rd[6:])), 10)
}

func (rd RD) String() string { return string(rd.AppendText(nil)) }
