package attr

import (
	"encoding/binary"

	"holdfast/bgp"
)

// made lists the codes of attributes that may be sent without being in a Set,
// in order.
var made = [...]uint8{Origin, ASPath, LocalPref, AS4Path, AS4Aggregator}

// AppendRange appends the wire form, for a peer, of all attributes with
// from <= code <= to, sorted by code, but for the next hop and the two
// attributes that carry NLRI: where those stand is the packer's affair.
//
// What is sent beside what the set says is what ExaBGP sends: ORIGIN igp and an
// AS_PATH where there is none (empty, or our own AS towards another AS), and
// LOCAL_PREF 100 inside an AS. An AS_PATH that the operator wrote is sent as
// written, nothing is prepended: helpers write the whole path. LOCAL_PREF never
// leaves the AS (RFC 4271 section 5.1.5). A peer that knows two octets for an
// AS number gets AS_TRANS and the AS4 attributes (RFC 6793 section 4.2.2).
func (s Set) AppendRange(b []byte, e *Export, from, to uint8) []byte {
	next := 0
	for c := s.canon; len(c) >= header; {
		code, n := c[0], header+int(c[2])<<8+int(c[3])
		if code > to {
			break
		}
		for next < len(made) && made[next] < code {
			b = s.appendMade(b, e, made[next], from, to)
			next++
		}
		if code >= from {
			b = s.appendStored(b, e, code, c[1], c[header:n])
		}
		if next < len(made) && made[next] == code {
			next++
		}
		c = c[n:]
	}
	for ; next < len(made); next++ {
		b = s.appendMade(b, e, made[next], from, to)
	}
	return b
}

// appendStored appends an attribute that is in the set.
func (s Set) appendStored(b []byte, e *Export, code, flags uint8, value string) []byte {
	switch {
	case code == NextHop, code == MPReach, code == MPUnreach:
		return b
	case code == LocalPref && e.EBGP, code == AIGP && !e.AIGP:
		return b
	case code == AS4Path, code == AS4Aggregator:
		// Between two speakers of four octets they must not be (RFC 6793
		// section 4.1), and for others they are made of the real ones.
		return s.appendMade(b, e, code, code, code)
	case code == ASPath && !e.ASN4:
		return appendShortPath(b, value)
	case code == Aggregator && !e.ASN4 && len(value) == 8:
		return appendShortAggregator(b, flags, value)
	}
	return appendHeaded(b, code, flags, value)
}

// appendHeaded appends an attribute with its header. A length of two octets is
// used where it is needed or where the operator asked for it in the flags.
func appendHeaded(b []byte, code, flags uint8, value string) []byte {
	if n := len(value); n > 255 || flags&Extended != 0 {
		b = append(b, flags|Extended, code, byte(n>>8), byte(n))
	} else {
		b = append(b, flags, code, byte(n))
	}
	return append(b, value...)
}

// appendMade appends an attribute that the set lacks, if this peer must get it.
func (s Set) appendMade(b []byte, e *Export, code, from, to uint8) []byte {
	if code < from || code > to {
		return b
	}
	switch code {
	case Origin:
		return append(b, Transitive, Origin, 1, OriginIGP)
	case ASPath:
		return appendOwnPath(b, e)
	case LocalPref:
		if !e.EBGP {
			return append(b, Transitive, LocalPref, 4, 0, 0, 0, 100)
		}
	case AS4Path:
		if !e.ASN4 {
			return s.appendAS4Path(b, e)
		}
	case AS4Aggregator:
		if v, ok := s.value(Aggregator); ok && !e.ASN4 && len(v) == 8 && v[0]|v[1] != 0 {
			return appendHeaded(b, AS4Aggregator, Optional|Transitive, v)
		}
	}
	return b
}

// appendOwnPath appends the AS_PATH of a route that has none: empty inside the
// AS, else our own AS (RFC 4271 section 5.1.2).
func appendOwnPath(b []byte, e *Export) []byte {
	switch {
	case !e.EBGP:
		return append(b, Transitive, ASPath, 0)
	case !e.ASN4:
		return binary.BigEndian.AppendUint16(append(b, Transitive, ASPath, 4, ASSequence, 1), e.LocalAS.Short())
	}
	return binary.BigEndian.AppendUint32(append(b, Transitive, ASPath, 6, ASSequence, 1), uint32(e.LocalAS))
}

// appendShortPath appends an AS_PATH with two octets for an AS number.
func appendShortPath(b []byte, path string) []byte {
	at := len(b)
	b = append(b, Transitive|Extended, ASPath, 0, 0)
	for len(path) >= 2 {
		b = append(b, path[0], path[1])
		n := min(2+4*int(path[1]), len(path))
		for i := 2; i+4 <= n; i += 4 {
			b = binary.BigEndian.AppendUint16(b, asAt(path, i).Short())
		}
		path = path[n:]
	}
	return closeHeader(b, at)
}

// closeHeader writes the length of the attribute that begins at `at` with a
// length of two octets and ends with b, in one octet where that is enough.
func closeHeader(b []byte, at int) []byte {
	n := len(b) - at - 4
	if n > 255 {
		binary.BigEndian.PutUint16(b[at+2:], uint16(n))
		return b
	}
	b[at] &^= Extended
	b[at+2] = byte(n)
	copy(b[at+3:], b[at+4:])
	return b[:len(b)-1]
}

