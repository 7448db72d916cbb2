package ls

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Codes of the descriptors that hold others (RFC 9552 section 5.2.1).
const (
	codeLocal  = 256
	codeRemote = 257
)

// Codes that JSON asks for.
const (
	codeLinkIDs   = 258
	codeIPv4Here  = 259
	codeIPv4There = 260
	codeIPv6Here  = 261
	codeIPv6There = 262
	codeTopology  = 263
	codeRouteType = 264
	codePrefix    = 265
	codeRouterID  = 515
	codeSID       = 518
)

// descriptor is all that is known of a TLV: its word, how its value is said,
// and its JSON.
type descriptor struct {
	code             uint16
	word, args, help string
	say              func(b []byte, s grammar.Source) ([]byte, error)
	text             func(b []byte, v string) ([]byte, bool) // false: the value has no words
	json             func(b []byte, v string) []byte         // members of an object, of a node's descriptor
}

// nodeDescriptors stand inside "local [ … ]" and "remote [ … ]".
var nodeDescriptors = []descriptor{
	{512, "as", "ASN", "autonomous system", sayASN, textNumber, member("autonomous-system", false)},
	{513, "bgp-ls-id", "0-4294967295", "BGP-LS identifier", sayNumber, textNumber, member("bgp-ls-identifier", true)},
	{514, "area", "A.B.C.D", "OSPF area", sayAddress(4), textAddress(4), jsonArea},
	{codeRouterID, "router-id", "A.B.C.D|A.B.C.D-A.B.C.D|HHHH.HHHH.HHHH[.HH]", "IGP router: of OSPF with its designated router, of IS-IS with its pseudonode", sayRouterID, textRouterID, jsonRouterID},
	{516, "bgp-router-id", "A.B.C.D", "BGP router (RFC 9086)", sayAddress(4), textAddress(4), jsonBGPRouter},
	{517, "member-as", "ASN", "member of a confederation (RFC 9086)", sayASN, textNumber, member("confederation-member", false)},
}

// descriptors stand beside them.
var descriptors = []descriptor{
	{codeLinkIDs, "link-id", "LOCAL REMOTE", "identifiers of the link (RFC 5307)", sayLinkIDs, textLinkIDs, nil},
	{codeIPv4Here, "interface-address", "ADDRESS", "of the link's local end", nil, textAddress(4), nil},
	{codeIPv6Here, "interface-address", "ADDRESS", "of the link's local end", nil, textAddress(16), nil},
	{codeIPv4There, "neighbor-address", "ADDRESS", "of the link's other end", nil, textAddress(4), nil},
	{codeIPv6There, "neighbor-address", "ADDRESS", "of the link's other end", nil, textAddress(16), nil},
	{codeTopology, "multi-topology", "[ 0-4095 … ]", "topologies that it belongs to", sayTopologies, textTopologies, nil},
	{codeRouteType, "ospf-route-type", "0-255", "how OSPF knows the prefix", sayOctet, textOctet, nil},
	{codeSID, "sid", "ADDRESS", "SRv6 SID (RFC 9514)", sayAddress(16), textAddress(16), nil},
}

// find gives the row of a code.
func find(rows []descriptor, code uint16) *descriptor {
	for i := range rows {
		if rows[i].code == code {
			return &rows[i]
		}
	}
	return nil
}

func byWord(rows []descriptor, word string) *descriptor {
	for i := range rows {
		if rows[i].word == word {
			return &rows[i]
		}
	}
	return nil
}

// appendTLV appends a TLV whose value is what body appends.
func appendTLV(b []byte, code uint16, body func([]byte) ([]byte, error)) ([]byte, error) {
	at := len(b)
	b, err := body(binary.BigEndian.AppendUint32(b, uint32(code)<<16))
	if err != nil {
		return b[:at], err
	}
	if len(b)-at-4 > 0xffff {
		return b[:at], fmt.Errorf("want at most 65535 octets")
	}
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at-4))
	return b, nil
}

// sayAny takes "tlv CODE 0xHEX", for what has no word.
func sayAny(b []byte, s grammar.Source, top bool) ([]byte, error) {
	code, err := grammar.Uint(s, 0xffff)
	if err != nil {
		return b, err
	}
	if top && (code == codeLocal || code == codeRemote) {
		return b, fmt.Errorf("want local [ … ] or remote [ … ]")
	}
	v, err := nlri.SayOctets(s)
	if err != nil {
		return b, err
	}
	return appendTLV(b, uint16(code), func(b []byte) ([]byte, error) { return append(b, v...), nil })
}

// textTLV appends a TLV in words.
func textTLV(b []byte, rows []descriptor, code uint16, v string) []byte {
	if row := find(rows, code); row != nil {
		at := len(b)
		b = append(append(b, row.word...), ' ')
		if b, ok := row.text(b, v); ok {
			return b
		}
		b = b[:at]
	}
	return fmt.Appendf(b, "tlv %d 0x%X", code, v)
}

