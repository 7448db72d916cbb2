package wire

import (
	"encoding/binary"
	"fmt"

	"holdfast/bgp"
	"holdfast/bgp/operational"
)

// least is the shortest message of each type, in octets (RFC 4271 section 6.1,
// RFC 2918).
var least = map[Type]int{TypeOpen: 29, TypeUpdate: 23, TypeNotification: 21, TypeKeepalive: HeaderLen, TypeRefresh: HeaderLen,
	TypeOperational: HeaderLen}

// FrameLen is the length that the header at the start of b gives; 0 when b is
// shorter than a header.
func FrameLen(b []byte) int {
	if len(b) < HeaderLen {
		return 0
	}
	return int(binary.BigEndian.Uint16(b[16:]))
}

// FrameType is the type of the message that b is.
func FrameType(b []byte) Type { return Type(b[18]) }

// Frame finds the first message in b. It gives 0 while the message is not
// whole, and an error as soon as its header is wrong. max is the longest
// message agreed: bgp.MaxMessage or bgp.MaxExtended; OPEN and KEEPALIVE are
// never longer than bgp.MaxMessage (RFC 8654 section 4).
func Frame(b []byte, max int) (n int, t Type, err *Error) {
	if len(b) < HeaderLen {
		return 0, 0, nil
	}
	if string(b[:16]) != marker {
		return 0, 0, &Error{Code: CodeHeader, Subcode: NotSynchronized, Disposition: Reset, Reason: "the marker is not all ones"}
	}
	n, t = FrameLen(b), Type(b[18])
	short, known := least[t]
	if !known {
		return 0, 0, t.Unknown()
	}
	if t == TypeOpen || t == TypeKeepalive {
		max = bgp.MaxMessage
	}
	if n < short || n > max || t == TypeKeepalive && n != HeaderLen {
		return 0, 0, &Error{Code: CodeHeader, Subcode: BadLength, Data: []byte{b[16], b[17]}, Offset: 16, Disposition: Reset,
			Reason: fmt.Sprintf("%s of %d octets", t, n)}
	}
	if len(b) < n {
		return 0, 0, nil
	}
	return n, t, nil
}

// Unknown is the error of a message of this type where nobody knows it. RFC 4271
// section 6.1 has subcode 3 and the octet; ExaBGP says it so.
func (t Type) Unknown() *Error {
	return &Error{Code: CodeHeader, Offset: 18, Disposition: Reset,
		Data:   fmt.Appendf(nil, "can not decode update message of type \"%d\"", t),
		Reason: fmt.Sprintf("message type %d is not known", uint8(t))}
}

func (t Type) String() string {
	switch t {
	case TypeOpen:
		return "OPEN"
	case TypeUpdate:
		return "UPDATE"
	case TypeNotification:
		return "NOTIFICATION"
	case TypeKeepalive:
		return "KEEPALIVE"
	case TypeRefresh:
		return "ROUTE-REFRESH"
	case TypeOperational:
		return "OPERATIONAL"
	}
	return fmt.Sprintf("message type %d", uint8(t))
}

// AppendKeepalive appends a KEEPALIVE.
func AppendKeepalive(b []byte) []byte {
	start := len(b)
	return PatchLength(AppendHeader(b, TypeKeepalive), start)
}

// AppendOperational appends an OPERATIONAL message. self stands where it names
// no router-id.
func AppendOperational(b []byte, m operational.Message, self bgp.ID) []byte {
	start := len(b)
	return PatchLength(m.Append(AppendHeader(b, TypeOperational), self), start)
}

// ParseOperational reads a whole OPERATIONAL message. One that is malformed is
// for the caller to ignore: nothing depends on it.
func ParseOperational(msg []byte) (operational.Message, *Error) {
	m, err := operational.Parse(msg[HeaderLen:], HeaderLen)
	if err != nil {
		return m, &Error{Code: CodeHeader, Offset: HeaderLen, Disposition: Discard, Reason: err.Error()}
	}
	return m, nil
}

// AppendRefresh appends a ROUTE-REFRESH.
func AppendRefresh(b []byte, r Refresh) []byte {
	start := len(b)
	b = AppendHeader(b, TypeRefresh)
	b = append(b, byte(r.Family.AFI()>>8), byte(r.Family.AFI()), byte(r.Subtype), byte(r.Family.SAFI()))
	return PatchLength(b, start)
}

// ParseRefresh reads a whole ROUTE-REFRESH. A subtype that is not known is for
// the caller to ignore (RFC 7313 section 5).
func ParseRefresh(msg []byte) (Refresh, *Error) {
	if len(msg) != HeaderLen+4 {
		e := &Error{Code: CodeRefresh, Subcode: 1, Data: msg, Offset: HeaderLen, Disposition: Reset,
			Reason: fmt.Sprintf("ROUTE-REFRESH with a body of %d octets, want 4", len(msg)-HeaderLen)}
		return Refresh{}, e
	}
	b := msg[HeaderLen:]
	return Refresh{Family: bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(b)), bgp.SAFI(b[3])), Subtype: RefreshSubtype(b[2])}, nil
}