// appendAS4Path appends AS4_PATH if the path has an AS number that two octets
// can't carry: the path without what is inside a confederation (RFC 6793
// section 4.2.2).
func (s Set) appendAS4Path(b []byte, e *Export) []byte {
	path, ok := s.value(ASPath)
	if !ok {
		if e.EBGP && e.LocalAS > 0xffff {
			b = append(b, Optional|Transitive, AS4Path, 6, ASSequence, 1)
			b = binary.BigEndian.AppendUint32(b, uint32(e.LocalAS))
		}
		return b
	}
	if !wide(path) {
		return b
	}
	at := len(b)
	b = append(b, Optional|Transitive|Extended, AS4Path, 0, 0)
	for len(path) >= 2 {
		n := min(2+4*int(path[1]), len(path))
		if path[0] == ASSet || path[0] == ASSequence {
			b = append(b, path[:n]...)
		}
		path = path[n:]
	}
	return closeHeader(b, at)
}

// wide says whether a path has an AS number above 65535.
func wide(path string) bool {
	for len(path) >= 2 {
		n := min(2+4*int(path[1]), len(path))
		for i := 2; i+4 <= n; i += 4 {
			if path[i]|path[i+1] != 0 {
				return true
			}
		}
		path = path[n:]
	}
	return false
}

// asAt is the AS number at i.
func asAt(path string, i int) bgp.ASN {
	return bgp.ASN(path[i])<<24 | bgp.ASN(path[i+1])<<16 | bgp.ASN(path[i+2])<<8 | bgp.ASN(path[i+3])
}

// appendShortAggregator appends AGGREGATOR with two octets for the AS number.
func appendShortAggregator(b []byte, flags uint8, v string) []byte {
	b = append(b, flags&^Extended, Aggregator, 6)
	b = binary.BigEndian.AppendUint16(b, asAt(v, 0).Short())
	return append(b, v[4:]...)
}

// value finds an attribute's value by its code.
func (s Set) value(code uint8) (string, bool) {
	for c := s.canon; len(c) >= header && c[0] <= code; {
		n := header + int(c[2])<<8 + int(c[3])
		if c[0] == code {
			return c[header:n], true
		}
		c = c[n:]
	}
	return "", false
}

// HopForm is how the next hops of a family stand in its UPDATEs.
type HopForm struct {
	AFI    bgp.AFI // of the addresses, where nothing else was agreed on; 0: any
	RD     bool    // a route distinguisher of zero stands before each (RFC 4364 section 4.3.2)
	Mapped bool    // an IPv4 address is sent as ::ffff:a.b.c.d
	None   bool    // a route needs none (RFC 8955 section 4)
}

// AppendNextHop appends the octets of the next hop for a family: one address,
// or two where a link-local one goes along (RFC 2545 section 3). It gives
// false, and b as it was, when there is no next hop or the family can't carry
// it to this peer: an IPv4 next hop of an IPv6 prefix is not turned into a
// v4-mapped one, which routers take for a real IPv6 address and drop traffic
// by, and the unspecified address is never sent.
func (s Set) AppendNextHop(b []byte, e *Export, f bgp.Family, form HopForm) ([]byte, bool) {
	v, ok := s.value(NextHop)
	if !ok {
		return b, form.None
	}
	if v == "" {
		return appendSelf(b, e, f, form)
	}
	if allZero(v[:min(len(v), 16)]) || !e.carries(f, form, len(v)) {
		return b, false
	}
	switch {
	case len(v) == 4:
		return append(appendBeforeHop(b, e, f, form), v...), true
	case len(v) == 16 && e.addsLinkLocal(f):
		b = append(appendRD(b, form), v...)
		return appendLinkLocal(b, e, form), true
	}
	for ; len(v) >= 16; v = v[16:] {
		b = append(appendRD(b, form), v[:16]...)
	}
	return b, true
}

// carries says whether a next hop of n octets can be sent with routes of a
// family.
func (e *Export) carries(f bgp.Family, form HopForm, n int) bool {
	if n == 4 {
		return form.AFI != bgp.AFIIPv6 || form.Mapped || e.Hops.Has(f, bgp.AFIIPv4)
	}
	return form.AFI != bgp.AFIIPv4 || e.Hops.Has(f, bgp.AFIIPv6)
}

// appendBeforeHop appends what stands before an IPv4 address.
func appendBeforeHop(b []byte, e *Export, f bgp.Family, form HopForm) []byte {
	b = appendRD(b, form)
	if form.Mapped && form.AFI == bgp.AFIIPv6 && !e.Hops.Has(f, bgp.AFIIPv4) {
		return append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)
	}
	return b
}

func appendRD(b []byte, form HopForm) []byte {
	if form.RD {
		return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return b
}

// addsLinkLocal: only plain forwarding has a use for it.
func (e *Export) addsLinkLocal(f bgp.Family) bool {
	return e.LinkLocal.Is6() && f.AFI() == bgp.AFIIPv6 && (f.SAFI() == bgp.SAFIUnicast || f.SAFI() == bgp.SAFIMulticast)
}

// appendLinkLocal appends our link-local address behind the global one that b
// ends with, or in its place.
func appendLinkLocal(b []byte, e *Export, form HopForm) []byte {
	v := e.LinkLocal.As16()
	if e.LinkLocalOnly {
		return append(b[:len(b)-16], v[:]...)
	}
	return append(appendRD(b, form), v[:]...)
}

// appendSelf appends our own address on the session.
func appendSelf(b []byte, e *Export, f bgp.Family, form HopForm) ([]byte, bool) {
	if !e.Self.IsValid() || e.Self.IsUnspecified() || !e.carries(f, form, e.Self.BitLen()/8) {
		return b, false
	}
	if e.Self.Is4() {
		v := e.Self.As4()
		return append(appendBeforeHop(b, e, f, form), v[:]...), true
	}
	v := e.Self.As16()
	b = append(appendRD(b, form), v[:]...)
	if e.addsLinkLocal(f) {
		b = appendLinkLocal(b, e, form)
	}
	return b, true
}

func allZero(v string) bool {
	for i := range len(v) {
		if v[i] != 0 {
			return false
		}
	}
	return true
}
