package attr

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// IPv6Community is the code of the IPv6 address specific extended communities
// (RFC 5701).
const IPv6Community = 25

var ipv6CommunityRow = row{
	name: "extended-community-ipv6", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(20),
	text: func(b []byte, v string) []byte {
		return textList(b, v, 20, func(b []byte, v string) []byte { return IPv6ExtendedCommunity([]byte(v)).AppendText(b) })
	},
	json: func(b []byte, v string) []byte { return jsonList(b, v, 20, jsonIPv6Community) },
}

// IPv6ExtendedCommunity is twenty octets: type, subtype, an address, and two
// more (RFC 5701 section 2).
type IPv6ExtendedCommunity [20]byte

// ipv6Kinds are those that have a word.
var ipv6Kinds = []struct {
	word string
	code uint16
	copy bool // the last bit says that copies are meant
	port bool // the last two octets are a number
}{
	{"target", 0x0002, false, true},
	{"origin", 0x0003, false, true},
	{"redirect-to-nexthop-ietf", 0x000c, false, false},
	{"copy-to-nexthop-ietf", 0x000c, true, false},
	{"redirect", 0x800b, false, true},
	{"redirect-ietf", 0x000d, false, true},
}

// RedirectToIPv6 sends packets, or copies of them, to an address
// (draft-ietf-idr-flowspec-redirect-ip section 3).
func RedirectToIPv6(a netip.Addr, copied bool) IPv6ExtendedCommunity {
	n := uint16(0)
	if copied {
		n = 1
	}
	return ipv6Community(0x000c, a, n)
}

// RedirectIPv6 sends packets into the VRF of a route target, with the code that
// ExaBGP uses; RFC 8956 section 6.1 has another since.
func RedirectIPv6(a netip.Addr, n uint16) IPv6ExtendedCommunity { return ipv6Community(0x800b, a, n) }

func ipv6Community(code uint16, a netip.Addr, n uint16) (e IPv6ExtendedCommunity) {
	binary.BigEndian.PutUint16(e[:], code)
	*(*[16]byte)(e[2:18]) = a.As16()
	binary.BigEndian.PutUint16(e[18:], n)
	return e
}

// parseIPv6Extended reads "redirect-to-nexthop-ietf:2001:db8::1",
// "target:[2001:db8::1]:7", or twenty octets as 0x and hexadecimal.
func parseIPv6Extended(s string) (e IPv6ExtendedCommunity, err error) {
	if strings.HasPrefix(s, "0x") {
		b, err := parseHex(s)
		if err != nil || len(b) != len(e) {
			return e, fmt.Errorf("want twenty octets as 0x and hexadecimal, got %q", s)
		}
		return IPv6ExtendedCommunity(b), nil
	}
	word, value, _ := strings.Cut(s, ":")
	for _, k := range ipv6Kinds {
		if k.word != word {
			continue
		}
		n := uint64(0)
		if k.copy {
			n = 1
		}
		if k.port {
			at := strings.LastIndexByte(value, ':')
			n, err = strconv.ParseUint(value[at+1:], 10, 16)
			value = strings.TrimSuffix(strings.TrimPrefix(value[:max(at, 0)], "-"), "-")
		}
		a, err2 := netip.ParseAddr(value)
		if errors.Join(err, err2) != nil || !a.Is6() || a.Zone() != "" {
			break
		}
		return ipv6Community(k.code, a, uint16(n)), nil
	}
	return e, fmt.Errorf("want redirect-to-nexthop-ietf:2001:db8::1, target:-2001:db8::1-:7 or twenty octets, got %q", s)
}

// AppendText appends what parseIPv6Extended reads. An address before a number
// stands between dashes, for brackets are the list's.
func (e IPv6ExtendedCommunity) AppendText(b []byte) []byte {
	return e.append(b, ":", func(b []byte, a netip.Addr) []byte {
		return append(a.AppendTo(append(b, '-')), '-')
	})
}

func (e IPv6ExtendedCommunity) append(b []byte, sep string, around func([]byte, netip.Addr) []byte) []byte {
	code, n := binary.BigEndian.Uint16(e[:]), binary.BigEndian.Uint16(e[18:])
	a := netip.AddrFrom16([16]byte(e[2:18]))
	for _, k := range ipv6Kinds {
		switch {
		case k.code != code:
		case k.port:
			b = around(append(append(b, k.word...), ':'), a)
			return strconv.AppendUint(append(b, ':'), uint64(n), 10)
		case k.copy == (n == 1) && n <= 1:
			return a.AppendTo(append(append(b, k.word...), sep...))
		}
	}
	return hex.AppendEncode(append(b, "0x"...), e[:])
}

// jsonIPv6Community has the whole as one number, as ExaBGP does.
func jsonIPv6Community(b []byte, v string) []byte {
	e := IPv6ExtendedCommunity([]byte(v))
	b = new(big.Int).SetBytes(e[:]).Append(append(b, `{ "value": `...), 10)
	b = e.append(append(b, `, "string": "`...), " ", func(b []byte, a netip.Addr) []byte {
		return append(a.AppendTo(append(b, '[')), ']')
	})
	return append(b, `" }`...)
}

// ipv6Extended takes one value of the word.
func ipv6Extended(d *Draft, s string) error {
	e, err := parseIPv6Extended(s)
	if err != nil {
		return err
	}
	return d.add(e[:]...)
}

// AddExtendedIPv6 is AddExtended for those with an IPv6 address.
func (d *Draft) AddExtendedIPv6(e IPv6ExtendedCommunity) error {
	have, _ := d.Get(IPv6Community)
	return d.merge(IPv6Community, append(slices.Clone(have), e[:]...), len(e))
}
