// Package wire is messages: framing, OPEN, UPDATE packing and splitting,
// NOTIFICATION, ROUTE-REFRESH, and errors with their disposition.
package wire

import (
	"fmt"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/capability"
)

// Type is the type octet of a message (RFC 4271 section 4.1, RFC 2918).
type Type uint8

// The types of messages.
const (
	TypeOpen         Type = 1
	TypeUpdate       Type = 2
	TypeNotification Type = 3
	TypeKeepalive    Type = 4
	TypeRefresh      Type = 5
	// TypeOperational is unknown where it was not agreed on: see
	// bgp.Negotiated.
	TypeOperational Type = 6
)

// HeaderLen is the length of a message's header, in octets.
const HeaderLen = 19

// Open is an OPEN message (RFC 4271 section 4.2).
type Open struct {
	Version      uint8         // 4
	AS           bgp.ASN       // from the four-octet capability where it is there (RFC 6793)
	HoldTime     time.Duration // whole seconds, 0 or 3 and more
	ID           bgp.ID
	Capabilities []capability.Capability // in the order of the message, unknown ones too
}

// Notification is a NOTIFICATION message (RFC 4271 section 4.5).
type Notification struct {
	Code, Subcode uint8
	Data          []byte
}

// Refresh is a ROUTE-REFRESH message (RFC 2918, RFC 7313).
type Refresh struct {
	Family  bgp.Family
	Subtype RefreshSubtype
}

// RefreshSubtype is what a ROUTE-REFRESH means (RFC 7313 section 3.2).
type RefreshSubtype uint8

// Subtypes of ROUTE-REFRESH.
const (
	RefreshRequest RefreshSubtype = 0
	BoRR           RefreshSubtype = 1
	EoRR           RefreshSubtype = 2
)

// Disposition is what a receiver does about an error (RFC 7606 section 2).
type Disposition = attr.Disposition

// The dispositions, in the order of gravity.
const (
	None     = attr.None     // nothing is wrong
	Discard  = attr.Discard  // the attribute, or one malformed NLRI, is ignored
	Withdraw = attr.Withdraw // the routes of the UPDATE are treated as withdrawn
	Reset    = attr.Reset    // NOTIFICATION, and the session ends
)

// Error is a message that is not as it should be: what is told to the peer in a
// NOTIFICATION, and to people.
type Error struct {
	Code, Subcode uint8
	Data          []byte // of the NOTIFICATION; at most what the peer sent
	Offset        int    // of the octet in the message, header included
	Disposition   Disposition
	Reason        string // "attribute 2 (as-path): segment wants 4 AS numbers, 6 octets left"
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s at octet %d: %s", CodeText(e.Code, e.Subcode), e.Offset, e.Reason)
}

// Notification is the message that tells the peer.
func (e *Error) Notification() Notification {
	return Notification{Code: e.Code, Subcode: e.Subcode, Data: e.Data}
}
