package rib

import (
	"net/netip"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
	"holdfast/bgp/wire"
)

// Learned is which of a few prefixes one neighbor announces. Of everything else
// that it says nothing is kept, so this does not grow with what it sends; only
// with the paths of these prefixes, where path identifiers are agreed on.
type Learned struct {
	at map[prefixKey]*heard
}

// Knowledge is what is known of a prefix.
type Knowledge uint8

// The states. A prefix that somebody asks for in the middle of a session may have
// been announced before: nothing is known of it until the neighbor has told
// everything again.
const (
	Unknown Knowledge = iota
	Absent
	Announces
)

func (k Knowledge) String() string { return [...]string{"not known", "absent", "announced"}[k] }

type heard struct {
	prefix netip.Prefix
	paths  map[uint32]bool // those that are there; true: not said again in this refresh
	known  bool
	begun  bool // a refresh has begun since it is asked for (RFC 7313)
}

func (h *heard) knowledge() Knowledge {
	switch {
	case len(h.paths) > 0:
		return Announces
	case h.known:
		return Absent
	}
	return Unknown
}

// prefixKey is a prefix of unicast: 4 or 6, its length and its octets.
type prefixKey [18]byte

// keyOf is the key of a NLRI; false for what is not unicast. Bits behind the
// prefix mean nothing (RFC 4271 section 4.3).
func keyOf(n nlri.Raw) (k prefixKey, ok bool) {
	switch n.Family {
	case bgp.IPv4Unicast:
		k[0] = 4
	case bgp.IPv6Unicast:
		k[0] = 6
	default:
		return k, false
	}
	copy(k[1:], n.Body)
	if bits := int(k[1]); bits%8 > 0 {
		k[2+bits/8] &= 0xff << (8 - bits%8)
	}
	return k, true
}

func keyOfPrefix(p netip.Prefix) prefixKey {
	k := prefixKey{6, byte(p.Bits())}
	if p.Addr().Is4() {
		k[0] = 4
	}
	copy(k[2:], p.Masked().Addr().AsSlice())
	return k
}

// family is that of a prefix that is asked for.
func (k prefixKey) family() bgp.Family {
	if k[0] == 4 {
		return bgp.IPv4Unicast
	}
	return bgp.IPv6Unicast
}

// NewLearned asks for nothing.
func NewLearned() *Learned { return &Learned{at: map[prefixKey]*heard{}} }

// Want asks for these prefixes, and no others any more. What is known of those
// that stay is kept. The new ones, which it gives, are absent, or with live not
// known: then the neighbor may have announced them before.
func (l *Learned) Want(prefixes []netip.Prefix, live bool) (fresh []netip.Prefix) {
	next := make(map[prefixKey]*heard, len(prefixes))
	for _, p := range prefixes {
		k := keyOfPrefix(p)
		if h := l.at[k]; h != nil {
			next[k] = h
		} else if next[k] == nil {
			next[k] = &heard{prefix: p, known: !live}
			fresh = append(fresh, p)
		}
	}
	l.at = next
	return fresh
}

// Know says of a prefix that is not known whether it is there.
func (l *Learned) Know(p netip.Prefix, there bool) {
	if h := l.at[keyOfPrefix(p)]; h != nil {
		if h.known = true; there {
			h.put(0)
		}
	}
}

// Of is what is known of a prefix.
func (l *Learned) Of(p netip.Prefix) Knowledge {
	if h := l.at[keyOfPrefix(p)]; h != nil {
		return h.knowledge()
	}
	return Unknown
}

// All visits the prefixes that are asked for.
func (l *Learned) All(f func(netip.Prefix)) {
	for _, h := range l.at {
		f(h.prefix)
	}
}

// Reset is the end of a session, or the start of one: nothing is announced.
func (l *Learned) Reset() {
	for _, h := range l.at {
		h.paths, h.known, h.begun = nil, true, false
	}
}

// Hear takes what an UPDATE says, and gives the prefixes of which something else
// is known now. Routes that count as withdrawn are (RFC 7606 section 2).
func (l *Learned) Hear(u *wire.Update) (changed []netip.Prefix) {
	if len(l.at) == 0 {
		return nil
	}
	var touched map[*heard]Knowledge
	note := func(n nlri.Raw) *heard {
		k, ok := keyOf(n)
		h := l.at[k]
		if !ok || h == nil {
			return nil
		}
		if touched == nil {
			touched = map[*heard]Knowledge{}
		}
		if _, there := touched[h]; !there {
			touched[h] = h.knowledge()
		}
		return h
	}
	for _, gone := range u.Withdraws() {
		for n := range gone.All() {
			if h := note(n); h != nil {
				delete(h.paths, n.PathID)
				h.known = true
			}
		}
	}
	plain, mp := u.Announced()
	for _, come := range [...]wire.Routes{plain, mp} {
		for n := range come.All() {
			if h := note(n); h != nil {
				h.put(n.PathID)
			}
		}
	}
	for h, before := range touched {
		if h.knowledge() != before {
			changed = append(changed, h.prefix)
		}
	}
	return changed
}

func (h *heard) put(path uint32) {
	if h.paths == nil {
		h.paths = map[uint32]bool{}
	}
	h.paths[path], h.known = false, true
}

// Begin is that the neighbor begins to tell everything of a family again.
func (l *Learned) Begin(f bgp.Family) {
	for k, h := range l.at {
		if k.family() == f {
			h.begun = true
			for path := range h.paths {
				h.paths[path] = true
			}
		}
	}
}

// End is that it has: what it has not said again is gone (RFC 7313 section 4). It
// gives the prefixes of which something else is known now.
func (l *Learned) End(f bgp.Family) (changed []netip.Prefix) {
	for k, h := range l.at {
		if k.family() != f || !h.begun {
			continue
		}
		before := h.knowledge()
		h.known, h.begun = true, false
		for path, stale := range h.paths {
			if stale {
				delete(h.paths, path)
			}
		}
		if h.knowledge() != before {
			changed = append(changed, h.prefix)
		}
	}
	return inOrder(changed)
}

// Settle is that an answer was waited for long enough: what is not known is
// absent. It gives those prefixes.
func (l *Learned) Settle() (changed []netip.Prefix) {
	for _, h := range l.at {
		if h.knowledge() == Unknown {
			h.known = true
			changed = append(changed, h.prefix)
		}
	}
	return inOrder(changed)
}

// inOrder sorts what came out of a map: who is told twice of the same hears the
// same.
func inOrder(ps []netip.Prefix) []netip.Prefix {
	slices.SortFunc(ps, netip.Prefix.Compare)
	return ps
}
