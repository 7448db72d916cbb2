package route

import (
	"strings"

	"holdfast/bgp/family/inet"
)

// AppendText appends the route as "announce route" and "route" say it, but for
// these words: "10.0.0.0/24 next-hop 10.0.0.1 med 100 watchdog dns".
func (r Route) AppendText(b []byte) []byte {
	b = inet.View(r.NLRI).AppendText(b)
	var none Route
	if r.Attrs != none.Attrs {
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

// appendWord appends a name, in quotes where it would not be one word.
func appendWord(b []byte, s string) []byte {
	if strings.ContainsAny(s, " \t;{}[](),#") {
		return append(append(append(b, '"'), s...), '"')
	}
	return append(b, s...)
}
