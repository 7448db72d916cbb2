package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"holdfast/appliance/control"
	"holdfast/systemd"
)

// ours are the units that belong to this box whatever its configuration says.
var ours = []string{"holdfast*"}

// busLimit bounds what systemd is asked, and a restart: a unit may take its time
// to stop.
const busLimit = 5 * time.Minute

var unitsVerb = &verb{word: "units", args: "[--json] [--socket PATH] [--host USER@BOX]",
	help: "the units of systemd that matter to this box, and how they are",
	long: askedHelp + `

They are Holdfast's own, and those that gates look at: for these the daemon is
asked, if it answers.
Exit code: 0, or 1 if systemd does not answer.`,
	run: func(c *call) error {
		socket, asJSON, host := c.String("socket", control.DefaultSocket, ""), c.Bool("json", false, ""), c.String("host", "", "")
		args := c.args
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if *host != "" {
			return c.onBox("units", *host, without(args, "host"))
		}
		ctx, cancel := context.WithTimeout(context.Background(), busLimit)
		defer cancel()
		var names []string
		_ = control.Ask(*socket, control.Request{Do: "units"}, &names) // without a daemon there are its own
		all, err := systemd.List(ctx, ours, names)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c.out, all)
		}
		printUnits(newPrinter(c.out), all, time.Now())
		return nil
	}}

func printUnits(p *printer, all []systemd.Listed, now time.Time) {
	rows := [][]string{{"UNIT", "STATE", "SINCE", "RESULT", "DESCRIPTION"}}
	for _, u := range all {
		state := fmt.Sprintf("%s (%s)", u.Active, u.Sub)
		if u.Load != "loaded" {
			state = u.Load
		}
		rows = append(rows, []string{u.Name, p.good(u.Active == "active", state, state), age(u.Since, now), u.Result, u.Description})
	}
	p.table(rows)
}

var restartUnitVerb = &verb{word: "restart-unit", args: "NAME [--host USER@BOX]",
	help: "restart a unit of systemd, and wait until it has",
	long: hostHelp + `

NAME without a suffix is a service. Members of group holdfast may restart units
whose names begin with holdfast; for others, systemd asks polkit.
Exit code: 0, or 1 if it did not start: holdfast logs -u NAME says why.`,
	run: func(c *call) error {
		host := c.String("host", "", "")
		all := c.args
		args, err := c.parse(1, 1)
		if err != nil {
			return err
		}
		if *host != "" {
			return c.onBox("restart-unit", *host, without(all, "host"))
		}
		ctx, cancel := context.WithTimeout(context.Background(), busLimit)
		defer cancel()
		name := unitName(args[0])
		if err := systemd.Restart(ctx, name); err != nil {
			return err
		}
		fmt.Fprintln(c.out, "restarted", name)
		return nil
	}}

// unitName has the suffix of a service, if it has none.
func unitName(s string) string {
	if path.Ext(s) == "" || strings.HasSuffix(s, "@") {
		return s + ".service"
	}
	return s
}
