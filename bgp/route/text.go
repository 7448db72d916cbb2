package route

import (
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// AppendText appends the route as "announce route" and "route" say it, but for
// these words: "10.0.0.0/24 next-hop 10.0.0.1 med 100 watchdog dns".
func (r Route) AppendText(b []byte) []byte {
	b = AppendNLRI(b, r.NLRI)
	if r.Attrs != (attr.Handle{}) {
		at := len(b)
		if b = r.Attrs.Value().AppendText(append(b, ' ')); len(b) == at+1 {
			b = b[:at] // nothing was said
		}
	}
	if r.Group != "" {
		b = appendWord(append(b, " watchdog "...), r.Group)
	}
	if r.Withdraw {
		b = append(b, " withdraw"...)
	}
	return b
}

// AppendNLRI appends what is announced as a statement of its family says it.
func AppendNLRI(b []byte, r nlri.Raw) []byte {
	if c := family.Lookup(r.Family); c != nil {
		return c.View(r).AppendText(b)
	}
	return b
}

// appendWord appends a name, in quotes where it would not be one word.
func appendWord(b []byte, s string) []byte {
	return append(b, grammar.Quote(s)...)
}
