package settings

import (
	"errors"
	"strings"
	"time"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

// healthcheck is the section of a gate that says what is run to know whether
// its service is well. The words and numbers are those of ExaBGP's healthcheck.
func (r *reader) healthcheck() *grammar.Node {
	var check health.Check
	longest := time.Hour
	return &grammar.Node{Word: "healthcheck", Help: "gate: a command says often enough in a row that the service is well",
		Open: func(*grammar.Cursor) error {
			check = health.DefaultCheck
			if r.hardware {
				return errNotHardware
			}
			return nil
		},
		Close: func(c *grammar.Cursor) error {
			if check.Command == "" && !c.Failed() {
				return errors.New("want a command")
			}
			r.condition(Condition{Kind: Healthy, Check: check})
			return nil
		},
		Kids: []*grammar.Node{
			{Word: "command", Args: `"TEXT"`, Help: "what a shell runs; its exit status 0 is well", Do: func(c *grammar.Cursor) (err error) {
				check.Command, err = c.One("a command in quotes")
				return err
			}},
			period("interval", "pause between checks (5s)", time.Millisecond, longest, &check.Interval),
			period("fast-interval", "pause while the verdict is about to change (1s)", time.Millisecond, longest, &check.Fast),
			period("timeout", "a command that runs longer is killed, and the service is not well (5s)", time.Millisecond, longest, &check.Timeout),
			times("rise", "how often in a row it is well before the gate opens (3)", &check.Rise),
			times("fall", "how often in a row it is not before the gate closes (3)", &check.Fall),
			{Word: "disable", Args: "PATH", Help: "while this file is there, the gate is closed and nothing is run", Do: func(c *grammar.Cursor) (err error) {
				check.Disable, err = c.One("a path")
				if err == nil && !strings.HasPrefix(check.Disable, "/") {
					err = grammar.Wish("a path from the root", check.Disable)
				}
				return err
			}},
		}}
}

func period(word, help string, lo, hi time.Duration, d *time.Duration) *grammar.Node {
	return &grammar.Node{Word: word, Args: "TIME", Help: help, Do: func(c *grammar.Cursor) (err error) {
		*d, err = c.Duration(lo, hi)
		return err
	}}
}

func times(word, help string, n *int) *grammar.Node {
	return &grammar.Node{Word: word, Args: "1-1000", Help: help, Do: func(c *grammar.Cursor) error {
		v, err := c.Int(1, 1000)
		*n = int(v)
		return err
	}}
}
