package config

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
	"holdfast/bgp/operational"
	"holdfast/bgp/route"
)

// statement is a route that a section is saying.
type statement struct {
	s *scope
	d route.Draft
}

// begin starts a route of a family, 0 for one that its words tell.
func (t *statement) begin(f bgp.Family, c *grammar.Cursor) error {
	if t.d.Reset(); f != 0 {
		if err := t.d.Begin(f); err != nil {
			return err
		}
	}
	if f != 0 && !route.ByPrefix(f) {
		return nil
	}
	p, err := c.One("a prefix")
	if err != nil {
		return err
	}
	return t.d.Prefix(p)
}

// end keeps the route.
func (t *statement) end(c *grammar.Cursor) error {
	if c.Failed() {
		return nil
	}
	at := len(t.s.n.Routes)
	var err error
	if t.s.n.Routes, err = t.d.Routes(t.s.n.Routes); err != nil {
		return err
	}
	added := t.s.n.Routes[at:]
	if len(added) > 0 {
		if f := added[0].NLRI.Family; t.s.routes[f] == (grammar.Pos{}) {
			t.s.routes[f] = c.Start()
		}
	}
	if slices.ContainsFunc(added, func(r route.Route) bool { return r.ForeignHop }) {
		t.s.foreign = append(t.s.foreign, foreign{c.Start(), added[0]})
	}
	return nil
}

// foreign is a route that only some neighbors can be told, and where it stands.
type foreign struct {
	pos   grammar.Pos
	route route.Route
}

// checkHops wants an agreement for each next hop of another address family.
func (s *scope) checkHops() {
	hops := s.n.Hops()
	for _, f := range s.foreign {
		family := f.route.NLRI.Family
		other := bgp.AFIIPv6
		if family.AFI() == bgp.AFIIPv6 {
			other = bgp.AFIIPv4
		}
		if !hops.Has(family, other) {
			s.b.errs = append(s.b.errs, &grammar.Error{Pos: f.pos, Word: "next-hop",
				Err: fmt.Errorf("want an address of the route's own address family or self; section nexthop does not allow another for %s", family)})
		}
	}
}

// checkFamilies wants the neighbor to speak the families of its routes, which
// it would never be told otherwise.
func (s *scope) checkFamilies() {
	for f, pos := range s.routes {
		if !s.wrongFamily && !slices.Contains(s.n.Families, f) {
			s.b.errs = append(s.b.errs, &grammar.Error{Pos: pos, Err: fmt.Errorf("a route of %s, a family that neighbor %s does not have: want it in section family", f, s.n.Peer.Addr())})
		}
	}
}

// word makes a node of a word that is said of the route.
func (t *statement) word(w route.Word) *grammar.Node {
	return set(w.Word, w.Args, w.Help, t.say)
}

func (t *statement) say(c *grammar.Cursor) error {
	if err := t.d.Word(c.Back()); err != nil {
		return &grammar.Error{Pos: c.Pos(), Err: err} // which names the word
	}
	return nil
}

// nameOf is a family's words; of one whose AFI is told by the route, those of
// its kind.
func nameOf(f bgp.Family) string {
	if c := family.Any(f); f.AFI() == 0 && c != nil {
		_, safi, _ := strings.Cut(c.Family.String(), " ")
		return safi
	}
	return f.String()
}

// routeNode is one route of a family, on a line or with a section of its own.
func (s *scope) routeNode(word string, f bgp.Family) *grammar.Node {
	return (&statement{s: s}).node(word, f)
}

// node is the word that says the route.
func (t *statement) node(word string, f bgp.Family) *grammar.Node {
	n := &grammar.Node{Word: word, Args: "PREFIX ATTRIBUTES", Help: "announce a prefix",
		Do: func(c *grammar.Cursor) error {
			if err := t.begin(f, c); err != nil {
				return err
			}
			if err := t.d.Say(c, ""); err != nil {
				return err
			}
			return t.end(c)
		},
		Open: func(c *grammar.Cursor) error {
			if err := t.begin(f, c); err != nil {
				return err
			}
			return t.d.Say(c, "")
		},
		Close: t.end, Kids: []*grammar.Node{}}
	if f != 0 && !route.ByPrefix(f) {
		n.Args, n.Help = "WORDS ATTRIBUTES", "announce a route of "+nameOf(f)
	}
	for _, w := range route.Words(f) {
		n.Kids = append(n.Kids, t.word(w))
	}
	return n
}

func (s *scope) staticNode() *grammar.Node {
	attributes := func(word string) *grammar.Node {
		return set(word, "ATTRIBUTES nlri PREFIXES", "announce prefixes that have their attributes in common", s.attributes)
	}
	kids := []*grammar.Node{s.routeNode("route", 0), attributes("attributes"), attributes("attribute")}
	kids = append(kids, s.routeNode("sr-policy", anyAFI(bgp.SAFISRPolicy)), s.flowNode("flow", anyAFI(bgp.SAFIFlow)), s.routeNode("vpls", bgp.L2VPNVPLS))
	return &grammar.Node{Word: "static", Help: "what is announced from the start", Kids: kids}
}

