// Package bgp is the vocabulary of BGP: families, AS numbers, identifiers,
// directions, and what two peers have agreed.
package bgp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// AFI is an address family identifier (RFC 4760, IANA registry).
type AFI uint16

// SAFI is a subsequent address family identifier (RFC 4760, IANA registry).
type SAFI uint8

// The address families that have a name here.
const (
	AFIIPv4  AFI = 1
	AFIIPv6  AFI = 2
	AFIL2VPN AFI = 25
	AFIBGPLS AFI = 16388
)

// SAFIUnicast is the SAFI of plain forwarding (RFC 4760 section 6).
const SAFIUnicast SAFI = 1

// Family is an AFI and a SAFI: AFI<<8 | SAFI.
type Family uint32

// The families of plain unicast forwarding.
const (
	IPv4Unicast = Family(AFIIPv4)<<8 | Family(SAFIUnicast)
	IPv6Unicast = Family(AFIIPv6)<<8 | Family(SAFIUnicast)
)

// MakeFamily joins an AFI and a SAFI.
func MakeFamily(a AFI, s SAFI) Family { return Family(a)<<8 | Family(s) }

// AFI is the address family part.
func (f Family) AFI() AFI { return AFI(f >> 8) }

// SAFI is the subsequent address family part.
func (f Family) SAFI() SAFI { return SAFI(f) }

// String is the family in ExaBGP's words ("ipv4 unicast"), or "afi N safi N"
// where it has none.
func (f Family) String() string {
	if s, ok := familyWords[f]; ok {
		return s
	}
	return fmt.Sprintf("afi %d safi %d", f.AFI(), f.SAFI())
}

// FamilyByWords finds a family by ExaBGP's two words ("ipv4", "unicast").
func FamilyByWords(afi, safi string) (Family, bool) {
	f, ok := familyByWords[afi+" "+safi]
	return f, ok
}

var familyWords = map[Family]string{
	IPv4Unicast: "ipv4 unicast", IPv6Unicast: "ipv6 unicast",
	MakeFamily(AFIIPv4, 2): "ipv4 multicast", MakeFamily(AFIIPv6, 2): "ipv6 multicast",
	MakeFamily(AFIIPv4, 4): "ipv4 nlri-mpls", MakeFamily(AFIIPv6, 4): "ipv6 nlri-mpls",
	MakeFamily(AFIIPv4, 5): "ipv4 mcast-vpn", MakeFamily(AFIIPv6, 5): "ipv6 mcast-vpn",
	MakeFamily(AFIIPv4, 73): "ipv4 sr-policy", MakeFamily(AFIIPv6, 73): "ipv6 sr-policy",
	MakeFamily(AFIIPv4, 85): "ipv4 mup", MakeFamily(AFIIPv6, 85): "ipv6 mup",
	MakeFamily(AFIIPv4, 128): "ipv4 mpls-vpn", MakeFamily(AFIIPv6, 128): "ipv6 mpls-vpn",
	MakeFamily(AFIIPv4, 132): "ipv4 rtc",
	MakeFamily(AFIIPv4, 133): "ipv4 flow", MakeFamily(AFIIPv6, 133): "ipv6 flow",
	MakeFamily(AFIIPv4, 134): "ipv4 flow-vpn", MakeFamily(AFIIPv6, 134): "ipv6 flow-vpn",
	MakeFamily(AFIL2VPN, 65): "l2vpn vpls", MakeFamily(AFIL2VPN, 70): "l2vpn evpn",
	MakeFamily(AFIBGPLS, 71): "bgp-ls bgp-ls", MakeFamily(AFIBGPLS, 72): "bgp-ls bgp-ls-vpn",
}

var familyByWords = func() map[string]Family {
	m := make(map[string]Family, len(familyWords)+2)
	for f, s := range familyWords {
		m[s] = f
	}
	// ExaBGP's second spelling of SAFI 4.
	m["ipv4 labeled-unicast"] = MakeFamily(AFIIPv4, 4)
	m["ipv6 labeled-unicast"] = MakeFamily(AFIIPv6, 4)
	return m
}()

// ASN is an AS number of four octets (RFC 6793).
type ASN uint32

// ASTrans stands for an AS number that does not fit two octets (RFC 6793 section 9).
const ASTrans ASN = 23456

// ParseASN reads "65000", or "1.10" (asdot, RFC 5396).
func ParseASN(s string) (ASN, error) {
	hi, lo, dotted := strings.Cut(s, ".")
	if !dotted {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("want an AS number 0-4294967295 or N.N, got %q", s)
		}
		return ASN(n), nil
	}
	h, err1 := strconv.ParseUint(hi, 10, 16)
	l, err2 := strconv.ParseUint(lo, 10, 16)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("want an AS number 0-4294967295 or N.N, got %q", s)
	}
	return ASN(h<<16 | l), nil
}

func (a ASN) String() string { return strconv.FormatUint(uint64(a), 10) }

// Short is the AS number as two octets can carry it: AS_TRANS when it does not fit.
func (a ASN) Short() uint16 {
	if a > 0xffff {
		return uint16(ASTrans)
	}
	return uint16(a)
}

// ID is a BGP identifier: four octets, unique within an AS, not zero (RFC 6286).
type ID uint32

// ParseID reads the dotted form of an identifier.
func ParseID(s string) (ID, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0, fmt.Errorf("want a router-id like 192.0.2.1, got %q", s)
	}
	return IDFromAddr(a), nil
}

// IDFromAddr makes an identifier of an IPv4 address; other addresses give zero.
func IDFromAddr(a netip.Addr) ID {
	if !a.Is4() {
		return 0
	}
	b := a.As4()
	return ID(b[0])<<24 | ID(b[1])<<16 | ID(b[2])<<8 | ID(b[3])
}

func (i ID) String() string {
	return netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).String()
}

// Direction says which way something is agreed on; a bit set.
type Direction uint8

// The directions, seen from us (RFC 7911 section 4 for ADD-PATH).
const (
	Receive Direction = 1 << iota
	Send
)

// String is ExaBGP's word for the direction.
func (d Direction) String() string {
	return [...]string{"disabled", "receive", "send", "send/receive"}[d&3]
}
