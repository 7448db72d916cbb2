package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

// conditions are the words of a gate that say under which conditions it is open,
// and of the groups of them, which nest.
func (r *reader) conditions() []*grammar.Node {
	leaves := []*grammar.Node{
		r.ofGate("link", "NAME"+whom, "the link is up and running", r.fact(r.link)),
		r.ofGate("address", "PREFIX [on LINK]"+whom, "the address is on this box", r.fact(r.address)),
		r.ofGate("neighbor", "ADDRESS"+whom, "the session with that neighbor is established", r.fact(r.neighbor)),
		r.ofGate("route", "PREFIX from NEIGHBOR"+whom, "the neighbor announces this very prefix", r.fact(r.route)),
		r.ofGate("unit", "NAME active"+whom, "systemd says that the unit is active; a name without a suffix is a service's", r.fact(r.unit)),
		r.ofGate("file", "PATH absent|present"+whom, "the file is not there, or is there", r.fact(r.file)),
		r.check(),
		r.healthcheck(),
	}
	groups := []*grammar.Node{
		r.group("all", "", "all of these hold; checks, and groups again, stand in it too", func(*grammar.Cursor) (int, error) { return 0, nil }),
		r.group("any", "", "at least one of these holds", func(*grammar.Cursor) (int, error) { return 1, nil }),
		r.group("N", "of", "at least so many of these hold: 2 of { … }", numberOf),
	}
	groups[2].Is = isNumber
	kids := slices.Concat(leaves, groups, []*grammar.Node{
		{Word: "class", Args: "local|shared", Help: "whom a failure of the group concerns, whichever of them fails", Do: func(c *grammar.Cursor) (err error) {
			top := &r.groups[len(r.groups)-1]
			top.Class, err = class(c)
			return err
		}},
		{Word: "may-withdraw", Help: "the group is shared, and withdraws all the same", Do: func(*grammar.Cursor) error {
			r.groups[len(r.groups)-1].MayWithdraw = true
			return nil
		}},
	})
	for _, g := range groups {
		g.Kids = kids
	}
	return append(leaves, groups...)
}

// whom is what may stand behind each condition.
const whom = " [class local|shared] [may-withdraw]"

func isNumber(word string) bool {
	_, err := strconv.ParseUint(word, 10, 64)
	return err == nil
}

// numberOf takes "2 of" from its beginning.
func numberOf(c *grammar.Cursor) (int, error) {
	n, err := strconv.Atoi(c.Word())
	if err != nil || n < 1 {
		return 1, fmt.Errorf("want how many of them have to hold, at least 1, got %q", c.Word())
	}
	if w := c.Next(); w != "of" {
		return n, grammar.Wish("of", w)
	}
	return n, nil
}

// group is a section of conditions of which some have to hold: need says how
// many, 0 for all.
func (r *reader) group(word, args, help string, need func(*grammar.Cursor) (int, error)) *grammar.Node {
	return &grammar.Node{Word: word, Args: args, Help: "gate: " + help,
		Open: func(c *grammar.Cursor) error {
			n, err := need(c)
			r.groups = append(r.groups, Condition{Kind: Group, Need: n})
			if r.hardware {
				return errNotHardware
			}
			return err
		},
		Close: func(c *grammar.Cursor) error {
			g := r.groups[len(r.groups)-1]
			r.groups = r.groups[:len(r.groups)-1]
			if g.Need == 0 {
				g.Need = len(g.Of)
			}
			switch {
			case c.Failed():
				return nil
			case len(g.Of) == 0:
				return errors.New("want a condition in it")
			case g.Need > len(g.Of):
				return fmt.Errorf("want at most %d of the %d conditions in it", len(g.Of), len(g.Of))
			}
			r.condition(g)
			return g.mayWithdraw()
		}}
}

// condition adds one to the group at hand, or to the gate.
func (r *reader) condition(c Condition) {
	if n := len(r.groups); n > 0 {
		r.groups[n-1].Of = append(r.groups[n-1].Of, c)
		return
	}
	r.g.Conditions = append(r.g.Conditions, c)
}

// fact is a condition in one statement, with whom its failure concerns.
func (r *reader) fact(read func(*grammar.Cursor) (Condition, error)) func(*grammar.Cursor) error {
	return func(c *grammar.Cursor) error {
		cond, err := read(c)
		for err == nil && c.More() {
			switch c.Next() {
			case "class":
				cond.Class, err = class(c)
			case "may-withdraw":
				cond.MayWithdraw = true
			default:
				c.Back() // and whoever reads the statement says what is wrong
				r.condition(cond)
				return cond.mayWithdraw()
			}
		}
		if err != nil {
			return err
		}
		r.condition(cond)
		return cond.mayWithdraw()
	}
}