func (s *scope) attributes(c *grammar.Cursor) error {
	t := statement{s: s}
	if err := t.d.Say(c, "nlri"); err != nil {
		return err
	}
	if c.Next() != "nlri" || !c.More() {
		return grammar.Wish("nlri and prefixes", "")
	}
	for c.More() {
		if err := t.d.Prefix(c.Next()); err != nil {
			return err
		}
	}
	return t.end(c)
}

// anyAFI is a family whose statements tell its address family by what they say.
func anyAFI(s bgp.SAFI) bgp.Family { return bgp.MakeFamily(0, s) }

// announceNode has a section for each address family, with a word for each of
// its families.
func (s *scope) announceNode() *grammar.Node {
	n := &grammar.Node{Word: "announce", Help: "what is announced from the start, by family"}
	sections := map[string]*grammar.Node{}
	for _, c := range family.Table {
		for _, name := range bgp.FamilyNames(c.Family) {
			section := sections[name.AFI]
			if section == nil {
				section = &grammar.Node{Word: name.AFI, Help: "routes of " + name.AFI}
				sections[name.AFI] = section
				n.Kids = append(n.Kids, section)
			}
			section.Kids = append(section.Kids, s.familyRoute(name.SAFI, c.Family))
		}
	}
	return n
}

// familyRoute is the word of a family in such a section.
func (s *scope) familyRoute(word string, f bgp.Family) *grammar.Node {
	if f.SAFI() == bgp.SAFIFlow || f.SAFI() == bgp.SAFIFlowVPN {
		return s.flowNode(word, f)
	}
	return s.routeNode(word, f)
}

func (s *scope) l2vpnNode() *grammar.Node {
	return &grammar.Node{Word: "l2vpn", Help: "layer 2 routes that are announced from the start",
		Kids: []*grammar.Node{s.namedRoute("vpls", bgp.L2VPNVPLS), s.namedRoute("evpn", bgp.L2VPNEVPN)}}
}

// namedRoute is a route whose section may have a name, which is for people: a
// word that says nothing of the route.
func (s *scope) namedRoute(word string, f bgp.Family) *grammar.Node {
	n := s.routeNode(word, f)
	open := n.Open
	n.Open = func(c *grammar.Cursor) error {
		if c.More() && !slices.ContainsFunc(n.Kids, func(k *grammar.Node) bool { return k.Word == c.Peek() }) {
			c.Next()
		}
		return open(c)
	}
	return n
}

// flowSection is "flow { route NAME { … } }".
func (s *scope) flowSection() *grammar.Node {
	return &grammar.Node{Word: "flow", Help: "flow specifications that are announced from the start (RFC 8955)",
		Kids: []*grammar.Node{s.flowNode("route", anyAFI(bgp.SAFIFlow))}}
}

// flowNode is one flow specification: on a line, or with sections of its own
// for what matches and what then happens.
func (s *scope) flowNode(word string, f bgp.Family) *grammar.Node {
	t := &statement{s: s}
	n := t.node(word, f)
	n.Args, n.Help = "NAME|WORDS", "announce a flow specification"
	begin := func(c *grammar.Cursor) error {
		if c.Peek() == "route" {
			c.Next()
		}
		return t.begin(f, c)
	}
	n.Do = func(c *grammar.Cursor) error {
		if err := begin(c); err != nil {
			return err
		}
		if err := t.d.Say(c, ""); err != nil {
			return err
		}
		return t.end(c)
	}
	n.Open = func(c *grammar.Cursor) error {
		err := begin(c)
		if c.More() {
			c.Next() // a name for people
		}
		return err
	}
	n.Close = t.end
	words := route.Words(f)
	for _, part := range [][2]string{{"match", "what packets"}, {"scope", "on which interfaces"}, {"then", "what happens to them"}} {
		section := &grammar.Node{Word: part[0], Help: part[1], Kids: []*grammar.Node{}}
		for _, w := range words {
			// What happens is said by attributes too: they are communities.
			if w.Section == part[0] || w.Section == "" && part[0] == "then" {
				section.Kids = append(section.Kids, t.word(w))
			}
		}
		n.Kids = append(n.Kids, section)
	}
	return n
}

// operationalNode has a word for each kind of message.
func (s *scope) operationalNode() *grammar.Node {
	n := &grammar.Node{Word: "operational", Help: "messages beside routing, sent when a session comes up (draft-ietf-idr-operational-message)"}
	for _, w := range operational.Words {
		n.Kids = append(n.Kids, set(w.Word, w.Args, w.Help, func(c *grammar.Cursor) error {
			m, err := operational.Say(w.Word, c)
			s.n.Operational = append(s.n.Operational, m)
			return err
		}))
	}
	return n
}
