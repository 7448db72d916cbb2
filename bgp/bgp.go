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

// The subsequent address families that have a name here (IANA registry).
const (
	SAFIUnicast   SAFI = 1   // RFC 4760 section 6
	SAFIMulticast SAFI = 2   // RFC 4760 section 6
	SAFILabel     SAFI = 4   // nlri-mpls, RFC 8277
	SAFIMVPN      SAFI = 5   // mcast-vpn, RFC 6514
	SAFIVPLS      SAFI = 65  // RFC 4761
	SAFIEVPN      SAFI = 70  // RFC 7432
	SAFILS        SAFI = 71  // RFC 9552
	SAFILSVPN     SAFI = 72  // RFC 9552
	SAFISRPolicy  SAFI = 73  // RFC 9830
	SAFIMUP       SAFI = 85  // draft-ietf-bess-mup-safi
	SAFIVPN       SAFI = 128 // mpls-vpn, RFC 4364
	SAFIRTC       SAFI = 132 // RFC 4684
	SAFIFlow      SAFI = 133 // RFC 8955
	SAFIFlowVPN   SAFI = 134 // RFC 8955
)

// Family is an AFI and a SAFI: AFI<<8 | SAFI.
type Family uint32

// The families.
const (
	IPv4Unicast   = Family(AFIIPv4)<<8 | Family(SAFIUnicast)
	IPv4Multicast = Family(AFIIPv4)<<8 | Family(SAFIMulticast)
	IPv4Label     = Family(AFIIPv4)<<8 | Family(SAFILabel)
	IPv4MVPN      = Family(AFIIPv4)<<8 | Family(SAFIMVPN)
	IPv4SRPolicy  = Family(AFIIPv4)<<8 | Family(SAFISRPolicy)
	IPv4MUP       = Family(AFIIPv4)<<8 | Family(SAFIMUP)
	IPv4VPN       = Family(AFIIPv4)<<8 | Family(SAFIVPN)
	IPv4RTC       = Family(AFIIPv4)<<8 | Family(SAFIRTC)
	IPv4Flow      = Family(AFIIPv4)<<8 | Family(SAFIFlow)
	IPv4FlowVPN   = Family(AFIIPv4)<<8 | Family(SAFIFlowVPN)
	IPv6Unicast   = Family(AFIIPv6)<<8 | Family(SAFIUnicast)
	IPv6Multicast = Family(AFIIPv6)<<8 | Family(SAFIMulticast)
	IPv6Label     = Family(AFIIPv6)<<8 | Family(SAFILabel)
	IPv6MVPN      = Family(AFIIPv6)<<8 | Family(SAFIMVPN)
	IPv6SRPolicy  = Family(AFIIPv6)<<8 | Family(SAFISRPolicy)
	IPv6MUP       = Family(AFIIPv6)<<8 | Family(SAFIMUP)
	IPv6VPN       = Family(AFIIPv6)<<8 | Family(SAFIVPN)
	IPv6Flow      = Family(AFIIPv6)<<8 | Family(SAFIFlow)
	IPv6FlowVPN   = Family(AFIIPv6)<<8 | Family(SAFIFlowVPN)
	L2VPNVPLS     = Family(AFIL2VPN)<<8 | Family(SAFIVPLS)
	L2VPNEVPN     = Family(AFIL2VPN)<<8 | Family(SAFIEVPN)
	BGPLS         = Family(AFIBGPLS)<<8 | Family(SAFILS)
	BGPLSVPN      = Family(AFIBGPLS)<<8 | Family(SAFILSVPN)
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

// Name is ExaBGP's two words for a family.
type Name struct{ AFI, SAFI string }

// FamilyNames are the words for a family, today's first; none if it has none.
func FamilyNames(f Family) []Name {
	s, ok := familyWords[f]
	if !ok {
		return nil
	}
	afi, safi, _ := strings.Cut(s, " ")
	names := []Name{{afi, safi}}
	if f.SAFI() == SAFILabel {
		names = append(names, Name{afi, "labeled-unicast"})
	}
	return names
}

// Words are ExaBGP's two words for the family; "afi-N" and "safi-N" where it has
// none.
func (f Family) Words() (afi, safi string) {
	for _, n := range FamilyNames(f) {
		return n.AFI, n.SAFI
	}
	return fmt.Sprintf("afi-%d", f.AFI()), fmt.Sprintf("safi-%d", f.SAFI())
}

var familyWords = map[Family]string{
	IPv4Unicast: "ipv4 unicast", IPv4Multicast: "ipv4 multicast", IPv4Label: "ipv4 nlri-mpls", IPv4MVPN: "ipv4 mcast-vpn",
	IPv4SRPolicy: "ipv4 sr-policy", IPv4MUP: "ipv4 mup", IPv4VPN: "ipv4 mpls-vpn", IPv4RTC: "ipv4 rtc",
	IPv4Flow: "ipv4 flow", IPv4FlowVPN: "ipv4 flow-vpn",
	IPv6Unicast: "ipv6 unicast", IPv6Multicast: "ipv6 multicast", IPv6Label: "ipv6 nlri-mpls", IPv6MVPN: "ipv6 mcast-vpn",
	IPv6SRPolicy: "ipv6 sr-policy", IPv6MUP: "ipv6 mup", IPv6VPN: "ipv6 mpls-vpn",
	IPv6Flow: "ipv6 flow", IPv6FlowVPN: "ipv6 flow-vpn",
	L2VPNVPLS: "l2vpn vpls", L2VPNEVPN: "l2vpn evpn", BGPLS: "bgp-ls bgp-ls", BGPLSVPN: "bgp-ls bgp-ls-vpn",
}

var familyByWords = func() map[string]Family {
	m := make(map[string]Family, len(familyWords)+2)
	for f := range familyWords {
		for _, n := range FamilyNames(f) {
			m[n.AFI+" "+n.SAFI] = f
		}
	}
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

func (i ID) String() string { return string(i.AppendTo(nil)) }

// AppendTo appends what String gives.
func (i ID) AppendTo(b []byte) []byte {
	return netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).AppendTo(b)
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
