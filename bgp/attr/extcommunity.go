package attr

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp"
)

// RFC 4360.
var extCommunityRow = row{
	name: "extended-community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(8), text: textExtended,
	json: func(b []byte, v string) []byte { return jsonList(b, v, 8, jsonExtCommunity) },
}

func jsonExtCommunity(b []byte, v string) []byte {
	e := ExtendedCommunity([]byte(v))
	b = strconv.AppendUint(append(b, `{ "value": `...), binary.BigEndian.Uint64(e[:]), 10)
	b = e.appendShown(append(b, `, "string": "`...))
	return append(b, `" }`...)
}

// ExtendedCommunity is eight octets (RFC 4360 section 2).
type ExtendedCommunity [8]byte

// extKind is a kind of extended community that has a word.
type extKind struct {
	word  string
	want  string   // an example of the value; "": the word has none
	codes []uint16 // type and subtype of those that it names when they are shown
	parse func(value string) (ExtendedCommunity, bool)
	// text appends the value so that parse reads the same octets again.
	text func(b []byte, e ExtendedCommunity) []byte
	// shown appends the whole as ExaBGP's JSON has it, where that is another.
	shown func(b []byte, e ExtendedCommunity) []byte
}

// extKinds are all kinds, filled by init: the rows refer to functions that read
// them.
var extKinds []extKind

func init() {
	extKinds = []extKind{
		{word: "target", want: "65000:1", codes: []uint16{0x0002, 0x0102, 0x0202}, parse: administered(0x00, 0x02), text: textAdministered},
		{word: "origin", want: "65000:1", codes: []uint16{0x0003, 0x0103, 0x0203}, parse: administered(0x00, 0x03), text: textAdministered},
		{word: "rtrecord", want: "65000:1", codes: []uint16{0x0013, 0x0113, 0x0213}, parse: administered(0x00, 0x13), text: textAdministered},
		{word: "target4", want: "70000:1", parse: addressed(0x02)},
		{word: "origin4", want: "70000:1", parse: addressed(0x03)},
		{word: "redirect", want: "65000:1", codes: []uint16{0x8008, 0x8108, 0x8208}, parse: parseRedirect, text: textAdministered},
		{word: "rate-limit", want: "9600", codes: []uint16{0x8006}, parse: rate(0x06), text: textRate, shown: showRate("rate-limit:")},
		{word: "rate-limit-packets", want: "9600", codes: []uint16{0x800c}, parse: rate(0x0c), text: textRate, shown: showRate("rate-limit-packets:")},
		{word: "action", want: "sample-terminal", codes: []uint16{0x8007}, parse: parseAction, text: textAction, shown: showAction},
		{word: "mark", want: "10", codes: []uint16{0x8009}, parse: parseMark, text: textMark, shown: apart("mark ", textMark)},
		{word: "redirect-to-nexthop", codes: []uint16{0x0800}, parse: nothing(RedirectToNextHop(false)), text: textNothingMore, shown: showNextHop},
		{word: "copy-to-nexthop", codes: []uint16{0x0800}, parse: nothing(RedirectToNextHop(true)), text: textNothingMore},
		{word: "redirect-to-nexthop-ietf", want: "192.0.2.1", codes: []uint16{0x010c}, parse: toIP(false), text: textIP, shown: showIP},
		{word: "copy-to-nexthop-ietf", want: "192.0.2.1", codes: []uint16{0x010c}, parse: toIP(true), text: textIP},
		{word: "interface-set", want: "transitive:input:65000:1", codes: []uint16{0x0702, 0x4702}, parse: parseInterfaceSet, text: textInterfaceSet, shown: showInterfaceSet},
		{word: "l2info", want: "19:0:1500:100", codes: []uint16{0x800a}, parse: l2info, text: textL2Info},
		{word: "bandwidth", want: "65000:125000000", codes: []uint16{0x4004}, parse: bandwidth, text: textBandwidth},
		{word: "color", want: "100", codes: []uint16{0x030b}, parse: color, text: textColor},
		{word: "encapsulation", want: "vxlan", codes: []uint16{0x030c}, parse: parseEncapsulation, text: textEncapsulation, shown: showEncapsulation},
		{word: "chso", want: "100", codes: []uint16{0x0314}, parse: parseCHSO, text: textCHSO, shown: apart("consistentHashSortOrder:", textCHSO)},
		{word: "mac-mobility", want: "1", codes: []uint16{0x0600}, parse: parseMobility, text: textMobility},
		{word: "mup", want: "10:10", codes: []uint16{0x0c00}, parse: twoFour(0x0c, 0x00), text: textTwoFour},
	}
}

// ParseExtended reads "target:65000:1" and the like, "65000:1" for a target, or
// eight octets as "0x0002FDE800000001".
func ParseExtended(s string) (ExtendedCommunity, error) {
	if strings.HasPrefix(s, "0x") {
		b, err := parseHex(s)
		if err != nil || len(b) != 8 {
			return ExtendedCommunity{}, fmt.Errorf("want eight octets like 0x0002FDE800000001, got %q", s)
		}
		return ExtendedCommunity(b), nil
	}
	word, value, _ := strings.Cut(s, ":")
	for i := range extKinds {
		k := &extKinds[i]
		if k.word != word {
			continue
		}
		if v, ok := k.parse(value); ok {
			return v, nil
		}
		return ExtendedCommunity{}, fmt.Errorf("want %s, got %q", strings.TrimSuffix(k.word+":"+k.want, ":"), s)
	}
	if v, ok := extKinds[0].parse(s); ok {
		return v, nil
	}
	return ExtendedCommunity{}, fmt.Errorf("want an extended community like target:65000:1 or 0x0002FDE800000001, got %q", s)
}

