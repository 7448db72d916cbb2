package attr

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp"
)

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

func textL2Info(b []byte, e ExtendedCommunity) []byte {
	return fmt.Appendf(b, "%d:%d:%d:%d", e[2], e[3], binary.BigEndian.Uint16(e[4:]), binary.BigEndian.Uint16(e[6:]))
}

func textBandwidth(b []byte, e ExtendedCommunity) []byte {
	b = append(strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(e[2:])), 10), ':')
	return appendFloat(b, e)
}

// appendFloat appends the number in the last four octets, exactly.
func appendFloat(b []byte, e ExtendedCommunity) []byte {
	f := math.Float32frombits(binary.BigEndian.Uint32(e[4:]))
	return strconv.AppendFloat(b, float64(f), 'f', -1, 32)
}

// color is RFC 9012 section 4.3, with the two CO bits of RFC 9256 section 8.8.1
// before the number where they are not zero: "01:100".
func color(s string) (v ExtendedCommunity, ok bool) {
	v = ExtendedCommunity{0x03, 0x0b}
	flags, value, flagged := strings.Cut(s, ":")
	if flagged {
		co, err := strconv.ParseUint(flags, 2, 2)
		v[2] = byte(co << 6)
		if err != nil {
			return v, false
		}
		s = value
	}
	n, err := strconv.ParseUint(s, 10, 32)
	binary.BigEndian.PutUint32(v[4:], uint32(n))
	return v, err == nil
}

func textColor(b []byte, e ExtendedCommunity) []byte {
	if e[2] != 0 {
		b = fmt.Appendf(b, "%02b:", e[2]>>6)
	}
	return strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(e[4:])), 10)
}

// TrafficRate limits octets a second (RFC 8955 section 7.1).
func TrafficRate(as uint16, rate float32) ExtendedCommunity { return limit(0x06, as, rate) }

// TrafficRatePackets limits packets a second (RFC 8955 section 7.2).
func TrafficRatePackets(as uint16, rate float32) ExtendedCommunity { return limit(0x0c, as, rate) }

func limit(subtype byte, as uint16, rate float32) ExtendedCommunity {
	v := ExtendedCommunity{0x80, subtype}
	binary.BigEndian.PutUint16(v[2:], as)
	binary.BigEndian.PutUint32(v[4:], math.Float32bits(rate))
	return v
}

// rate reads "9600", or "65000:9600" with an AS for people.
func rate(subtype byte) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) {
		var as uint64
		if left, right, ok := strings.Cut(s, ":"); ok {
			n, err := strconv.ParseUint(left, 10, 16)
			if err != nil {
				return ExtendedCommunity{}, false
			}
			as, s = n, right
		}
		f, err := strconv.ParseFloat(s, 32)
		return limit(subtype, uint16(as), float32(f)), err == nil && f >= 0 && !math.IsInf(f, 0)
	}
}

func textRate(b []byte, e ExtendedCommunity) []byte {
	if as := binary.BigEndian.Uint16(e[2:]); as != 0 {
		b = append(strconv.AppendUint(b, uint64(as), 10), ':')
	}
	return appendFloat(b, e)
}

// showRate is ExaBGP's: a whole number, without the AS.
func showRate(word string) func([]byte, ExtendedCommunity) []byte {
	return func(b []byte, e ExtendedCommunity) []byte {
		f := math.Float32frombits(binary.BigEndian.Uint32(e[4:]))
		return strconv.AppendFloat(append(b, word...), math.Trunc(float64(f)), 'f', 0, 32)
	}
}

// apart shows a word and its value with a blank between them.
func apart(word string, text func([]byte, ExtendedCommunity) []byte) func([]byte, ExtendedCommunity) []byte {
	return func(b []byte, e ExtendedCommunity) []byte { return text(append(b, word...), e) }
}

// TrafficAction is RFC 8955 section 7.3.
func TrafficAction(sample, terminal bool) ExtendedCommunity {
	v := ExtendedCommunity{0x80, 0x07}
	if sample {
		v[7] |= 2
	}
	if terminal {
		v[7] |= 1
	}
	return v
}

var actionWords = [...]string{"none", "terminal", "sample", "sample-terminal"}

func parseAction(s string) (ExtendedCommunity, bool) {
	i := slices.Index(actionWords[:], s)
	return TrafficAction(i&2 != 0, i&1 != 0), i >= 0
}

func textAction(b []byte, e ExtendedCommunity) []byte { return append(b, actionWords[e[7]&3]...) }

// showAction is ExaBGP's, which has no word for neither.
func showAction(b []byte, e ExtendedCommunity) []byte {
	if b = append(b, "action "...); e[7]&3 == 0 {
		return b
	}
	return textAction(b, e)
}

// TrafficMark sets a DSCP, 0-63 (RFC 8955 section 7.5).
func TrafficMark(dscp uint8) ExtendedCommunity { return ExtendedCommunity{0x80, 0x09, 7: dscp} }

func parseMark(s string) (ExtendedCommunity, bool) {
	n, err := strconv.ParseUint(s, 10, 6)
	return TrafficMark(uint8(n)), err == nil
}

func textMark(b []byte, e ExtendedCommunity) []byte { return strconv.AppendUint(b, uint64(e[7]), 10) }

// RedirectToNextHop sends packets, or copies of them, to the route's next hop
// (draft-simpson-idr-flowspec-redirect section 2).
func RedirectToNextHop(copied bool) ExtendedCommunity {
	v := ExtendedCommunity{0x08, 0x00}
	if copied {
		v[7] = 1
	}
	return v
}

func nothing(e ExtendedCommunity) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) { return e, s == "" }
}

func textNothingMore(b []byte, _ ExtendedCommunity) []byte { return b }

