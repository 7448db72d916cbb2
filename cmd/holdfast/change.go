package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/appliance/generation"
)

const waitHelp = `
  --wait           wait until it has proven itself, or has been rolled back`

var reloadVerb = &verb{word: "reload", args: "[--wait] [--again] [--socket PATH] [--host USER@BOX]",
	help: "read the configuration again; an error changes nothing",
	long: waitHelp + `
  --again          read it although something else has taken its place since it
                   changed: a bundle, or a rollback` + socketHelp + hostHelp + `

A configuration that does not prove itself in time is rolled back: see "confirm"
in the configuration's section appliance.

Exit code: 0, or 1 if it has an error, or, with --wait, was not kept.`,
	run: func(c *call) error {
		again := c.Bool("again", false, "")
		return c.change(0, 0, func([]string) control.Request {
			q := control.Request{Do: "reload"}
			if *again {
				q.Arg = "again"
			}
			return q
		})
	}}

var rollbackVerb = &verb{word: "rollback", args: "[N] [--wait] [--socket PATH] [--host USER@BOX]",
	help: "go back to the last good configuration, or to generation N",
	long: waitHelp + socketHelp + hostHelp + `

Without N, what is being tried is rolled back; if nothing is, it is what is at
work, to the good generation before it. That has to prove itself like any change.
The configuration file stays as it is. It is read again when it has changed, or
by holdfast reload --again.

Exit code: 0, or 1 if there is no such generation, or, with --wait, it was not
kept.`,
	run: func(c *call) error {
		return c.change(0, 1, func(args []string) control.Request {
			return control.Request{Do: "rollback", Arg: strings.Join(args, "")}
		})
	}}

// change asks for a change, and waits for its outcome if that is wanted.
func (c *call) change(min, max int, request func(args []string) control.Request) error {
	a := c.asked()
	wait := c.Bool("wait", false, "")
	args, err := c.parse(min, max)
	if err != nil {
		return err
	}
	var done appliance.Applied
	if err := control.Ask(*a.socket, request(args), &done); err != nil {
		return err
	}
	if !*wait || done.Change == 0 {
		fmt.Fprintln(c.out, done.Text)
		return nil
	}
	o, err := outcome(*a.socket, done.Change)
	switch {
	case err != nil:
		return err
	case o.State != appliance.Kept:
		return fmt.Errorf("%s: %s", o.State, o.Why)
	case o.Generation == 0:
		fmt.Fprintln(c.out, "kept")
	default:
		fmt.Fprintf(c.out, "kept as generation %d\n", o.Generation)
	}
	return nil
}

// outcome waits for what becomes of a change.
func outcome(socket string, change uint64) (*appliance.Outcome, error) {
	for {
		var o *appliance.Outcome
		if err := control.Ask(socket, control.Request{Do: "outcome", Arg: fmt.Sprint(change)}, &o); err != nil || o != nil {
			return o, err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

var diffVerb = &verb{word: "diff", args: "[A [B]] [--json] [--socket PATH] [--host USER@BOX]",
	help: "what differs between two configurations, without their keys",
	long: askedHelp + `

A and B are numbers of generations, "running" or "file". Without B it is from A to
what is at work, without both from that to the file as it is now.

Exit code: 0, or 1 if a configuration is not valid or not there.`,
	run: func(c *call) error {
		a := c.asked()
		args, err := c.parse(0, 2)
		if err != nil {
			return err
		}
		var d appliance.Difference
		if err := control.Ask(*a.socket, control.Request{Do: "diff", Arg: strings.Join(args, " ")}, &d); err != nil {
			return err
		}
		if *a.json {
			return printJSON(c.out, d)
		}
		for _, line := range d.Meaning {
			fmt.Fprintln(c.out, line)
		}
		fmt.Fprint(c.out, d.Text)
		return nil
	}}

var generationsVerb = &verb{word: "generations", args: "[--json] [--socket PATH] [--host USER@BOX]",
	help: "the configurations that are kept, and what became of them",
	long: askedHelp + `

Exit code: 0, or 1 if no daemon answers.`,
	run: func(c *call) error {
		a := c.asked()
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		var g appliance.Generations
		if err := control.Ask(*a.socket, control.Request{Do: "generations"}, &g); err != nil {
			return err
		}
		if g.Current == nil {
			return errors.New("the daemon does not know its configuration")
		}
		if *a.json {
			return printJSON(c.out, g)
		}
		printGenerations(newPrinter(c.out), g, time.Now())
		return nil
	}}

func printGenerations(p *printer, g appliance.Generations, now time.Time) {
	printChange(p, g.Current, now)
	if len(g.Kept) == 0 {
		p.line("none is kept on a disk: there is no state-directory")
		return
	}
	p.line("")
	rows := [][]string{{"GENERATION", "STATE", "CAME", "FROM", "DIGEST", "WHY"}}
	for _, r := range g.Kept {
		state, why := string(r.State), r.Why
		if r.Damage != "" {
			state, why = "damaged", r.Damage
		}
		number := fmt.Sprint(r.Number)
		if r.Number == g.Current.Generation {
			number += " at work"
		}
		rows = append(rows, []string{number, p.good(state == string(generation.Good), state, state), age(r.At, now) + " ago", r.Source, short(r.Digest), why})
	}
	p.table(rows)
}

// printChange says which configuration is at work, and which is not.
func printChange(p *printer, s *appliance.ChangeStatus, now time.Time) {
	if s == nil {
		return
	}
	is := s.Source
	if s.Generation != 0 {
		is = fmt.Sprintf("generation %d, from %s", s.Generation, s.Source)
	}
	if s.State == generation.Trying {
		p.line("configuration: %s, is being tried for another %s", is, age(now, s.Until))
		for _, m := range s.Missing {
			p.line("  still: %s", m)
		}
	} else {
		p.line("configuration: %s, %s", is, s.State)
	}
	if r := s.Refused; r != nil {
		p.line("%s", p.good(false, "", fmt.Sprintf("%s is not at work (%s ago):", r.Source, age(r.At, now))))
		lines := r.Places
		if len(lines) == 0 {
			lines = []string{r.Why}
		}
		for _, l := range lines {
			p.line("  %s", l)
		}
	}
}

// short is the beginning of a digest, enough to tell.
func short(digest string) string { return digest[:min(12, len(digest))] }
