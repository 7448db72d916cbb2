package api

import (
	"bytes"
	"errors"

	"holdfast/bgp"
)

// Parser reads the commands of one helper. It keeps what it learned of words
// that helpers repeat. It is not for use by two goroutines at once.
type Parser struct {
	Version string // what "version" answers

	route, set [2][2]cache[tail] // by verb and address family; see tails and sets
	peers      cache[*Selector]
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
// its items, or with one that says what is wrong. It never panics, and keeps
// nothing of the line.
func (p *Parser) Line(b *Batch, line []byte) {
	b.Commands++
	line = bytes.TrimSpace(line)
	if !p.fast(b, line) {
		p.full(b, line)
	}
}

func (p *Parser) knownPeers(line []byte) (*Selector, []byte) { return nil, line }

func (p *Parser) full(b *Batch, line []byte) { b.add(Nothing).Err = errors.New("x") }
