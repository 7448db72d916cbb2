// Package route is a route as an operator says it: NLRI, next hop, attributes
// and group, its grammar and its text.
package route

import (
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
)

// Route is a route as an operator says it.
type Route struct {
	NLRI  nlri.Raw
	Attrs attr.Handle // with the next hop; the zero Handle for a route that is only withdrawn
	// Group is the named group ("watchdog NAME") that switches the route on and
	// off, or "".
	Group string
	// Withdraw says that the route's group starts switched off ("withdraw").
	Withdraw bool
	// ForeignHop says that the next hop is an address of the other address
	// family than the prefix, which not every peer can be told (RFC 8950).
	ForeignHop bool
	// SelfHop says that the next hop of the prefix is "self", which only a session
	// over the prefix's address family has, or a peer that takes the other's.
	SelfHop bool
}
