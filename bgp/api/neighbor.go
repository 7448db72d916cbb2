package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
)

// teardown reads "[ADDRESS] SUBCODE".
func (c *call) teardown() error {
	c.peerAddress()
	n, err := grammar.Uint(c, 255)
	if err != nil {
		return err
	}
	c.add(Teardown).More = &More{Subcode: uint8(n)}
	return nil
}

// remove reads which peers go.
func (c *call) remove() (err error) {
	if c.peers, err = list(c.words, ""); err == nil {
		c.add(DeletePeer)
	}
	return err
}

// section is a section "neighbor" of a configuration while it is being said.
type section struct {
	address    string
	statements []string
	said       map[string]bool
	processes  []string
}

// create reads a peer, and makes the section of it that a configuration has.
func (c *call) create() error {
	a, err := grammar.Addr(c)
	if err != nil {
		return err
	}
	s := section{address: a.String(), said: map[string]bool{}}
	for !c.ends() {
		word := c.Next()
		set, ok := creates[word]
		if !ok {
			return fmt.Errorf("want %s, got %q", strings.Join(createWords, ", "), word)
		}
		if err := set(&s, c); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	for _, word := range []string{"local-address", "local-as", "peer-as"} {
		if !s.said[word] {
			return c.wish(word)
		}
	}
	if s.processes == nil && c.batch.From != "" {
		s.processes = []string{c.batch.From}
	}
	c.add(CreatePeer).More = &More{Neighbor: s.text()}
	return nil
}

func (s *section) put(word, value string) {
	s.said[word] = true
	s.statements = append(s.statements, word+" "+value+";")
}

func (s *section) text() string {
	if s.processes != nil {
		s.put("api", "{ processes [ "+strings.Join(s.processes, " ")+" ]; }")
	}
	return "neighbor " + s.address + " { " + strings.ReplaceAll(strings.Join(s.statements, " "), "};", "}") + " }"
}

// createWords are what a new peer can be told by, and creates what they do.
var (
	createWords = []string{"local-address", "local-ip", "local-as", "peer-as", "router-id", "family-allowed", "graceful-restart", "group-updates", "api"}
	creates     = map[string]func(s *section, c *call) error{
		"local-address": (*section).local,
		"local-ip":      (*section).local,
		"local-as":      checked("local-as", "an AS number", func(w string) error { _, err := bgp.ParseASN(w); return err }),
		"peer-as":       checked("peer-as", "an AS number", func(w string) error { _, err := bgp.ParseASN(w); return err }),
		"router-id":     checked("router-id", "a router-id", func(w string) error { _, err := bgp.ParseID(w); return err }),
		"group-updates": checked("group-updates", "true or false", func(w string) error {
			if w != "true" && w != "false" {
				return grammar.Wish("true or false", w)
			}
			return nil
		}),
		"graceful-restart": (*section).restart,
		"family-allowed":   (*section).families,
		"api":              (*section).api,
	}
)

// checked makes a statement of a word and its value.
func checked(word, want string, check func(string) error) func(*section, *call) error {
	return func(s *section, c *call) error {
		w, err := grammar.Value(c, want)
		if err == nil {
			err = check(w)
		}
		if err == nil && s.said[word] {
			err = errors.New("is said twice")
		}
		if err == nil {
			s.put(word, w)
		}
		return err
	}
}

func (s *section) local(c *call) error {
	a, err := grammar.Addr(c)
	if err == nil {
		s.put("local-address", a.String())
	}
	return err
}

func (s *section) restart(c *call) error {
	n, err := grammar.Uint(c, 4095)
	if err == nil {
		s.put("capability", fmt.Sprintf("{ graceful-restart %d; }", n))
	}
	return err
}

// families reads "ipv4-unicast/ipv6-nlri-mpls", where names have the same sign
// in them that stands between them, or "in-open": all.
func (s *section) families(c *call) error {
	w, err := grammar.Value(c, "families")
	if err != nil || w == "in-open" {
		return err
	}
	var b strings.Builder
	for name := range strings.SplitSeq(w, "/") {
		f, ok := familyNamed(name)
		if !ok {
			return fmt.Errorf("want in-open or families like ipv4-unicast/ipv6-nlri-mpls, got %q", name)
		}
		b.WriteString(" " + f.String() + ";")
	}
	s.put("family", "{"+b.String()+" }")
	return nil
}

func familyNamed(name string) (bgp.Family, bool) {
	for _, row := range family.Table {
		is := func(n bgp.Name) bool { return n.AFI+"-"+n.SAFI == name }
		if slices.ContainsFunc(bgp.FamilyNames(row.Family), is) {
			return row.Family, true
		}
	}
	return 0, false
}

// api reads the names of processes, up to the next word that is none.
func (s *section) api(c *call) error {
	add := func(w string) error {
		s.processes = append(s.processes, grammar.Quote(w))
		return nil
	}
	if err := grammar.Items(c, "a process", add); err != nil {
		return err
	}
	for !c.ends() && !slices.Contains(createWords, c.Peek()) {
		if err := grammar.Items(c, "a process", add); err != nil {
			return err
		}
	}
	return nil
}
