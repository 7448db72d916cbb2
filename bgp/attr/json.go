package attr

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
)

// told says whether helpers see the attribute in the list of attributes: the
// next hop is said elsewhere, and ExaBGP does not tell of an empty path, nor of
// what nobody knows and passes on (RFC 4271 section 9).
func (a Attr) told() bool {
	if a.Code == ASPath {
		return a.Value != ""
	}
	return a.Code != NextHop && (table[a.Code].name != "" || a.Flags&Transitive != 0)
}

// AppendJSON appends the attribute as a member of an object, with ExaBGP's
// names and shapes.
func (a Attr) AppendJSON(b []byte) []byte {
	r := &table[a.Code]
	if !a.sayable(r) {
		if r.name == "" {
			a.Flags |= Partial // as it would be passed on
		}
		b = fmt.Appendf(b, `"attribute-0x%02X-0x%02X": "0x`, a.Code, a.Flags)
		return append(hex.AppendEncode(b, []byte(a.Value)), '"')
	}
	b = append(append(b, '"'), r.name...)
	return r.json(append(b, `": `...), a.Value)
}

// AppendJSON appends the attributes as an object, without the next hop.
func (s Set) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	sep := " "
	for a := range s.All() {
		if !a.told() {
			continue
		}
		b = append(b, sep...)
		sep = ", "
		b = a.AppendJSON(b)
	}
	return append(b, " }"...)
}

// jsonList appends items of a size as a list.
func jsonList(b []byte, v string, size int, item func([]byte, string) []byte) []byte {
	b = append(b, '[')
	for i := 0; i+size <= len(v); i += size {
		b = item(appendItem(b, i), v[i:i+size])
	}
	return append(b, " ]"...)
}

// jsonNumbers appends big-endian numbers of a size as a list.
func jsonNumbers(b []byte, v string, size int) []byte {
	return jsonList(b, v, size, func(b []byte, v string) []byte {
		n := uint64(0)
		for _, o := range []byte(v) {
			n = n<<8 | uint64(o)
		}
		return strconv.AppendUint(b, n, 10)
	})
}

// appendItem appends what stands before the item at place i of a list.
func appendItem(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return append(b, ' ')
}

// appendQuoted appends a string of a peer as JSON: what is not printable ASCII
// is escaped octet by octet.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, `\u00`...)
			b = hex.AppendEncode(b, []byte{c})
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func jsonAddress(b []byte, v string) []byte {
	a, _ := netip.AddrFromSlice([]byte(v))
	return append(a.AppendTo(append(b, '"')), '"')
}

func jsonNumber(b []byte, v string) []byte {
	return strconv.AppendUint(b, uint64(asAt(v, 0)), 10)
}
