package offline

import (
	"fmt"
	"net/netip"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/capability"
	"holdfast/bgp/family"
	"holdfast/bgp/nlri"
	"holdfast/bgp/octet"
	"holdfast/bgp/wire"
)

// tree is lines that say what stands at which octet.
type tree struct {
	b []byte
	d *Decoder
}

// line appends one: where, how many octets, how deep, and what is there.
func (t *tree) line(at, n, depth int, format string, args ...any) {
	t.b = fmt.Appendf(t.b, "%5d %5d  %s%s\n", at, n, strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
}

// Tree appends a message as a tree of lines: the octet where something begins,
// counted from the message's first, how many octets it has, and what it says.
func (d *Decoder) Tree(b, msg []byte) []byte {
	t := &tree{b, d}
	t.line(0, len(msg), 0, "%s", wire.Type(msg[18]))
	t.line(0, 16, 1, "marker")
	t.line(16, 2, 1, "length %d", wire.FrameLen(msg))
	t.line(18, 1, 1, "type %d", msg[18])
	switch r := octet.NewReader(msg[wire.HeaderLen:], wire.HeaderLen); wire.Type(msg[18]) {
	case wire.TypeOpen:
		t.open(&r, msg)
	case wire.TypeUpdate:
		t.update(&r, msg)
	case wire.TypeNotification:
		n := wire.ParseNotification(append(msg[:len(msg):len(msg)], 0, 0)[:max(len(msg), wire.HeaderLen+2)])
		t.line(19, 2, 1, "%s", n)
		if data := msg[min(len(msg), wire.HeaderLen+2):]; len(data) > 0 {
			t.line(wire.HeaderLen+2, len(data), 1, "data 0x%X", data)
		}
	case wire.TypeRefresh:
		if len(msg) == wire.HeaderLen+4 {
			t.line(19, 4, 1, "%s, subtype %d", bgp.MakeFamily(bgp.AFI(msg[19])<<8|bgp.AFI(msg[20]), bgp.SAFI(msg[22])), msg[21])
		}
	case wire.TypeOperational:
		t.operational(&r, msg)
	default:
		if r.Len() > 0 {
			t.line(r.Offset(), r.Len(), 1, "0x%X", r.Rest())
		}
	}
	return t.b
}

func (t *tree) operational(r *octet.Reader, msg []byte) {
	at, n := r.Offset(), r.Len()
	m, bad := wire.ParseOperational(msg)
	if bad != nil {
		t.line(at, n, 1, "error: %s", bad)
		return
	}
	t.line(at, 2, 1, "kind %d, %s", m.Kind, m.Kind)
	t.line(at+2, 2, 1, "%d octets", n-4)
	t.line(at+4, n-4, 1, "%s", m.AppendText(nil))
}

func (t *tree) open(r *octet.Reader, msg []byte) {
	at := r.Offset()
	version, as, hold, id := r.U8(), r.U16(), r.U16(), bgp.ID(r.U32())
	if !r.OK() {
		t.line(at, len(msg)-at, 1, "cut: want 10 octets and more")
		return
	}
	t.line(at, 1, 1, "version %d", version)
	t.line(at+1, 2, 1, "AS %d", as)
	t.line(at+3, 2, 1, "hold time %d s", hold)
	t.line(at+5, 4, 1, "identifier %s", id)
	if _, bad := wire.ParseOpen(msg); bad != nil {
		t.line(bad.Offset, 0, 1, "error: %s", bad)
		return
	}
	total, wide := int(r.U8()), false
	if total == 255 && r.Len() >= 3 && msg[r.Offset()] == 255 { // RFC 9072
		r.U8()
		total, wide = int(r.U16()), true
	}
	t.line(at+9, r.Offset()-at-9, 1, "optional parameters, %d octets", total)
	for r.Len() > 0 {
		t.parameter(r, wide)
	}
}

// parameter says an optional parameter: most are capabilities (RFC 5492).
func (t *tree) parameter(r *octet.Reader, wide bool) {
	at := r.Offset()
	kind, n := r.U8(), 0
	if n = int(r.U8()); wide {
		n = n<<8 | int(r.U8())
	}
	v := r.Sub(n)
	t.line(at, r.Offset()-at, 2, "parameter %d", kind)
	for v.Len() > 0 {
		at := v.Offset()
		c := capability.Capability{Code: v.U8()}
		c.Value = v.Bytes(int(v.U8()))
		t.line(at, v.Offset()-at, 3, "capability %d, %s: 0x%X", c.Code, c, c.Value)
	}
}

func (t *tree) update(r *octet.Reader, msg []byte) {
	at := r.Offset()
	n := int(r.U16())
	t.line(at, 2, 1, "withdrawn routes, %d octets", n)
	t.routes(r.Sub(n), bgp.IPv4Unicast, 2)
	at = r.Offset()
	n = int(r.U16())
	if !r.OK() {
		t.line(at, len(msg)-at, 1, "error: %s", r.Err())
		return
	}
	t.line(at, 2, 1, "path attributes, %d octets", n)
	if n > r.Len() {
		t.line(at, 2, 2, "error: %d octets left", r.Len())
		return
	}
	attrs := r.Sub(n)
	t.attributes(&attrs)
	if r.Len() > 0 {
		t.line(r.Offset(), r.Len(), 1, "network layer reachability information")
		t.routes(*r, bgp.IPv4Unicast, 2)
	}
	if err := t.d.parse(msg); err != nil {
		t.line(0, 0, 1, "error: %s", err)
	}
	for _, p := range t.d.Problems {
		t.line(0, 0, 1, "problem: %s", p)
	}
}

func (t *tree) attributes(r *octet.Reader) {
	for r.Len() > 0 {
		at := r.Offset()
		flags, code := r.U8(), r.U8()
		n := int(r.U8())
		if flags&attr.Extended != 0 {
			n = n<<8 | int(r.U8())
		}
		value := r.Sub(n)
		if !r.OK() {
			t.line(at, 0, 2, "error: %s", r.Err())
			return
		}
		t.line(at, r.Offset()-at, 2, "attribute %d%s, flags 0x%02x%s", code, named(code), flags, flagWords(flags))
		t.attribute(code, flags, value)
	}
}

func named(code uint8) string {
	if name := attr.Name(code); name != "" {
		return " (" + name + ")"
	}
	return ""
}

func flagWords(flags uint8) (s string) {
	for _, f := range []struct {
		bit  uint8
		word string
	}{{attr.Optional, "optional"}, {attr.Transitive, "transitive"}, {attr.Partial, "partial"}, {attr.Extended, "extended length"}} {
		if flags&f.bit != 0 {
			s += ", " + f.word
		}
	}
	return s
}

// attribute says the value of one, as a route command says it.
func (t *tree) attribute(code, flags uint8, v octet.Reader) {
	at, n := v.Offset(), v.Len()
	switch code {
	case attr.MPReach:
		f := bgp.MakeFamily(bgp.AFI(v.U16()), bgp.SAFI(v.U8()))
		size := int(v.U8())
		hop := v.Bytes(size)
		v.U8()
		if !v.OK() {
			t.line(at, n, 3, "error: %s", v.Err())
			return
		}
		t.line(at, 3, 3, "family %s", f)
		t.line(at+3, 1+size, 3, "next hop %s", hopText(f, hop))
		t.routes(v, f, 3)
	case attr.MPUnreach:
		f := bgp.MakeFamily(bgp.AFI(v.U16()), bgp.SAFI(v.U8()))
		if !v.OK() {
			t.line(at, n, 3, "error: %s", v.Err())
			return
		}
		t.line(at, 3, 3, "family %s", f)
		t.routes(v, f, 3)
	default:
		t.line(at, n, 3, "%s", t.value(code, flags, v.Rest()))
	}
}

func hopText(f bgp.Family, hop []byte) string {
	if c := family.Lookup(f); c != nil && c.HopRD && len(hop) >= 8 {
		hop = hop[8:]
	}
	if len(hop) == 32 {
		return hopText(0, hop[:16]) + " and " + hopText(0, hop[16:])
	}
	a, ok := netip.AddrFromSlice(hop)
	if !ok {
		return fmt.Sprintf("0x%X", hop)
	}
	return a.String()
}

// value is the words of an attribute on its own.
func (t *tree) value(code, flags uint8, v []byte) string {
	block := append([]byte{flags | attr.Extended, code, byte(len(v) >> 8), byte(len(v))}, v...)
	var b attr.Builder
	var k attr.Block
	from := attr.SourceOf(&t.d.Session.Negotiated)
	from.Own = true
	k.Parse(block, 0, from, &b)
	if text := string(b.Handle().Value().AppendText(nil)); text != "" {
		return text
	}
	return fmt.Sprintf("0x%X", v)
}

// routes says NLRI, each on a line.
func (t *tree) routes(r octet.Reader, f bgp.Family, depth int) {
	c := family.Lookup(f)
	if c == nil {
		c = family.Opaque(f)
	}
	path := t.d.Session.Negotiated.ReceivePath(f)
	for r.Len() > 0 {
		at := r.Offset()
		raw := nlri.Raw{Family: f, HasPath: path}
		if path {
			raw.PathID = r.U32()
		}
		rest := r // a copy: Next says how much is taken
		body, n, err := c.Next(rest.Rest())
		if err != nil && n == 0 || !r.OK() {
			t.line(at, r.Len(), depth, "error: %v", err)
			return
		}
		raw.Body = body
		if r.Bytes(n); err != nil {
			t.line(at, r.Offset()-at, depth, "left out: %v", err)
			continue
		}
		t.line(at, r.Offset()-at, depth, "%s", c.View(raw).AppendText(nil))
	}
}
