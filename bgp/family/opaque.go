package family

import (
	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// Opaque is the row of a family that is not known: all its NLRI of a message
// are one, kept as it came.
func Opaque(f bgp.Family) *nlri.Codec {
	return &nlri.Codec{Family: f, NextHopLens: []int{0, 4, 12, 16, 24, 32, 48},
		Next: func(b []byte) ([]byte, int, error) { return b, len(b), nil },
		View: func(r nlri.Raw) nlri.NLRI { return opaque{r} }}
}

type opaque struct{ raw nlri.Raw }

// Raw is the octets as they came.
func (o opaque) Raw() nlri.Raw { return o.raw }

// AppendText appends the octets.
func (o opaque) AppendText(b []byte) []byte {
	return nlri.AppendPathText(nlri.AppendOctets(append(b, "octets "...), o.raw.Body), o.raw.HasPath, o.raw.PathID)
}

// AppendJSON appends an object with the octets.
func (o opaque) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	return nlri.AppendOpaqueJSON(b, o.raw, o.raw.Body)
}
