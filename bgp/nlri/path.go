package nlri

import (
	"net/netip"
	"strconv"
)

// ParsePath reads a path identifier (RFC 7911): "10", or "0.0.0.10" as ExaBGP
// prints it.
func ParsePath(s string) (uint32, bool) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return uint32(n), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0, false
	}
	v := a.As4()
	return uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3]), true
}

// AppendPathText appends " path-information 0.0.0.10" if there is one.
func AppendPathText(b []byte, has bool, id uint32) []byte {
	if !has {
		return b
	}
	return appendPath(append(b, " path-information "...), id)
}

// AppendPathJSON appends the member of an object, with a comma before it, if
// there is one.
func AppendPathJSON(b []byte, has bool, id uint32) []byte {
	if !has {
		return b
	}
	return append(appendPath(append(b, `, "path-information": "`...), id), '"')
}

func appendPath(b []byte, i uint32) []byte {
	return netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).AppendTo(b)
}
