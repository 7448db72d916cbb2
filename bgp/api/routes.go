package api

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/operational"
	"holdfast/bgp/route"
)

// family reads a route of a family, 0 for one that its words tell.
func (c *call) family(k Kind, f bgp.Family) error {
	d := c.parser.empty()
	if f != 0 {
		if err := d.Begin(f); err != nil {
			return err
		}
	}
	if f == 0 || route.ByPrefix(f) {
		if c.Peek() == "" {
			return c.wish("a prefix")
		}
		if err := d.Prefix(c.Next()); err != nil {
			return err
		}
	}
	if err := c.braced(d, func() bool { return false }); err != nil {
		return err
	}
	return c.put(k, d)
}

// say reads what stands behind the beginning of a route, up to a word that
// stops it or to an ending, and what a group says of all its routes: of two
// values of an attribute, the first counts.
func (c *call) say(d *route.Draft, stop string) error {
	for !c.ends() && c.Peek() != stop {
		if err := d.Word(c); err != nil {
			return err
		}
	}
	return c.share(d)
}

// share says of a route what a group says of all, if there is a group.
func (c *call) share(d *route.Draft) error {
	for s := (words{line: c.line, list: c.common}); s.Peek() != ""; {
		if err := d.Word(&s); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// braced reads what stands behind the beginning of a route. It may have braces and
// semicolons as in a configuration, and words that frame takes: they change
// nothing.
func (c *call) braced(d *route.Draft, frame func() bool) error {
	depth := 0
	for !c.ends() && depth >= 0 {
		if c.brace(&depth) || frame() {
			continue
		}
		if err := d.Word(c); err != nil {
			return err
		}
	}
	if depth > 0 { // what the rest of a cut line would forbid is not to be let through
		return c.wish("}")
	} else if depth < 0 {
		return errors.New("want { before }")
	}
	return c.share(d)
}

// brace takes a brace or a semicolon, if one comes next.
func (c *call) brace(depth *int) bool {
	switch c.Peek() {
	case "{":
		*depth++
	case "}":
		*depth--
	case ";":
	default:
		return false
	}
	c.Next()
	return true
}

// flow reads a flow specification.
func (c *call) flow(k Kind) error {
	d := c.parser.empty()
	if err := d.Begin(bgp.MakeFamily(0, bgp.SAFIFlow)); err != nil {
		return err
	}
	if err := c.braced(d, c.frame); err != nil {
		return err
	}
	return c.put(k, d)
}

// frame takes a word that only says where in a flow specification we are, if one
// comes next.
func (c *call) frame() bool {
	switch c.Peek() {
	case "route":
		if c.Next(); c.ahead() == "{" {
			c.Next() // a name for people
		}
		return true
	case "match", "then", "scope":
	default:
		return false
	}
	c.Next()
	return true
}

// attributes reads "… nlri PREFIX…".
func (c *call) attributes(k Kind) error {
	d := c.parser.empty()
	if err := c.say(d, "nlri"); err != nil {
		return err
	}
	if c.Peek() != "nlri" {
		return c.wish("nlri")
	}
	if c.Next(); c.ends() {
		return c.wish("a prefix")
	}
	for !c.ends() {
		if w := c.Next(); w == "," {
			continue
		} else if err := d.Prefix(w); err != nil {
			return err
		}
	}
	return c.put(k, d)
}

// put adds an item for each route that was said.
func (c *call) put(k Kind, d *route.Draft) (err error) {
	var rs []route.Route
	if k == Withdraw {
		rs, err = d.Withdrawn(nil)
	} else {
		rs, err = d.Routes(nil)
	}
	for _, r := range rs {
		c.add(k).Route = r
	}
	if _, ok := d.Get(attr.NextHop); err != nil && !ok && c.Peek() == "" {
		return &Error{Column: c.at() + 1, Err: err} // there should be more
	}
	return err
}

// watchdog reads the name of a group of routes.
func (c *call) watchdog(k Kind) error {
	name := c.batch.From
	if c.Peek() != "" {
		name = c.Next()
	}
	if name == "" {
		return c.wish("a name")
	}
	c.add(k).Route.Group = name
	return nil
}

func (c *call) eor() (err error) {
	f := bgp.IPv4Unicast
	if !c.ends() {
		f, err = c.pair()
	}
	if err == nil {
		c.add(EOR).Family = f
	}
	return err
}

func (c *call) refresh() error {
	f, err := c.pair()
	if err == nil {
		c.add(Refresh).Family = f
	}
	return err
}

// pair reads the two words of a family.
func (c *call) pair() (bgp.Family, error) {
	if c.Peek() == "" {
		return 0, c.wish("a family like ipv4 unicast")
	}
	afi, safi := c.Next(), c.Next()
	f, ok := bgp.FamilyByWords(afi, safi)
	if !ok {
		return 0, fmt.Errorf("want a family like ipv4 unicast, got %q", strings.TrimSpace(afi+" "+safi))
	}
	return f, nil
}

func (c *call) operational() error {
	if c.Peek() == "" {
		return c.wish(operationalKinds(", "))
	}
	m, err := operational.Say(c.Next(), grammar.Source(c))
	if err == nil {
		c.add(Operational).More = &More{Operational: m}
	}
	return err
}

func operationalKinds(between string) string {
	kinds := make([]string, len(operational.Words))
	for i, w := range operational.Words {
		kinds[i] = w.Word
	}
	return strings.Join(kinds, between)
}

func operationalArgs() string {
	return operationalKinds("|") + " afi AFI safi SAFI [advisory TEXT] [router-id ID] [sequence N] [counter N]"
}

// index reads what is done about routes by what they are, or by their index.
func (c *call) index() error {
	f, afi, err := c.which()
	if err != nil {
		return err
	}
	switch c.Peek() {
	case "list":
		c.Next()
		return c.ask(Question{What: ListRoutes, Families: familiesOf(f, afi)})
	case "add":
		c.Next()
		return c.one(Announce, f, afi)
	case "remove":
		if c.Next(); c.Peek() != "index" {
			return c.one(Withdraw, f, afi)
		}
		c.Next()
		hex := c.Next()
		if hex == "" || strings.Trim(strings.ToLower(hex), "0123456789abcdef") != "" {
			return fmt.Errorf("index: want hexadecimal digits, got %q", hex)
		}
		c.add(RemoveIndex).More = &More{Index: hex}
		return nil
	}
	return c.wish("a family, list, add or remove")
}

// which reads "[AFI [SAFI]]".
func (c *call) which() (f bgp.Family, afi bgp.AFI, err error) {
	word := c.Peek()
	for a := range afis {
		if afis[a] == word {
			afi = a
		}
	}
	if afi == 0 {
		return 0, 0, nil
	}
	if c.Next(); c.Peek() == "list" || c.Peek() == "add" || c.Peek() == "remove" {
		return 0, afi, nil
	}
	f, ok := bgp.FamilyByWords(word, c.Peek())
	if !ok {
		return 0, 0, c.wish("a family like ipv4 unicast, list, add or remove")
	}
	c.Next()
	return f, afi, nil
}

// one reads a route, of unicast where only the address family is said.
func (c *call) one(k Kind, f bgp.Family, afi bgp.AFI) error {
	switch {
	case f.SAFI() == bgp.SAFIFlow:
		return c.flow(k)
	case f == 0 && afi != 0:
		f = bgp.MakeFamily(afi, bgp.SAFIUnicast)
	}
	return c.family(k, f)
}
