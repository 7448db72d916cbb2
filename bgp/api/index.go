package api

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"holdfast/bgp/nlri"
)

// Index is the name of a route among those of a neighbor: its family and its
// NLRI, in hexadecimal.
func Index(r nlri.Raw) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(r.Family.AFI()))
	b = append(b, byte(r.Family.SAFI()))
	return strings.ToUpper(hex.EncodeToString(r.AppendWire(b, r.HasPath)))
}