// showNextHop looks at the last bit alone, as the draft says.
func showNextHop(b []byte, e ExtendedCommunity) []byte {
	if e[7]&1 != 0 {
		return append(b, "copy-to-nexthop"...)
	}
	return append(b, "redirect-to-nexthop"...)
}

// RedirectToIP sends packets, or copies of them, to an IPv4 address
// (draft-ietf-idr-flowspec-redirect-ip section 3).
func RedirectToIP(a netip.Addr, copied bool) ExtendedCommunity {
	v := ExtendedCommunity{0x01, 0x0c}
	binary.BigEndian.PutUint32(v[2:], uint32(bgp.IDFromAddr(a)))
	if copied {
		v[7] = 1
	}
	return v
}

func toIP(copied bool) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) {
		a, err := netip.ParseAddr(s)
		return RedirectToIP(a, copied), err == nil && a.Is4()
	}
}

func textIP(b []byte, e ExtendedCommunity) []byte {
	return netip.AddrFrom4([4]byte(e[2:6])).AppendTo(b)
}

// showIP is ExaBGP's, which says twice that it is a copy.
func showIP(b []byte, e ExtendedCommunity) []byte {
	if e[7]&1 != 0 {
		return append(textIP(append(b, "copy-to-nexthop-ietf "...), e), " (with copy)"...)
	}
	return textIP(append(b, "redirect-to-nexthop-ietf "...), e)
}

// parseInterfaceSet reads "transitive:input:65000:1"
// (draft-ietf-idr-flowspec-interfaceset section 3).
func parseInterfaceSet(s string) (v ExtendedCommunity, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 4 {
		return v, false
	}
	kind := slices.Index(transitivity[:], parts[0])
	way := slices.Index(ways[:], parts[1])
	as, err := strconv.ParseUint(parts[2], 10, 32)
	group, err2 := strconv.ParseUint(parts[3], 10, 14)
	if kind < 0 || way < 1 || err != nil || err2 != nil {
		return v, false
	}
	v = ExtendedCommunity{0x07 | byte(kind)<<6, 0x02}
	binary.BigEndian.PutUint32(v[2:], uint32(as))
	binary.BigEndian.PutUint16(v[6:], uint16(way)<<14|uint16(group))
	return v, true
}

var (
	transitivity = [...]string{"transitive", "non-transitive"}
	ways         = [...]string{"0", "input", "output", "input-output"}
)

func textInterfaceSet(b []byte, e ExtendedCommunity) []byte {
	return textInterfaces(append(append(b, transitivity[e[0]>>6&1]...), ':'), e)
}

// showInterfaceSet is ExaBGP's, without what the type says.
func showInterfaceSet(b []byte, e ExtendedCommunity) []byte {
	return textInterfaces(append(b, "interface-set:"...), e)
}

func textInterfaces(b []byte, e ExtendedCommunity) []byte {
	last := binary.BigEndian.Uint16(e[6:])
	return fmt.Appendf(b, "%s:%d:%d", ways[last>>14], binary.BigEndian.Uint32(e[2:]), last&0x3fff)
}

// encapsulations are tunnel types (RFC 9012 section 4.1, IANA registry).
var encapsulations = []struct {
	word, shown string
	value       uint16
}{{"default", "Default", 0}, {"l2tpv3", "L2TPv3", 1}, {"gre", "GRE", 2}, {"ip-in-ip", "IP-in-IP", 7}, {"vxlan", "VXLAN", 8}, {"nvgre", "NVGRE", 9}, {"mpls", "MPLS", 10},
	{"vxlan-gpe", "VXLAN-GPE", 12}, {"mpls-udp", "MPLS-in-UDP", 13}, {"geneve", "GENEVE", 19}}

func parseEncapsulation(s string) (v ExtendedCommunity, ok bool) {
	v = ExtendedCommunity{0x03, 0x0c}
	for _, e := range encapsulations {
		if e.word == strings.ToLower(s) {
			binary.BigEndian.PutUint16(v[6:], e.value)
			return v, true
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	binary.BigEndian.PutUint16(v[6:], uint16(n))
	return v, err == nil
}

func textEncapsulation(b []byte, v ExtendedCommunity) []byte {
	n := binary.BigEndian.Uint16(v[6:])
	for _, e := range encapsulations {
		if e.value == n {
			return append(b, e.word...)
		}
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func showEncapsulation(b []byte, v ExtendedCommunity) []byte {
	n := binary.BigEndian.Uint16(v[6:])
	for _, e := range encapsulations {
		if e.value == n {
			return append(append(b, "encap:"...), e.shown...)
		}
	}
	return fmt.Appendf(b, "encap:encap:UNKNOWN-%d", n)
}

// parseCHSO reads a consistent hash sort order: one number.
func parseCHSO(s string) (ExtendedCommunity, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	v := ExtendedCommunity{0x03, 0x14}
	binary.BigEndian.PutUint32(v[2:], uint32(n))
	return v, err == nil
}

func textCHSO(b []byte, e ExtendedCommunity) []byte {
	return strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(e[2:])), 10)
}

// parseMobility reads a sequence number, and ":sticky" for an address that does
// not move (RFC 7432 section 7.7).
func parseMobility(s string) (ExtendedCommunity, bool) {
	number, sticky := strings.CutSuffix(s, ":sticky")
	n, err := strconv.ParseUint(number, 10, 32)
	v := ExtendedCommunity{0x06, 0x00}
	if sticky {
		v[2] = 1
	}
	binary.BigEndian.PutUint32(v[4:], uint32(n))
	return v, err == nil
}

func textMobility(b []byte, e ExtendedCommunity) []byte {
	b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(e[4:])), 10)
	if e[2]&1 != 0 {
		return append(b, ":sticky"...)
	}
	return b
}
