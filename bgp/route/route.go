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
}