func class(c *grammar.Cursor) (health.Class, error) {
	switch w, err := c.One("local or shared"); {
	case err != nil:
		return health.Local, err
	case w == "local":
		return health.Local, nil
	case w == "shared":
		return health.Shared, nil
	default:
		return health.Local, grammar.Wish("local or shared", w)
	}
}

// mayWithdraw is what is wrong with a "may-withdraw" of what withdraws anyway.
func (c *Condition) mayWithdraw() error {
	if c.MayWithdraw && c.Class != health.Shared {
		return errors.New("may-withdraw wants class shared beside it: a local failure withdraws anyway")
	}
	return nil
}

func (r *reader) link(c *grammar.Cursor) (Condition, error) {
	name, err := linkName(c)
	return Condition{Kind: LinkUp, Link: name}, err
}

func (r *reader) address(c *grammar.Cursor) (Condition, error) {
	p, err := prefix(c)
	cond := Condition{Kind: HasAddress, Address: p}
	if err == nil && c.Peek() == "on" {
		c.Next()
		cond.Link, err = linkName(c)
	}
	return cond, err
}

func (r *reader) neighbor(c *grammar.Cursor) (Condition, error) {
	a, err := address(c)
	return Condition{Kind: Established, Neighbor: a}, err
}

func (r *reader) route(c *grammar.Cursor) (cond Condition, err error) {
	const want = "a prefix like 0.0.0.0/0"
	cond.Kind = Learned
	s, err := c.One(want)
	if err != nil {
		return cond, err
	}
	if cond.Route, err = netip.ParsePrefix(s); err != nil || cond.Route != cond.Route.Masked() {
		return cond, grammar.Wish(want, s)
	}
	if w := c.Next(); w != "from" {
		return cond, grammar.Wish("from NEIGHBOR", w)
	}
	cond.Neighbor, err = address(c)
	return cond, err
}

// unitSuffixes are the kinds of units that systemd knows.
var unitSuffixes = []string{".service", ".socket", ".target", ".mount", ".automount", ".swap", ".timer", ".path", ".slice", ".scope", ".device"}

func (r *reader) unit(c *grammar.Cursor) (Condition, error) {
	const want = "the name of a unit"
	name, err := c.One(want)
	switch {
	case err != nil:
		return Condition{}, err
	case len(name) > 255 || strings.ContainsFunc(name, notOfUnits):
		return Condition{}, grammar.Wish(want, name)
	}
	if !slices.ContainsFunc(unitSuffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
		name += ".service"
	}
	if w := c.Next(); w != "active" {
		return Condition{}, grammar.Wish("active", w)
	}
	return Condition{Kind: UnitActive, Unit: name}, nil
}

// notOfUnits says that a character is none that names of units have.
func notOfUnits(c rune) bool {
	return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(`:-_.\@`, c)
}

func (r *reader) file(c *grammar.Cursor) (Condition, error) {
	path, err := c.One("a path")
	switch {
	case err != nil:
		return Condition{}, err
	case !strings.HasPrefix(path, "/"):
		return Condition{}, grammar.Wish("a path from the root", path)
	}
	switch w := c.Next(); w {
	case "absent":
		return Condition{Kind: FileAbsent, Path: path}, nil
	case "present":
		return Condition{Kind: FilePresent, Path: path}, nil
	default:
		return Condition{}, grammar.Wish("absent or present", w)
	}
}

// String is the condition as it is written: a check without its times, and a
// group by how many of its conditions have to hold.
func (c Condition) String() string {
	switch c.Kind {
	case LinkUp:
		return "link " + c.Link
	case HasAddress:
		if c.Link == "" {
			return fmt.Sprintf("address %s", c.Address)
		}
		return fmt.Sprintf("address %s on %s", c.Address, c.Link)
	case Established:
		return fmt.Sprintf("neighbor %s", c.Neighbor)
	case FilePresent:
		return fmt.Sprintf("file %s present", c.Path)
	case Healthy:
		return "check " + c.Check.Probe.String()
	case UnitActive:
		return fmt.Sprintf("unit %s active", c.Unit)
	case Learned:
		return fmt.Sprintf("route %s from %s", c.Route, c.Neighbor)
	case Group:
		return c.groupName()
	default:
		return fmt.Sprintf("file %s absent", c.Path)
	}
}

func (c *Condition) groupName() string {
	switch c.Need {
	case len(c.Of):
		return fmt.Sprintf("all of %d", len(c.Of))
	case 1:
		return fmt.Sprintf("any of %d", len(c.Of))
	}
	return fmt.Sprintf("%d of %d", c.Need, len(c.Of))
}
