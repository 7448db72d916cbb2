package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

var errNotHardware = errors.New("belongs into watchdog NAME { … }")

// ofGate is a word of "watchdog NAME { … }".
func (r *reader) ofGate(word, args, help string, do func(*grammar.Cursor) error) *grammar.Node {
	return &grammar.Node{Word: word, Args: args, Help: "gate: " + help, Do: func(c *grammar.Cursor) error {
		if r.hardware {
			return errNotHardware
		}
		return do(c)
	}}
}

// once is a section of a gate that may be there once.
func (r *reader) once(n *grammar.Node, open func()) *grammar.Node {
	n.Help = "gate: " + n.Help
	n.Open = func(c *grammar.Cursor) error {
		open()
		switch {
		case r.hardware:
			return errNotHardware
		case r.said[n.Word]:
			return errors.New("said twice")
		}
		r.said[n.Word] = true
		return nil
	}
	return n
}

// behaviour are the words of a gate that say what happens when conditions fail
// and hold again.
func (r *reader) behaviour() []*grammar.Node {
	return []*grammar.Node{
		r.ofGate("hold-down", "TIME", "after a failure, all conditions hold for so long before the gate opens again", func(c *grammar.Cursor) (err error) {
			r.g.HoldDown, err = c.Duration(0, longestTime)
			return err
		}),
		r.ofGate("recover", "TIME", "behind the hold-down, each rung of on-failure takes so long on the way back up (0: at once)", func(c *grammar.Cursor) (err error) {
			r.g.Back, err = c.Duration(0, longestTime)
			return err
		}),
		r.onFailure(),
		r.flap(),
	}
}

// longestTime bounds all times of a gate.
const longestTime = 24 * time.Hour

// What the penalty of a gate is made of if "flap" does not say it.
var defaultFlap = Flap{Hold: 5 * time.Second, Longest: 10 * time.Minute, HalfLife: 5 * time.Minute}

func (r *reader) flap() *grammar.Node {
	return r.once(&grammar.Node{Word: "flap", Help: "a gate that fails often has a longer hold-down",
		Close: func(*grammar.Cursor) error {
			if r.g.Flap.Hold > r.g.Flap.Longest {
				return fmt.Errorf("hold %s is more than longest %s", r.g.Flap.Hold, r.g.Flap.Longest)
			}
			return nil
		},
		Kids: []*grammar.Node{
			period("hold", "each failure makes the hold-down so much longer (5s)", time.Millisecond, longestTime, &r.g.Flap.Hold),
			period("longest", "and never longer than this (10m)", time.Millisecond, longestTime, &r.g.Flap.Longest),
			period("half-life", "half of what was added is gone after this (5m)", time.Second, longestTime, &r.g.Flap.HalfLife),
		}}, func() { r.g.Flap = defaultFlap })
}

func period(word, help string, lo, hi time.Duration, d *time.Duration) *grammar.Node {
	return &grammar.Node{Word: word, Args: "TIME", Help: help, Do: func(c *grammar.Cursor) (err error) {
		*d, err = c.Duration(lo, hi)
		return err
	}}
}

func (r *reader) closeGate() error {
	g := r.g
	r.s.Gates = append(r.s.Gates, g)
	if g.Flap.Hold > 0 && g.Flap.Longest < g.HoldDown {
		return fmt.Errorf("flap: longest %s is less than hold-down %s", g.Flap.Longest, g.HoldDown)
	}
	return nil
}

// Check warns of what is valid and probably not meant: a gate of no route, one
// that opens without its address on the box, and gates that nothing ties to the
// hardware.
func (s *Settings) Check(groups []string) (ws []*grammar.Error) {
	for i := range s.Gates {
		g := &s.Gates[i]
		warn := func(format string, args ...any) {
			ws = append(ws, &grammar.Error{Pos: g.Pos, Word: "watchdog", Err: fmt.Errorf(format, args...)})
		}
		if !slices.Contains(groups, g.Name) {
			warn("no configured route carries watchdog %s", g.Name)
		}
		if !g.has(func(c *Condition) bool { return c.Kind == HasAddress }) {
			warn("gate %s opens whether or not its address is on this box: there is no address in it", g.Name)
		}
		if s.Hardware == nil {
			warn("gate %s stands under no hardware watchdog: there is no watchdog { device …; }", g.Name)
		}
		g.checkLadder(warn)
	}
	return ws
}

// CheckNeighbors warns of gates that wait for somebody who is no neighbor: they
// never open.
func (s *Settings) CheckNeighbors(known func(netip.Addr) bool) (ws []*grammar.Error) {
	for i := range s.Gates {
		g := &s.Gates[i]
		for c := range g.Leaves() {
			if c.Neighbor.IsValid() && !known(c.Neighbor) {
				ws = append(ws, &grammar.Error{Pos: g.Pos, Word: "watchdog", Err: fmt.Errorf("gate %s wants %s, and the configuration has no such neighbor", g.Name, c)})
			}
		}
	}
	return ws
}

// checkLadder warns of failures that change less than one would think.
func (g *Gate) checkLadder(warn func(string, ...any)) {
	degrades := g.Floor() > 0
	if shared := g.shared(g.Conditions); shared != nil && !degrades {
		warn("gate %s has a shared condition, %s, and no rung of on-failure that degrades: if it fails, the routes stay announced as they are", g.Name, shared)
	}
	if g.Back > 0 && !degrades {
		warn("gate %s has no rung of on-failure that degrades: there is nothing to recover by", g.Name)
	}
	if n := len(g.Ladder); n > 0 && !g.Ladder[n-1].Withdraw {
		warn("gate %s is never withdrawn for its conditions once it has been open: on-failure has no withdraw", g.Name)
	}
}

// Floor is how many rungs of the ladder leave the routes announced.
func (g *Gate) Floor() int {
	n := len(g.Ladder)
	if n > 0 && g.Ladder[n-1].Withdraw {
		n--
	}
	return n
}

func (g *Gate) has(f func(*Condition) bool) bool {
	for c := range g.Leaves() {
		if f(c) {
			return true
		}
	}
	return false
}

// shared finds a condition whose failure never withdraws.
func (g *Gate) shared(cs []Condition) *Condition {
	for i := range cs {
		c := &cs[i]
		if c.Class == health.Shared && !c.MayWithdraw {
			return c
		}
		if in := g.shared(c.Of); in != nil {
			return in
		}
	}
	return nil
}