func sayASN(b []byte, s grammar.Source) ([]byte, error) {
	w, err := grammar.Value(s, "an AS number")
	if err != nil {
		return b, err
	}
	as, err := bgp.ParseASN(w)
	return binary.BigEndian.AppendUint32(b, uint32(as)), err
}

func sayNumber(b []byte, s grammar.Source) ([]byte, error) {
	n, err := grammar.Uint(s, 1<<32-1)
	return binary.BigEndian.AppendUint32(b, uint32(n)), err
}

func sayOctet(b []byte, s grammar.Source) ([]byte, error) {
	n, err := grammar.Uint(s, 255)
	return append(b, byte(n)), err
}

func number(v string) uint32 { return binary.BigEndian.Uint32([]byte(v)) }

func textNumber(b []byte, v string) ([]byte, bool) {
	if len(v) != 4 {
		return b, false
	}
	return strconv.AppendUint(b, uint64(number(v)), 10), true
}

func textOctet(b []byte, v string) ([]byte, bool) {
	if len(v) != 1 {
		return b, false
	}
	return strconv.AppendUint(b, uint64(v[0]), 10), true
}

func sayAddress(size int) func([]byte, grammar.Source) ([]byte, error) {
	return func(b []byte, s grammar.Source) ([]byte, error) {
		w := s.Peek()
		a, err := grammar.Addr(s)
		if err == nil && a.BitLen() != 8*size {
			err = grammar.Wish(map[int]string{4: "an IPv4 address", 16: "an IPv6 address"}[size], w)
		}
		return append(b, a.AsSlice()...), err
	}
}

func address(v string) netip.Addr {
	a, _ := netip.AddrFromSlice([]byte(v))
	return a
}

func textAddress(size int) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) ([]byte, bool) {
		if len(v) != size {
			return b, false
		}
		return address(v).AppendTo(b), true
	}
}

func sayLinkIDs(b []byte, s grammar.Source) (_ []byte, err error) {
	if b, err = sayNumber(b, s); err != nil {
		return b, err
	}
	return sayNumber(b, s)
}

func textLinkIDs(b []byte, v string) ([]byte, bool) {
	if len(v) != 8 {
		return b, false
	}
	return fmt.Appendf(b, "%d %d", number(v), number(v[4:])), true
}

// topologyMax is all bits of a topology; the four above it are reserved and not
// looked at (RFC 9552 section 5.2.2.1).
const topologyMax = 0xfff

func sayTopologies(b []byte, s grammar.Source) ([]byte, error) {
	err := grammar.Items(s, "a topology 0-4095", func(w string) error {
		n, err := grammar.ParseUint(w)
		if err != nil || n > topologyMax {
			return grammar.Wish("a topology 0-4095", w)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(n))
		return nil
	})
	return b, err
}

func textTopologies(b []byte, v string) ([]byte, bool) {
	if len(v)%2 != 0 {
		return b, false
	}
	b = append(b, "[ "...)
	for ; v != ""; v = v[2:] {
		n := int(v[0])<<8 | int(v[1])
		if n > topologyMax {
			return b, false
		}
		b = fmt.Appendf(b, "%d ", n)
	}
	return append(b, ']'), true
}

// sayRouterID reads a router of OSPF, with or without a designated router, or
// one of IS-IS with or without the number of its pseudonode.
func sayRouterID(b []byte, s grammar.Source) ([]byte, error) {
	const want = "a router like 192.0.2.1, 192.0.2.1-192.0.2.2, 1921.6800.0001 or 1921.6800.0001.02"
	w, err := grammar.Value(s, want)
	if err != nil {
		return b, err
	}
	here, there, two := strings.Cut(w, "-")
	if a, err := netip.ParseAddr(here); err == nil && a.Is4() {
		b = append(b, a.AsSlice()...)
		if !two {
			return b, nil
		}
		if a, err = netip.ParseAddr(there); err == nil && a.Is4() {
			return append(b, a.AsSlice()...), nil
		}
		return b, grammar.Wish(want, w)
	}
	v, err := hex.DecodeString(strings.ReplaceAll(w, ".", ""))
	if err != nil || string(appendISO(nil, string(v))) != strings.ToLower(w) {
		return b, grammar.Wish(want, w)
	}
	return append(b, v...), nil
}

// appendISO appends six octets as HHHH.HHHH.HHHH and a seventh as .HH.
func appendISO(b []byte, v string) []byte {
	if len(v) != 6 && len(v) != 7 {
		return b
	}
	b = fmt.Appendf(b, "%x.%x.%x", v[:2], v[2:4], v[4:6])
	if len(v) == 7 {
		b = fmt.Appendf(b, ".%x", v[6:])
	}
	return b
}

func textRouterID(b []byte, v string) ([]byte, bool) {
	switch len(v) {
	case 4:
		return address(v).AppendTo(b), true
	case 8:
		return fmt.Appendf(b, "%s-%s", address(v[:4]), address(v[4:])), true
	case 6, 7:
		return appendISO(b, v), true
	}
	return b, false
}
