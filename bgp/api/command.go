package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
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
	{"announce route", "PREFIX next-hop ADDRESS|self …", "announce a route", true, func(c *call) error { return c.route(Announce, 0) }},
	{"withdraw route", "PREFIX …", "withdraw a route", true, func(c *call) error { return c.route(Withdraw, 0) }},
	{"announce attributes", "next-hop ADDRESS|self … nlri PREFIX…", "announce routes that share attributes", true, func(c *call) error { return c.attributes(Announce) }},
	{"withdraw attributes", "… nlri PREFIX…", "withdraw several routes", true, func(c *call) error { return c.attributes(Withdraw) }},
	{"announce attribute", "next-hop ADDRESS|self … nlri PREFIX…", "the same as announce attributes", true, func(c *call) error { return c.attributes(Announce) }},
	{"withdraw attribute", "… nlri PREFIX…", "the same as withdraw attributes", true, func(c *call) error { return c.attributes(Withdraw) }},
	{"announce ipv4 unicast", "PREFIX next-hop ADDRESS|self …", "announce an IPv4 route", true, func(c *call) error { return c.route(Announce, bgp.AFIIPv4) }},
	{"withdraw ipv4 unicast", "PREFIX …", "withdraw an IPv4 route", true, func(c *call) error { return c.route(Withdraw, bgp.AFIIPv4) }},
	{"announce ipv6 unicast", "PREFIX next-hop ADDRESS|self …", "announce an IPv6 route", true, func(c *call) error { return c.route(Announce, bgp.AFIIPv6) }},
	{"withdraw ipv6 unicast", "PREFIX …", "withdraw an IPv6 route", true, func(c *call) error { return c.route(Withdraw, bgp.AFIIPv6) }},
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

// step is a word of a command and what may follow it.
type step struct {
	next map[string]*step
	does *command
}

// root is all commands as a tree.
var root = func() *step {
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
}()

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

// route reads "PREFIX …"; afi, if it is not 0, is the family it must have.
func (c *call) route(k Kind, afi bgp.AFI) error {
	d := c.parser.empty()
	if c.Peek() == "" {
		return c.wish("a prefix")
	}
	prefix := d.Prefix
	if afi != 0 {
		prefix = func(s string) error { return d.PrefixOf(afi, s) }
	}
	if err := prefix(c.Next()); err != nil {
		return err
	}
	if err := d.Say(c, ""); err != nil {
		return err
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
