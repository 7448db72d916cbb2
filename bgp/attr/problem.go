package attr

import "fmt"

// Disposition is what a receiver does about an error (RFC 7606 section 2), in
// the order of gravity.
type Disposition uint8

// The dispositions.
const (
	None     Disposition = iota // nothing is wrong
	Discard                     // the attribute, or one malformed NLRI, is ignored
	Withdraw                    // the routes of the UPDATE are treated as withdrawn
	Reset                       // NOTIFICATION, and the session ends
)

func (d Disposition) String() string {
	return [...]string{"none", "discard", "withdraw", "reset"}[d&3]
}

// Subcodes of an UPDATE message error (RFC 4271 section 6.3).
const (
	MalformedList         = 1
	UnrecognisedWellKnown = 2
	MissingWellKnown      = 3
	FlagsError            = 4
	LengthError           = 5
	InvalidOrigin         = 6
	InvalidNextHop        = 8
	OptionalError         = 9
	InvalidNetwork        = 10
	MalformedASPath       = 11
)

// UpdateError is the code that those subcodes belong to.
const UpdateError = 3

// Problem is one thing that is wrong with received attributes.
type Problem struct {
	Code, Subcode uint8 // of a NOTIFICATION
	Offset        int   // of the octet in the message, header included
	Disposition   Disposition
	Data          []byte // of a NOTIFICATION; a part of the message
	Reason        string // "attribute 2 (as-path): segment wants 4 AS numbers, 6 octets left"
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: %d/%d at octet %d: %s", p.Disposition, p.Code, p.Subcode, p.Offset, p.Reason)
}

// fault is what a check of one attribute finds; nil is good.
type fault struct {
	subcode uint8
	at      int // octets into the value
	reason  string
}

// fixed is a check that a value has n octets.
func fixed(n int) func([]byte, Source) *fault {
	return func(v []byte, _ Source) *fault {
		if len(v) == n {
			return nil
		}
		return &fault{LengthError, 0, fmt.Sprintf("want %d octets, got %d", n, len(v))}
	}
}

// itemsOf is a check that a value is one or more items of n octets.
func itemsOf(n int) func([]byte, Source) *fault {
	return func(v []byte, _ Source) *fault {
		if len(v) > 0 && uint32(len(v))%uint32(n) == 0 {
			return nil
		}
		return &fault{LengthError, 0, fmt.Sprintf("want a multiple of %d octets, not zero, got %d", n, len(v))}
	}
}
