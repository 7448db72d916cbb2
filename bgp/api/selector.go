package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
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
// ExaBGP 4 has it, "peer A" or "peer [A key value, B]" as ExaBGP 6 has it. A
// comma may be followed by the word again or not. nil means that none is named.
func selector(w *words) (*Selector, error) {
	word := w.Peek()
	if word != "neighbor" && word != "peer" {
		return nil, nil
	}
	w.Next()
	closing := ""
	if word == "peer" && w.Peek() == "[" {
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
		set := termKeys[w.Peek()]
		if set == nil {
			return t, nil
		}
		key := w.Next()
		if err := set(&t, w.Next()); err != nil {
			return t, w.fail(fmt.Errorf("%s: %w", key, err))
		}
	}
}

// termKeys are the words that can follow a peer's address.
var termKeys = map[string]func(t *term, value string) error{
	"local-ip": func(t *term, s string) (err error) {
		t.local, err = netip.ParseAddr(s)
		return err
	},
	"local-as": func(t *term, s string) (err error) {
		t.localAS, err = bgp.ParseASN(s)
		t.hasLocalAS = true
		return err
	},
	"peer-as": func(t *term, s string) (err error) {
		t.peerAS, err = bgp.ParseASN(s)
		t.hasPeerAS = true
		return err
	},
	"router-id": func(t *term, s string) (err error) {
		t.routerID, err = bgp.ParseID(s)
		return err
	},
	"family-allowed": func(t *term, s string) error {
		t.families = s
		return nil
	},
}
