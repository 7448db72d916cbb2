package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/route"
)

// command is one row of the API: its words, and what they do.
type command struct {
	words, args, help string
	forPeers          bool // may be said to some peers
	do                func(*call) error
}

// commands are all commands.
var commands = []command{
	{"announce route", "PREFIX next-hop ADDRESS|self …", "announce a route", true, func(c *call) error { return c.family(Announce, 0) }},
	{"withdraw route", "PREFIX …", "withdraw a route", true, func(c *call) error { return c.family(Withdraw, 0) }},
	{"announce attributes", "next-hop ADDRESS|self … nlri PREFIX…", "announce routes that share attributes", true, func(c *call) error { return c.attributes(Announce) }},
	{"withdraw attributes", "… nlri PREFIX…", "withdraw several routes", true, func(c *call) error { return c.attributes(Withdraw) }},
	{"announce attribute", "next-hop ADDRESS|self … nlri PREFIX…", "the same as announce attributes", true, func(c *call) error { return c.attributes(Announce) }},
	{"withdraw attribute", "… nlri PREFIX…", "the same as withdraw attributes", true, func(c *call) error { return c.attributes(Withdraw) }},
	{"announce flow", "route { match { … } then { … } }|WORDS", "announce a flow specification", true, func(c *call) error { return c.flow(Announce) }},
	{"withdraw flow", "route { match { … } }|WORDS", "withdraw a flow specification", true, func(c *call) error { return c.flow(Withdraw) }},
	{"announce vpls", "endpoint N base N offset N size N rd RD next-hop ADDRESS|self …", "announce a VPLS label block", true, func(c *call) error { return c.family(Announce, bgp.L2VPNVPLS) }},
	{"withdraw vpls", "endpoint N base N offset N size N rd RD …", "withdraw a VPLS label block", true, func(c *call) error { return c.family(Withdraw, bgp.L2VPNVPLS) }},
	{"announce evpn", "TYPE …", "announce an EVPN route", true, func(c *call) error { return c.family(Announce, bgp.L2VPNEVPN) }},
	{"withdraw evpn", "TYPE …", "withdraw an EVPN route", true, func(c *call) error { return c.family(Withdraw, bgp.L2VPNEVPN) }},
	{"announce vpn ipv4", "PREFIX rd RD label LABEL next-hop ADDRESS|self …", "announce an IPv4 VPN route", true, func(c *call) error { return c.family(Announce, bgp.IPv4VPN) }},
	{"withdraw vpn ipv4", "PREFIX rd RD …", "withdraw an IPv4 VPN route", true, func(c *call) error { return c.family(Withdraw, bgp.IPv4VPN) }},
	{"announce vpn ipv6", "PREFIX rd RD label LABEL next-hop ADDRESS|self …", "announce an IPv6 VPN route", true, func(c *call) error { return c.family(Announce, bgp.IPv6VPN) }},
	{"withdraw vpn ipv6", "PREFIX rd RD …", "withdraw an IPv6 VPN route", true, func(c *call) error { return c.family(Withdraw, bgp.IPv6VPN) }},
	{"announce watchdog", "NAME", "switch a group of routes on", true, func(c *call) error { return c.group(GroupOn) }},
	{"withdraw watchdog", "NAME", "switch a group of routes off", true, func(c *call) error { return c.group(GroupOff) }},
	{"announce eor", "[AFI SAFI]", "send the End-of-RIB of a family (RFC 4724)", true, (*call).eor},
	{"flush adj-rib out", "", "tell everything again, and what auto-flush holds back", true, func(c *call) error { return c.bare(Flush) }},
	{"rib flush out", "", "the same as flush adj-rib out", true, func(c *call) error { return c.bare(Flush) }},
	{"enable-ack", "", "answer each command with done or error", false, func(c *call) error { return c.bare(AckOn) }},
	{"disable-ack", "", "answer this command and none after it", false, func(c *call) error { return c.bare(AckOff) }},
	{"silence-ack", "", "answer no more commands, not even this one", false, func(c *call) error { return c.bare(AckSilent) }},
	{"session ack enable", "", "the same as enable-ack", false, func(c *call) error { return c.bare(AckOn) }},
	{"session ack disable", "", "the same as disable-ack", false, func(c *call) error { return c.bare(AckOff) }},
	{"session ack silence", "", "the same as silence-ack", false, func(c *call) error { return c.bare(AckSilent) }},
	{"version", "", "say which version runs", false, (*call).version},
	{"system version", "", "the same as version", false, (*call).version},
	{"shutdown", "", "stop the daemon, in order", false, func(c *call) error { return c.bare(Shutdown) }},
	{"daemon shutdown", "", "the same as shutdown", false, func(c *call) error { return c.bare(Shutdown) }},
	{"reload", "", "read the configuration again", false, func(c *call) error { return c.bare(Reload) }},
	{"daemon reload", "", "the same as reload", false, func(c *call) error { return c.bare(Reload) }},
}

