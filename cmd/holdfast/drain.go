package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/appliance/drain"
)

var drainVerb = &verb{word: "drain", args: "[GATE…] [--for TIME] [--reason TEXT] [--wait] [--json] [--socket PATH] [--host USER@BOX]",
	help: "take gates out of service, or the whole box",
	long: `
  --for TIME       it ends by itself, after 30m for example; without, when holdfast
                   undrain ends it
  --reason TEXT    what others are told who ask why
  --wait           until the neighbors have acknowledged the withdraw` + askedHelp + `

Routes are announced with GRACEFUL_SHUTDOWN (RFC 8326) for the time that the
configuration says (appliance { drain { wait 30s; } }), and then withdrawn. That
goes on over a restart and a reboot. What was drained already is not announced
again: its end and its reason are new.
Exit code: 0, or 1 if no daemon answers or there is no such gate.`,
	run: func(c *call) error {
		a := c.asked()
		period := c.String("for", "", "")
		reason := c.String("reason", "", "")
		wait := c.Bool("wait", false, "")
		gates, err := c.parse(0, -1)
		if err != nil {
			return err
		}
		o := appliance.DrainOrder{Gates: gates, Reason: *reason}
		if *period != "" {
			d, err := time.ParseDuration(*period)
			if err != nil || d <= 0 {
				return usagef("--for: want a time like 30m, got %q", *period)
			}
			o.Seconds = d.Seconds()
		}
		d, err := order(*a.socket, "drain", o)
		if err != nil {
			return err
		}
		if *wait {
			err := c.gone(*a.socket, gates, time.Duration(d.Wait*float64(time.Second))+withdrawPatience)
			if err != nil {
				return err
			}
			d.Wait = 0
		}
		return c.printDrained(d, *a.json)
	}}

var undrainVerb = &verb{word: "undrain", args: "[GATE…] [--json] [--socket PATH] [--host USER@BOX]",
	help: "end the drains of gates, or all of them",
	long: askedHelp + `

Exit code: 0, or 1 if no daemon answers or a gate is not drained.`,
	run: func(c *call) error {
		a := c.asked()
		gates, err := c.parse(0, -1)
		if err != nil {
			return err
		}
		d, err := order(*a.socket, "undrain", appliance.DrainOrder{Gates: gates})
		if err != nil {
			return err
		}
		return c.printDrained(d, *a.json)
	}}

// order has the daemon do something about drains.
func order(socket, do string, o appliance.DrainOrder) (d appliance.Drained, err error) {
	arg, err := json.Marshal(o)
	if err != nil {
		return d, err
	}
	return d, control.Ask(socket, control.Request{Do: do, Arg: string(arg)}, &d)
}

// printDrained is what is drained now, and what becomes of it.
func (c *call) printDrained(d appliance.Drained, asJSON bool) error {
	if asJSON {
		return printJSON(c.out, d)
	}
	if len(d.Drains) == 0 {
		fmt.Fprintln(c.out, "nothing is drained")
	}
	for _, x := range d.Drains {
		fmt.Fprintln(c.out, "drained:", drain.Text(x))
	}
	switch {
	case d.Wait > 0:
		fmt.Fprintf(c.out, "announced with GRACEFUL_SHUTDOWN, withdrawn within %gs\n", d.Wait)
	case len(d.Drains) > 0:
		fmt.Fprintln(c.out, "withdrawn")
	}
	if d.Warning != "" {
		fmt.Fprintln(c.err, "holdfast: warning:", d.Warning)
	}
	return nil
}

// printDrains is for the status.
func printDrains(p *printer, s appliance.Status) {
	for _, x := range s.Drains {
		p.line("%s %s", p.good(false, "", "drained:"), drain.Text(x))
	}
}

// How long neighbors have for a withdraw before somebody is told who has not
// acknowledged it, and how often the daemon is asked.
const withdrawPatience = 30 * time.Second

var askAgain = 500 * time.Millisecond

// gone waits until nothing of gates, or nothing at all, is announced, and all
// neighbors have acknowledged that.
func (c *call) gone(socket string, gates []string, limit time.Duration) error {
	arg, err := json.Marshal(appliance.DrainOrder{Gates: gates})
	if err != nil {
		return err
	}
	for end := time.Now().Add(limit); ; time.Sleep(askAgain) {
		var l appliance.Leaving
		if err := control.Ask(socket, control.Request{Do: "leaving", Arg: string(arg)}, &l); err != nil {
			return err
		}
		if len(l.Announced)+len(l.Neighbors) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return stillThere(l)
		}
	}
}

// stillThere is why somebody waits in vain.
func stillThere(l appliance.Leaving) error {
	var parts []string
	for _, g := range l.Announced {
		if g == "" {
			g = "routes without a gate"
		}
		parts = append(parts, "still announced: "+g)
	}
	for _, n := range l.Neighbors {
		parts = append(parts, "not acknowledged by "+n)
	}
	return errors.New(strings.Join(parts, "\n"))
}
