package api

import (
	"bytes"

	"holdfast/bgp"
)

// This file is the short way: what a helper says by the million is recognised
// by its bytes, and gives what the grammar gave for the same words before. It
// takes only lines that it knows entirely; all others, and all errors, are the
// grammar's.

// cut takes a word off the start of s.
func cut(s []byte, word string) ([]byte, bool) {
	if len(s) < len(word) || string(s[:len(word)]) != word {
		return s, false
	}
	return s[len(word):], true
}

// verb takes "announce " or "withdraw " off the start of s.
func verb(s []byte) (Kind, []byte) {
	if rest, ok := cut(s, "announce "); ok {
		return Announce, rest
	}
	if rest, ok := cut(s, "withdraw "); ok {
		return Withdraw, rest
	}
	return Nothing, s
}

// fast adds the items of a line that it knows, and says whether it did.
func (p *Parser) fast(b *Batch, line []byte) bool {
	peers, line := p.knownPeers(line)
	kind, rest := verb(line)
	if kind == Nothing || peers == nil && p.API == 6 {
		return false
	}
	if r, ok := cut(rest, "route "); ok {
		return p.fastRoute(b, kind, peers, r)
	}
	if r, ok := cut(rest, "attributes "); ok {
		return p.fastAttributes(b, kind, peers, r)
	}
	return false
}

// fastRoute knows "10.1.2.3/32 next-hop 10.99.0.1 …" when what stands behind
// the prefix was said before.
func (p *Parser) fastRoute(b *Batch, kind Kind, peers *Selector, s []byte) bool {
	family, at, n := b.prefix(s)
	if n == 0 {
		return false
	}
	t := p.tails(kind, family).get(s[n:])
	if t == nil {
		b.bodies = b.bodies[:at]
		return false
	}
	b.route(kind, peers, family, at, t)
	return true
}

// fastAttributes knows "attributes T nlri P P P" when T was said before.
func (p *Parser) fastAttributes(b *Batch, kind Kind, peers *Selector, s []byte) bool {
	text, list, ok := bytes.Cut(s, []byte(" nlri "))
	if !ok {
		return false
	}
	items, bodies := len(b.Items), len(b.bodies)
	for {
		family, at, n := b.prefix(list)
		if n == 0 {
			break
		}
		t := p.sets(kind, family).get(text)
		if t == nil {
			break
		}
		b.route(kind, peers, family, at, t)
		if n == len(list) {
			return true
		}
		list = list[n+1:]
	}
	b.drop(items)
	b.bodies = b.bodies[:bodies]
	return false
}

// prefix adds the body of the prefix at the start of s, at the place that it
// gives, with the prefix's length in s; 0 when there is none that is canonical.
func (b *Batch) prefix(s []byte) (family bgp.Family, at, n int) {
	at = len(b.bodies)
	if b.bodies, n = appendPrefix4(b.bodies, s); n > 0 {
		return bgp.IPv4Unicast, at, n
	}
	b.bodies, n = appendPrefix6(b.bodies, s)
	return bgp.IPv6Unicast, at, n
}

// route adds the item of a prefix whose body begins at a place in bodies.
func (b *Batch) route(kind Kind, peers *Selector, family bgp.Family, at int, t *tail) {
	it := b.add(kind)
	it.Peers = peers
	it.Route.NLRI.Family = family
	it.Route.NLRI.Body = b.bodies[at:len(b.bodies):len(b.bodies)]
	t.fill(&it.Route)
}

// add gives the next item, of the current command, otherwise empty.
func (b *Batch) add(kind Kind) *Item {
	n := len(b.Items)
	if n == cap(b.Items) {
		b.Items = append(b.Items, Item{})
	} else {
		b.Items = b.Items[:n+1] // Reset and drop leave what is behind empty
	}
	it := &b.Items[n]
	it.Kind, it.Command = kind, b.Commands-1
	return it
}

// drop takes the items from n on back.
func (b *Batch) drop(n int) {
	clear(b.Items[n:])
	b.Items = b.Items[:n]
}
