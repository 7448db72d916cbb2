package route

import (
	"holdfast/bgp/family/inet"
)

// AppendText appends the route as "announce route" and "route" say it, but for
// these words: "10.0.0.0/24 next-hop 10.0.0.1 med 100 watchdog dns".
func (r Route) AppendText(b []byte) []byte {
	b = inet.View(r.NLRI).AppendText(b)
	var none Route
	if r.Attrs != none.Attrs {
		b = r.appendAttrs(b)
	}
	if r.Group != "" {
		b = append(append(b, " watchdog "...), r.Group...)
	}
	if r.Withdraw {
		b = append(b, " withdraw"...)
	}
	return b
}

func (r Route) appendAttrs(b []byte) []byte {
	set := r.Attrs.Value()
	switch hop, _, self := set.NextHop(); {
	case self:
		b = append(b, " next-hop self"...)
	case hop.IsValid():
		b = hop.AppendTo(append(b, " next-hop "...))
	}
	at := len(b)
	b = set.AppendText(append(b, ' '))
	if len(b) == at+1 {
		return b[:at] // nothing but the next hop
	}
	return b
}
