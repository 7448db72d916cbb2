package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// Peer is what a selector can tell peers apart by.
type Peer struct {
	Address, Local  netip.Addr
	LocalAS, PeerAS bgp.ASN
	RouterID        bgp.ID
	// Families is what a session of multi-session is for, as ExaBGP writes it:
	// "ipv4-unicast/ipv6-unicast". Others have "", which is said "in-open".
	Families string
}

// Selector says which peers a command is for: those that any of its terms
// matches. It is not changed once made; equal texts of one Parser give the same
// pointer for as long as it is cached.
type Selector struct{ terms []term }

// term is one "neighbor ADDRESS [key value]…": all that is set has to match.
type term struct {
	any             bool // "*"
	address, local  netip.Addr
	localAS, peerAS bgp.ASN // with hasLocalAS, hasPeerAS
	routerID        bgp.ID  // 0: not said

	hasLocalAS, hasPeerAS bool
	families              string // Peer's, or "in-open"; "": not said
}

// Match says whether the command is for the peer. A nil selector is for every
// peer.
func (s *Selector) Match(p Peer) bool {
	if s == nil {
		return true
	}
	for i := range s.terms {
		if s.terms[i].match(p) {
			return true
		}
	}
	return false
}

func (t *term) match(p Peer) bool {
	return (t.any || t.address == p.Address) &&
		(!t.local.IsValid() || t.local == p.Local) &&
		(!t.hasLocalAS || t.localAS == p.LocalAS) &&
		(!t.hasPeerAS || t.peerAS == p.PeerAS) &&
		(t.routerID == 0 || t.routerID == p.RouterID) &&
		(t.families == "" || t.families == cmp.Or(p.Families, "in-open"))
}

// selector reads whom a command is for: "neighbor A key value, neighbor B" as
// ExaBGP 4 has it, "peer A" or "peer [A key value, B]" as ExaBGP 6 has it. nil
// means that none is named.
func selector(w *words) (*Selector, error) {
	word := w.Peek()
	if word != "neighbor" && word != "peer" {
		return nil, nil
	}
	w.Next()
	return list(w, word)
}

// list reads peers. A comma between them may be followed by the word that they
// began with, or not.
func list(w *words, word string) (*Selector, error) {
	closing := ""
	if word != "neighbor" && w.Peek() == "[" {
		w.Next()
		closing = "]"
	}
	s := &Selector{}
	for {
		t, err := readTerm(w)
		if err != nil {
			return nil, err
		}
		s.terms = append(s.terms, t)
		if w.Peek() != "," {
			break
		}
		if w.Next(); w.Peek() == word {
			w.Next()
		}
	}
	if closing != "" && w.Next() != closing {
		return nil, w.fail(errors.New("want , or ] after a peer"))
	}
	return s, nil
}

// readTerm reads "ADDRESS|* [key value]…".
func readTerm(w *words) (t term, err error) {
	if t.any = w.Peek() == "*"; !t.any {
		if t.address, err = netip.ParseAddr(w.Peek()); err != nil {
			return t, w.wish("an address or *")
		}
	}
	w.Next()
	for {
		k := keyOf(w.Peek())
		if k == nil {
			return t, nil
		}
		w.Next()
		if err := k.set(&t, w.Next()); err != nil {
			return t, w.fail(fmt.Errorf("%s: %w", k.word, err))
		}
	}
}

// termKey is a word that can follow a peer's address.
type termKey struct {
	word, arg string
	set       func(t *term, value string) error
}

var termKeys = []termKey{
	{"local-ip", "ADDRESS", func(t *term, s string) (err error) {
		if t.local, err = netip.ParseAddr(s); err != nil {
			return grammar.Wish("an address", s)
		}
		return nil
	}},
	{"local-as", "ASN", func(t *term, s string) (err error) {
		t.localAS, err = bgp.ParseASN(s)
		t.hasLocalAS = true
		return err
	}},
	{"peer-as", "ASN", func(t *term, s string) (err error) {
		t.peerAS, err = bgp.ParseASN(s)
		t.hasPeerAS = true
		return err
	}},
	{"router-id", "ID", func(t *term, s string) (err error) {
		t.routerID, err = bgp.ParseID(s)
		return err
	}},
	{"family-allowed", "AFI-SAFI/…|in-open", func(t *term, s string) error {
		t.families = s
		return nil
	}},
}

func keyOf(word string) *termKey {
	for i := range termKeys {
		if termKeys[i].word == word {
			return &termKeys[i]
		}
	}
	return nil
}
