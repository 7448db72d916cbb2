package api

import (
	"bytes"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/route"
)

// Parser reads the commands of one helper. It keeps what it learned of words
// that helpers repeat. It is not for use by two goroutines at once.
type Parser struct {
	Version string // what "version" answers, beside ExaBGP's
	UUID    string // what "ping" answers: which life of the daemon this is
	// API is the version of the grammar. 6 takes only the words of version 6; 4
	// and 0 take both, for ExaBGP's own health check says "peer *" whatever the
	// version.
	API int

	route, set [2][2]cache[tail] // by verb and address family; see tails and sets
	peers      cache[*Selector]
	draft      route.Draft
	group      *openGroup // nil: none is open
}

// at is where a verb and a family have their cache: the same words mean
// different things, or none, behind another verb or another kind of prefix.
func at(kind Kind, f bgp.Family) (v, a int) {
	if kind == Withdraw {
		v = 1
	}
	if f == bgp.IPv6Unicast {
		a = 1
	}
	return v, a
}

// tails is what was said behind the prefix of a route.
func (p *Parser) tails(kind Kind, f bgp.Family) *cache[tail] {
	v, a := at(kind, f)
	return &p.route[v][a]
}

// sets is what was said between "attributes" and "nlri".
func (p *Parser) sets(kind Kind, f bgp.Family) *cache[tail] {
	v, a := at(kind, f)
	return &p.set[v][a]
}

// Line adds what a line, without its end, asks for to a batch: one command with
// its items, or with one that says what is wrong. An empty line is no command.
// It never panics, and keeps nothing of the line.
//
// It says whether the line was taken. It is put back, and the batch is as it
// was, when commands are in the batch already and this one has to be alone, or
// ends in "sync" or "async" where the batch is the other. Who calls then hands
// the batch over and calls again with an empty one, which takes every line.
// Batch.Alone says that the batch takes no more lines after this one.
// Batch.Sync is set by the caller, before the first line, to what the session
// is at; a command that ends in "sync" or "async" changes it for its batch.
func (p *Parser) Line(b *Batch, line []byte) bool {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return true
	}
	if b.Alone {
		return false
	}
	b.Commands++
	if line[0] == '#' {
		return true
	}
	if p.group != nil {
		return p.grouped(b, line)
	}
	return p.fast(b, line) || p.full(b, string(line))
}

// grouped reads a line while a group is open.
func (p *Parser) grouped(b *Batch, line []byte) bool {
	g := p.group
	if g.Commands++; g.err != nil || !p.fast(&g.Batch, line) {
		g.Commands--
		return p.full(b, string(line))
	}
	if err := g.count(len(line)); err != nil {
		b.add(Nothing).Err = err
	}
	return true
}

// full reads a line by the tree of commands.
func (p *Parser) full(b *Batch, line string) bool {
	replies := len(b.Replies)
	w, err := split(line)
	c := call{words: &w, parser: p, batch: b, into: b, first: len(b.Items)}
	if err == nil {
		err = c.run()
	}
	if err == nil && c.waits() {
		c.into.drop(c.first)
		b.Replies = b.Replies[:replies]
		b.Commands--
		return false
	}
	if err == nil && c.into != b {
		p.group.Commands++
		err = p.group.count(len(line))
		c.first = min(c.first, len(c.into.Items))
	}
	if err != nil {
		c.into.drop(c.first) // all of a command, or nothing
		b.Replies = b.Replies[:replies]
		b.add(Nothing).Err = err
		return true
	}
	if b.Alone = c.alone; c.sync != "" {
		b.Sync = c.sync == "sync"
	}
	if c.sync == "" && c.form == "" && !strings.ContainsAny(line, "\";,{}") && !strings.Contains(line, "split") {
		p.learn(c.into, c.into.Items[c.first:], []byte(line[c.verb:]))
	}
	return true
}

// learn keeps what the grammar made of the words beside the prefixes, if the
// short way would find the same prefixes in the same places.
func (p *Parser) learn(b *Batch, items []Item, line []byte) {
	for i := range items {
		if f := items[i].Route.NLRI.Family; f != bgp.IPv4Unicast && f != bgp.IPv6Unicast {
			return // which the short way does not know
		}
	}
	kind, rest := verb(line)
	if r, ok := cut(rest, "route "); ok && len(items) == 1 {
		if family, at, n := b.prefix(r); n > 0 && bytes.Equal(b.bodies[at:], items[0].Route.NLRI.Body) {
			p.tails(kind, family).put(r[n:], tailOf(&items[0].Route))
			b.bodies = b.bodies[:at]
		}
		return
	}
	r, ok := cut(rest, "attributes ")
	at := bytes.Index(r, []byte(" nlri "))
	if !ok || at < 0 || at != bytes.LastIndex(r, []byte(" nlri ")) { // a group may have that name
		return
	}
	text := r[:at]
	for i := range items {
		if c := p.sets(kind, items[i].Route.NLRI.Family); c.get(text) == nil {
			c.put(text, tailOf(&items[i].Route))
		}
	}
}

// empty is a draft to fill.
func (p *Parser) empty() *route.Draft {
	p.draft.Reset()
	return &p.draft
}

// same gives the selector that a text had before, or keeps this one.
func (p *Parser) same(text string, s *Selector) *Selector {
	if known := p.peers.get([]byte(text)); known != nil {
		return *known
	}
	p.peers.put([]byte(text), s)
	return s
}

// knownPeers takes peers that were named before off the start of a line.
func (p *Parser) knownPeers(line []byte) (*Selector, []byte) {
	if line[0] != 'n' && line[0] != 'p' {
		return nil, line
	}
	for _, v := range []string{" announce ", " withdraw "} {
		if i := bytes.Index(line, []byte(v)); i > 0 {
			if s := p.peers.get(line[:i+1]); s != nil {
				return *s, line[i+1:]
			}
		}
	}
	return nil, line
}
