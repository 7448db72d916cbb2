package ls

import (
	"fmt"
	"slices"
	"strings"
)

// cut gives TLVs with their headers. As octets they compare as they must be
// ordered: by code, then by length, then by value (RFC 9552 section 5.1).
func cut(s string) (raws []string) {
	for len(s) >= 4 {
		n := min(4+(int(s[2])<<8|int(s[3])), len(s))
		raws, s = append(raws, s[:n]), s[n:]
	}
	return raws
}

// sorted puts TLVs in order. Peers that propagate an NLRI take one that is not
// in order for malformed.
func sorted(b []byte) []byte {
	raws := cut(string(b))
	slices.Sort(raws)
	return []byte(strings.Join(raws, ""))
}

// mandatory are the descriptors that an NLRI of a kind has (RFC 9552 section
// 5.2, RFC 9514 section 6), with their words.
var mandatory = []struct {
	code  uint16
	word  string
	kinds []Kind
}{
	{codeLocal, "local", []Kind{Node, Link, PrefixV4, PrefixV6, SRv6SID}},
	{codeRemote, "remote", []Kind{Link}},
	{codePrefix, "prefix", []Kind{PrefixV4, PrefixV6}},
	{codeSID, "sid", []Kind{SRv6SID}},
}

// lacks says what keeps the object from being a good NLRI but for the order.
func (o Object) lacks() error {
	for _, m := range mandatory {
		n := 0
		for code := range tlvs(o.TLVs) {
			if code == m.code {
				n++
			}
		}
		switch {
		case n == 0 && slices.Contains(m.kinds, o.Kind):
			return fmt.Errorf("want %s", m.word)
		case n > 1:
			return fmt.Errorf("%s: want it once", m.word)
		}
	}
	return nil
}

// plain says whether the words of a kind give the object again, octet for octet.
func (o Object) plain() bool {
	for code, v := range tlvs(o.TLVs) {
		if (code == codeLocal || code == codeRemote) && !slices.IsSorted(cut(v)) {
			return false
		}
	}
	return slices.IsSorted(cut(o.TLVs)) && o.lacks() == nil
}
