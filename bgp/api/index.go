package api

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/nlri"
)

// Index is the name of a route among those of a neighbor: its family and its
// NLRI, in hexadecimal.
func Index(r nlri.Raw) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(r.Family.AFI()))
	b = append(b, byte(r.Family.SAFI()))
	return strings.ToUpper(hex.EncodeToString(r.AppendWire(b, r.HasPath)))
}

// Indexed gives what an index may name: NLRI that begin with a path identifier
// can look like ones that have none.
func Indexed(index string) ([]nlri.Raw, error) {
	b, err := hex.DecodeString(index)
	if err != nil || len(b) < 4 {
		return nil, fmt.Errorf("index: want AFI, SAFI and NLRI in hexadecimal, got %q", index)
	}
	f := bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(b)), bgp.SAFI(b[2]))
	c := family.Lookup(f)
	if c == nil {
		return nil, fmt.Errorf("index: want a family's AFI and SAFI, got %q", index[:6])
	}
	var ns []nlri.Raw
	for _, n := range []nlri.Raw{{Family: f}, {Family: f, HasPath: true}} {
		rest := b[3:]
		if n.HasPath && len(rest) > 4 {
			n.PathID, rest = binary.BigEndian.Uint32(rest), rest[4:]
		}
		body, size, err := c.Next(rest)
		if n.Body = body; err == nil && size == len(rest) {
			ns = append(ns, n)
		}
	}
	if ns == nil {
		return nil, fmt.Errorf("index: want an NLRI of %s, got %q", f, index[6:])
	}
	return ns, nil
}