// kind finds the kind whose words say exactly these octets, nil if none does.
func (e ExtendedCommunity) kind() *extKind {
	code := binary.BigEndian.Uint16(e[:])
	for i := range extKinds {
		k := &extKinds[i]
		if !slices.Contains(k.codes, code) {
			continue
		}
		if again, ok := k.parse(string(k.text(nil, e))); ok && again == e {
			return k
		}
	}
	return nil
}

// AppendText appends the community in words that ParseExtended reads back.
func (e ExtendedCommunity) AppendText(b []byte) []byte {
	k := e.kind()
	if k == nil {
		return fmt.Appendf(b, "0x%X", e[:])
	}
	b = append(b, k.word...)
	if k.want == "" {
		return b
	}
	return k.text(append(b, ':'), e)
}

// nonTransitive says that a community stays within an AS (RFC 4360 section 2).
const nonTransitive = 0x4000

// appendShown appends the community as ExaBGP's JSON has it: what its kind does
// not look at is not shown.
func (e ExtendedCommunity) appendShown(b []byte) []byte {
	code := binary.BigEndian.Uint16(e[:]) &^ nonTransitive
	for i := range extKinds {
		k := &extKinds[i]
		switch {
		case !slices.ContainsFunc(k.codes, func(c uint16) bool { return c&^nonTransitive == code }):
		case k.shown != nil:
			return k.shown(b, e)
		default:
			return k.text(append(append(b, k.word...), ':'), e)
		}
	}
	return e.AppendText(b)
}

// AddExtended adds an extended community to those that have been said: their
// list is in order, each once.
func (d *Draft) AddExtended(e ExtendedCommunity) error {
	have, _ := d.Get(ExtCommunity)
	return d.merge(ExtCommunity, append(slices.Clone(have), e[:]...), len(e))
}

func (d *Draft) merge(code uint8, list []byte, size int) error {
	if len(list) > listMax {
		return fmt.Errorf("want a list that fits an attribute of %d octets", listMax)
	}
	if list = sorted(list, size); len(list) > 0 {
		d.Builder.Put(code, Optional|Transitive, list)
	}
	return nil
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

// textAdministered appends what administered reads.
func textAdministered(b []byte, e ExtendedCommunity) []byte {
	switch e[0] & 3 {
	case 0:
		if e[1] == 3 { // ExaBGP's spelling, which its JSON shows
			return fmt.Appendf(b, "%d:%d.%d.%d.%d", binary.BigEndian.Uint16(e[2:]), e[4], e[5], e[6], e[7])
		}
		return textTwoFour(b, e)
	case 1:
		return fmt.Appendf(b, "%d.%d.%d.%d:%d", e[2], e[3], e[4], e[5], binary.BigEndian.Uint16(e[6:]))
	}
	return fmt.Appendf(b, "%dL:%d", binary.BigEndian.Uint32(e[2:]), binary.BigEndian.Uint16(e[6:]))
}

// parseRedirect is administered, but for an AS number of four octets, which has
// a form of its own here (RFC 8955 section 7.4).
func parseRedirect(s string) (ExtendedCommunity, bool) {
	v, ok := administered(0x80, 0x08)(s)
	left, _, _ := strings.Cut(s, ":")
	if _, err := bgp.ParseASN(left); err == nil && v[0] == 0x81 && strings.Count(left, ".") < 3 {
		v[0] = 0x82
	}
	return v, ok
}

// twoFour reads a number of two octets and one of four.
func twoFour(kind, subtype byte) func(string) (ExtendedCommunity, bool) {
	return func(s string) (ExtendedCommunity, bool) {
		left, right, _ := strings.Cut(s, ":")
		hi, ok := amount(left, 2)
		lo, ok2 := amount(right, 4)
		v := ExtendedCommunity{kind, subtype}
		binary.BigEndian.PutUint16(v[2:], uint16(hi))
		binary.BigEndian.PutUint32(v[4:], lo)
		return v, ok && ok2
	}
}

func textTwoFour(b []byte, e ExtendedCommunity) []byte {
	return fmt.Appendf(b, "%d:%d", binary.BigEndian.Uint16(e[2:]), binary.BigEndian.Uint32(e[4:]))
}

func textExtended(b []byte, v string) []byte { return textList(b, v, 8, textExtendedOne) }

func textExtendedOne(b []byte, v string) []byte { return ExtendedCommunity([]byte(v)).AppendText(b) }

func extended(d *Draft, s string) error {
	v, err := ParseExtended(s)
	if err != nil {
		return err
	}
	return d.add(v[:]...)
}

// endMerge merges a list with what the statement said before.
func endMerge(code uint8, size int) func(*Draft) error {
	return func(d *Draft) error {
		have, _ := d.Get(code)
		return d.merge(code, append(slices.Clone(have), d.list...), size)
	}
}
