package api

import (
	"encoding/json"
	"net/netip"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/family/label"
	"holdfast/bgp/family/vpn"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// RouteView is a route of a neighbor, as questions are told of it.
type RouteView struct {
	Peer  *Peer
	Route route.Route
}

// lineSize is about how long a line of JSON, or what is said at once, gets.
const lineSize = 32 << 10

// Lines is the answer to ShowRIB or ListRoutes on its way.
//
// Text is a line for each route. JSON is a list of objects in one line, if they
// fit into one of 32 KiB; of a large table it is several lines, each of which is
// a list of other routes. So a helper that reads JSON line by line understands
// all of it, nobody has to hold a million routes at once, and no line of others
// can come in between. ExaBGP prints the list anew for each route that it finds.
type Lines struct {
	Question *Question
	Say      func(lines []byte) bool // see Batch.Say

	buf  []byte
	some bool // something was said
	gone bool
}

// Add adds a route, if it is one that was asked for; false: nobody listens.
func (l *Lines) Add(v *RouteView) bool {
	q := l.Question
	if l.gone || !q.wants(v.Route.NLRI) {
		return !l.gone
	}
	switch {
	case q.Text:
		l.buf = append(v.appendText(l.buf, q), '\n')
	case len(l.buf) == 0:
		l.buf = v.appendJSON(append(l.buf, "[ "...), q)
	default:
		l.buf = v.appendJSON(append(l.buf, ", "...), q)
	}
	if len(l.buf) >= lineSize {
		l.flush()
	}
	return !l.gone
}

// End says what is left; a list in JSON is told even if it is empty.
func (l *Lines) End() {
	switch {
	case l.gone:
	case len(l.buf) > 0:
		l.flush()
	case !l.some && !l.Question.Text:
		l.Say([]byte("[ ]\n"))
	}
}

func (l *Lines) flush() {
	if !l.Question.Text {
		l.buf = append(l.buf, " ]\n"...)
	}
	l.some, l.gone = true, !l.Say(l.buf)
	l.buf = l.buf[:0]
}

// wants says whether a route is of the address that was asked for: has it in its
// prefix, or is that prefix.
func (q *Question) wants(r nlri.Raw) bool {
	if !q.HasFamily(r.Family) {
		return false
	}
	if !q.Address.IsValid() {
		return true
	}
	p, ok := prefixOf(r)
	if q.Address.IsSingleIP() {
		return ok && p.Contains(q.Address.Addr())
	}
	return ok && p == q.Address.Masked()
}

// HasFamily says whether routes of a family are asked for.
func (q *Question) HasFamily(f bgp.Family) bool {
	return q.Families == nil || slices.Contains(q.Families, f)
}

// prefixOf is what routes of families that are about prefixes lead to.
func prefixOf(r nlri.Raw) (p netip.Prefix, ok bool) {
	c := family.Lookup(r.Family)
	if c == nil {
		return p, false
	}
	switch v := c.View(r).(type) {
	case inet.Prefix:
		return v.Net, true
	case label.Prefix:
		return v.Net, true
	case vpn.Prefix:
		return v.Net, true
	}
	return p, false
}

// named are the words with which ExaBGP begins what is not a prefix.
var named = map[bgp.SAFI]string{bgp.SAFIFlow: "flow ", bgp.SAFIFlowVPN: "flow ", bgp.SAFIVPLS: "vpls "}

// appendText appends a route as ExaBGP 4 shows it, and behind the name of the
// neighbor as "announce" says it.
func (v *RouteView) appendText(b []byte, q *Question) []byte {
	r := &v.Route
	b = v.Peer.AppendName(b, q.Detail == Extensive)
	b = append(append(append(b, ' '), r.NLRI.Family.String()...), ' ')
	if q.What == ListRoutes {
		b = append(append(append(b, "index "...), Index(r.NLRI)...), ' ')
	}
	b = append(b, named[r.NLRI.Family.SAFI()]...)
	if q.Detail == Extensive {
		return r.AppendText(b)
	}
	b = route.AppendNLRI(b, r.NLRI)
	if hop, ok := v.attribute(attr.NextHop); ok {
		b = hop.AppendText(append(b, ' '))
	}
	return b
}

func (v *RouteView) attribute(code uint8) (a attr.Attr, ok bool) {
	if v.Route.Attrs == (attr.Handle{}) {
		return a, false
	}
	return v.Route.Attrs.Value().Get(code)
}

// appendJSON appends a route as an object, whose parts are those of events.
func (v *RouteView) appendJSON(b []byte, q *Question) []byte {
	r := &v.Route
	b = append(b, "{ "...)
	if q.What == ListRoutes {
		b = append(append(append(b, `"index": "`...), Index(r.NLRI)...), `", `...)
	}
	b = v.Peer.Address.AppendTo(append(b, `"peer-address": "`...))
	b = append(append(append(b, `", "family": "`...), r.NLRI.Family.String()...), `", "nlri": `...)
	hop, self := v.hop()
	how := nlri.JSON{NextHop: hop.AsSlice()}
	b = family.Lookup(r.NLRI.Family).View(r.NLRI).AppendJSON(b, &how)
	switch {
	case self:
		b = append(b, `, "next-hop": "self"`...)
	case hop.IsValid():
		b = append(hop.AppendTo(append(b, `, "next-hop": "`...)), '"')
	}
	if q.Detail == Extensive && r.Attrs != (attr.Handle{}) {
		b = r.Attrs.Value().AppendJSON(append(b, `, "attribute": `...))
	}
	if r.Group != "" {
		name, _ := json.Marshal(r.Group) // a string always can be
		b = append(append(b, `, "watchdog": `...), name...)
	}
	return append(b, " }"...)
}

func (v *RouteView) hop() (hop netip.Addr, self bool) {
	if v.Route.Attrs == (attr.Handle{}) {
		return hop, false
	}
	hop, _, self = v.Route.Attrs.Value().NextHop()
	return hop, self
}
