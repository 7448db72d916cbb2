package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/bgp/grammar"
)

// Default is what a configuration without any of our sections means.
func Default() *Settings {
	return &Settings{StopTimeout: DefaultStopTimeout, FirstVerdict: DefaultFirstVerdict, Confirm: unsaid, Drain: Drain{Wait: DefaultDrainWait}}
}

// reader fills Settings while the sections are read.
type reader struct {
	s        *Settings
	hardware bool // the section at hand is the hardware's
	h        Hardware
	g        Gate
	groups   []Condition // those that are open, the innermost last
	rungs    rungs       // of "on-failure"
	seen     map[string]grammar.Pos
	said     map[string]bool // words of the section at hand
}

// Sections are the words "watchdog" and "appliance", which fill s.
func Sections(s *Settings) []*grammar.Node {
	r := &reader{s: s, seen: map[string]grammar.Pos{}}
	return []*grammar.Node{r.watchdog(), r.appliance()}
}

func (r *reader) watchdog() *grammar.Node {
	return &grammar.Node{Word: "watchdog", Args: "NAME", Help: "without a name, the hardware watchdog that every gate stands under; with one, a gate: the conditions under which the routes of that name are announced",
		Open: r.open, Close: r.close,
		Kids: append([]*grammar.Node{
			r.ofHardware("device", "/dev/watchdogN|sim:PATH", "the device, or a simulator's socket", func(c *grammar.Cursor) (err error) {
				r.h.Device, err = c.One("a path")
				return err
			}),
			r.ofHardware("identity", "TEXT", "the device with this identity, whatever its number", func(c *grammar.Cursor) (err error) {
				r.h.Identity, err = c.One("an identity")
				return err
			}),
			r.ofHardware("timeout", "TIME", "the box is reset when nothing has fed the watchdog for so long", func(c *grammar.Cursor) (err error) {
				r.h.Timeout, err = c.Duration(time.Second, 10*time.Minute)
				return err
			}),
			r.ofHardware("pretimeout", "TIME", "the kernel is told so long before", func(c *grammar.Cursor) (err error) {
				r.h.Pretimeout, err = c.Duration(0, 10*time.Minute)
				return err
			}),
			r.ofHardware("policy", "require|prefer", "what if it can't be armed: announce nothing that stands under it, or announce all the same", r.policy),
		}, append(r.conditions(), r.behaviour()...)...)}
}

func (r *reader) open(c *grammar.Cursor) error {
	r.said = map[string]bool{}
	if r.hardware = !c.More(); r.hardware {
		r.h = Hardware{Pos: c.Start(), Timeout: DefaultTimeout}
		if r.s.Hardware != nil {
			return fmt.Errorf("the hardware watchdog has a section already, at %s", r.s.Hardware.Pos)
		}
		return nil
	}
	r.g, r.groups, r.rungs = Gate{Pos: c.Start(), Name: c.Next()}, nil, rungs{}
	if r.g.Name == "" {
		return grammar.Wish("the name of a gate", "")
	}
	if at, ok := r.seen[r.g.Name]; ok {
		return fmt.Errorf("there is a gate %q already, at %s", r.g.Name, at)
	}
	r.seen[r.g.Name] = r.g.Pos
	return nil
}

func (r *reader) close(*grammar.Cursor) error {
	if !r.hardware {
		return r.closeGate()
	}
	h := r.h
	r.s.Hardware = &h
	switch {
	case h.Device == "" && h.Identity == "":
		return errors.New("want device PATH or identity TEXT")
	case h.Pretimeout >= h.Timeout:
		return fmt.Errorf("pretimeout %s has to be less than timeout %s", h.Pretimeout, h.Timeout)
	}
	return nil
}

// ofHardware is a word of "watchdog { … }", which may be said once.
func (r *reader) ofHardware(word, args, help string, do func(*grammar.Cursor) error) *grammar.Node {
	return &grammar.Node{Word: word, Args: args, Help: "hardware: " + help, Do: func(c *grammar.Cursor) error {
		if !r.hardware {
			return errors.New("belongs into watchdog { … } without a name")
		}
		if r.said[word] {
			return errors.New("said twice")
		}
		r.said[word] = true
		return do(c)
	}}
}

func (r *reader) policy(c *grammar.Cursor) error {
	w, err := c.One("require or prefer")
	switch w {
	case "require":
		r.h.Policy = Require
	case "prefer":
		r.h.Policy = Prefer
	default:
		if err == nil {
			err = grammar.Wish("require or prefer", w)
		}
	}
	return err
}

func (r *reader) appliance() *grammar.Node {
	return &grammar.Node{Word: "appliance", Help: "this box", Kids: append([]*grammar.Node{
		{Word: "control-socket", Args: "PATH", Help: "where holdfast status and its like find the daemon", Do: func(c *grammar.Cursor) (err error) {
			r.s.ControlSocket, err = c.One("a path")
			return err
		}},
		{Word: "api-socket", Args: "PATH", Help: "where holdfast cli, and whoever speaks the text API, finds the daemon", Do: func(c *grammar.Cursor) (err error) {
			r.s.APISocket, err = c.One("a path")
			return err
		}},
		{Word: "stop-timeout", Args: "TIME", Help: "how long a stop waits for neighbors to acknowledge the last withdraw", Do: func(c *grammar.Cursor) (err error) {
			r.s.StopTimeout, err = c.Duration(0, 5*time.Minute)
			return err
		}},
		{Word: "first-verdict", Args: "TIME", Help: "how long End-of-RIB waits for the first verdict on every gate", Do: func(c *grammar.Cursor) (err error) {
			r.s.FirstVerdict, err = c.Duration(0, 10*time.Minute)
			return err
		}},
		r.metrics(),
		{Word: "address", Args: "PREFIX on LINK [label NAME]", Help: "an address that this box holds while the daemon runs; one that is there keeps the label that it has", Do: r.hold},
		r.drain(),
		r.provision(),
	}, r.confirm()...)}
}

func (r *reader) hold(c *grammar.Cursor) error {
	p, err := prefix(c)
	if err != nil {
		return err
	}
	a := Address{Prefix: p}
	if w := c.Next(); w != "on" {
		return grammar.Wish("on LINK", w)
	}
	if a.Link, err = linkName(c); err != nil {
		return err
	}
	if c.Peek() == "label" {
		c.Next()
		if a.Label, err = c.One("a label"); err != nil {
			return err
		}
		if !p.Addr().Is4() || len(a.Label) > 15 || a.Label != a.Link && !strings.HasPrefix(a.Label, a.Link+":") {
			return fmt.Errorf("want a label like %s:NAME of at most 15 characters, on an IPv4 address, got %q", a.Link, a.Label)
		}
	}
	if slices.ContainsFunc(r.s.Addresses, func(b Address) bool { return b.Prefix == a.Prefix && b.Link == a.Link }) {
		return fmt.Errorf("%s on %s is said twice", a.Prefix, a.Link)
	}
	r.s.Addresses = append(r.s.Addresses, a)
	return nil
}
