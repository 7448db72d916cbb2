package event

import (
	"fmt"

	"holdfast/bgp/operational"
	"holdfast/bgp/wire"
)

// AppendMessage appends the event of a whole message that is no UPDATE.
func (e *Event) AppendMessage(b, msg []byte) ([]byte, error) {
	m, err := parse(msg)
	if err != nil {
		return b, err
	}
	switch m := m.(type) {
	case *wire.Open:
		return e.open(b, m), nil
	case wire.Notification:
		return e.notification(b, m), nil
	case wire.Refresh:
		return e.refresh(b, m), nil
	case operational.Message:
		return e.operational(b, m), nil
	}
	return e.keepalive(b), nil
}

// parse reads a message that is no UPDATE; nil is a KEEPALIVE.
func parse(msg []byte) (any, error) {
	switch t := wire.Type(msg[18]); t {
	case wire.TypeOpen:
		if len(msg) < wire.HeaderLen+10 {
			return nil, fmt.Errorf("an OPEN of %d octets, want %d or more", len(msg), wire.HeaderLen+10)
		}
		return orError(wire.ParseOpen(msg))
	case wire.TypeNotification:
		if len(msg) < wire.HeaderLen+2 {
			return nil, fmt.Errorf("a NOTIFICATION of %d octets, want %d or more", len(msg), wire.HeaderLen+2)
		}
		return wire.ParseNotification(msg), nil
	case wire.TypeKeepalive:
		return nil, nil
	case wire.TypeRefresh:
		if len(msg) != wire.HeaderLen+4 {
			return nil, fmt.Errorf("a ROUTE-REFRESH of %d octets, want %d", len(msg), wire.HeaderLen+4)
		}
		return orError(wire.ParseRefresh(msg))
	case wire.TypeOperational:
		return orError(wire.ParseOperational(msg))
	}
	return nil, fmt.Errorf("octet 18: message type %d is not known", msg[18])
}

// orError has an error be one only where there is one.
func orError[T any](m T, bad *wire.Error) (any, error) {
	if bad != nil {
		return nil, bad
	}
	return m, nil
}
