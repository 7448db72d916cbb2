package nlri

import (
	"encoding/hex"
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// SayOctets takes octets as "0x00FF".
func SayOctets(s grammar.Source) ([]byte, error) {
	const want = "octets like 0x00FF"
	w, err := grammar.Value(s, want)
	if err != nil {
		return nil, err
	}
	h, ok := strings.CutPrefix(w, "0x")
	b, err := hex.DecodeString(h)
	if err != nil || !ok {
		return nil, grammar.Wish(want, w)
	}
	return b, nil
}

// AppendOctets appends what SayOctets takes.
func AppendOctets(b, v []byte) []byte { return fmt.Appendf(b, "0x%X", v) }

// AppendOpaqueJSON appends an object with the octets of something that is not
// understood.
func AppendOpaqueJSON(b []byte, r Raw, v []byte) []byte {
	b = fmt.Appendf(b, `{ "parsed": false, "raw": "%X"`, v)
	return append(AppendPathJSON(b, r.HasPath, r.PathID), " }"...)
}
