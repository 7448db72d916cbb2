package inet

import (
	"net/netip"
	"strconv"
)

// AppendText appends the prefix as a route command says it:
// "10.0.0.0/24 path-information 0.0.0.10".
func (p Prefix) AppendText(b []byte) []byte {
	b = p.Net.AppendTo(b)
	if !p.HasPath {
		return b
	}
	return p.appendPath(append(b, " path-information "...))
}

// AppendJSON appends the prefix as an object with ExaBGP's names.
func (p Prefix) AppendJSON(b []byte) []byte {
	b = append(b, `{ "nlri": "`...)
	b = append(p.Net.AppendTo(b), '"')
	if p.HasPath {
		b = p.appendPath(append(b, `, "path-information": "`...))
		b = append(b, '"')
	}
	return append(b, " }"...)
}

// ParsePath reads a path identifier: "10", or "0.0.0.10" as ExaBGP prints it.
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

func (p Prefix) appendPath(b []byte) []byte {
	i := p.PathID
	return netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).AppendTo(b)
}
