// Package capability is capabilities in OPEN and how two lists become a
// bgp.Negotiated.
package capability

// Capability is one capability as it travels (RFC 5492 section 4). Unknown ones
// are kept as they came.
type Capability struct {
	Code  uint8
	Value []byte
}