// init adds the two commands of each family: "announce ipv4 mup …".
func init() {
	for _, row := range family.Table {
		f := row.Family
		for _, name := range bgp.FamilyNames(f) {
			words := name.AFI + " " + name.SAFI
			args, hop := "WORDS", " next-hop ADDRESS|self …"
			if route.ByPrefix(f) {
				args = "PREFIX"
			}
			commands = append(commands,
				command{"announce " + words, args + hop, "announce a route of " + f.String(), true, func(c *call) error { return c.family(Announce, f) }},
				command{"withdraw " + words, args + " …", "withdraw a route of " + f.String(), true, func(c *call) error { return c.family(Withdraw, f) }})
		}
	}
	root = tree()
}

// step is a word of a command and what may follow it.
type step struct {
	next map[string]*step
	does *command
}

// root is all commands as a tree.
var root *step

func tree() *step {
	r := &step{}
	for i := range commands {
		at := r
		for w := range strings.FieldsSeq(commands[i].words) {
			if at.next == nil {
				at.next = map[string]*step{}
			}
			if at.next[w] == nil {
				at.next[w] = &step{}
			}
			at = at.next[w]
		}
		at.does = &commands[i]
	}
	return r
}

// call is a command that is being read.
type call struct {
	*words
	parser *Parser
	batch  *Batch
	peers  *Selector
	verb   int // where the command begins, behind its peers
}

// run reads the line and adds what it asks for.
func (c *call) run() (err error) {
	if c.peers, err = selector(c.words); err != nil {
		return err
	}
	if c.verb = c.at(); c.peers != nil {
		c.peers = c.parser.same(c.line[:c.verb], c.peers)
	}
	cmd, err := c.find()
	if err != nil {
		return err
	}
	if c.peers != nil && !cmd.forPeers {
		return &Error{Column: c.verb + 1, Err: fmt.Errorf("want announce or withdraw after peers, got %q", cmd.words)}
	}
	if err := cmd.do(c); err != nil {
		return c.fail(err)
	}
	if c.Peek() != "" {
		return c.wish("the end of the command")
	}
	return nil
}

// find walks the tree of commands.
func (c *call) find() (*command, error) {
	at := root
	for at.does == nil {
		n := at.next[c.Peek()]
		if n == nil {
			return nil, c.wish(strings.Join(slices.Sorted(maps.Keys(at.next)), ", "))
		}
		c.Next()
		at = n
	}
	return at.does, nil
}

// add gives the next item, for the peers that were named.
func (c *call) add(k Kind) *Item {
	it := c.batch.add(k)
	it.Peers = c.peers
	return it
}

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
	if err := d.Say(c, ""); err != nil {
		return err
	}
	return c.routes(k, d)
}

// flow reads a flow specification, which may have braces and semicolons as in a
// configuration: they change nothing.
func (c *call) flow(k Kind) error {
	d := c.parser.empty()
	if err := d.Begin(bgp.MakeFamily(0, bgp.SAFIFlow)); err != nil {
		return err
	}
	for c.Peek() != "" {
		switch c.Peek() {
		case "route", "match", "then", "scope", "{", "}", ";":
			if c.Next() == "route" && c.ahead() == "{" {
				c.Next() // a name for people
			}
			continue
		}
		if err := d.Word(c); err != nil {
			return err
		}
	}
	return c.routes(k, d)
}

// attributes reads "… nlri PREFIX…".
func (c *call) attributes(k Kind) error {
	d := c.parser.empty()
	if err := d.Say(c, "nlri"); err != nil {
		return err
	}
	if c.Peek() != "nlri" {
		return c.wish("nlri")
	}
	if c.Next(); c.Peek() == "" {
		return c.wish("a prefix")
	}
	for c.Peek() != "" {
		if w := c.Next(); w == "," {
			continue
		} else if err := d.Prefix(w); err != nil {
			return err
		}
	}
	return c.routes(k, d)
}

// routes adds an item for each route that was said.
func (c *call) routes(k Kind, d *route.Draft) (err error) {
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

func (c *call) group(k Kind) error {
	if c.Peek() == "" {
		return c.wish("a name")
	}
	c.add(k).Route.Group = c.Next()
	return nil
}

func (c *call) eor() error {
	f := bgp.IPv4Unicast
	if c.Peek() != "" {
		afi, safi := c.Next(), c.Next()
		var ok bool
		if f, ok = bgp.FamilyByWords(afi, safi); !ok {
			return fmt.Errorf("want a family like ipv4 unicast, got %q", strings.TrimSpace(afi+" "+safi))
		}
	}
	c.add(EOR).Family = f
	return nil
}

func (c *call) bare(k Kind) error {
	c.add(k)
	return nil
}

func (c *call) version() error {
	if c.parser.Version == "" {
		return errors.New("nobody said which version this is")
	}
	c.batch.Answer(c.batch.Commands-1, c.parser.Version)
	return nil
}
