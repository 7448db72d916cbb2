package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/appliance/generation"
)

const (
	socketHelp = `
  --socket PATH    control socket of the daemon (` + control.DefaultSocket + `)`
	askedHelp = socketHelp + hostHelp + `
  --json           JSON, for programs`
)

// asked are the flags of commands that talk to the daemon.
type asked struct {
	socket *string
	json   *bool
}

func (c *call) asked() asked {
	return asked{c.place(), c.Bool("json", false, "")}
}

var statusVerb = &verb{word: "status", args: "[--json] [--socket PATH] [--host USER@BOX]",
	help: "what the daemon does, and why",
	long: askedHelp + `

Exit code: 0, or 1 if no daemon answers.`,
	run: func(c *call) error {
		a := c.asked()
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		var s appliance.Status
		if err := control.Ask(*a.socket, control.Request{Do: "status"}, &s); err != nil {
			return err
		}
		if *a.json {
			return printJSON(c.out, s)
		}
		printStatus(newPrinter(c.out), s, time.Now())
		return nil
	}}

var explainVerb = &verb{word: "explain", args: "PREFIX [--json] [--socket PATH] [--host USER@BOX]",
	help: "why a prefix is announced or not, to whom, and its last changes",
	long: askedHelp + `

PREFIX is an address or a prefix, as it was announced: 192.0.2.53/32, 2001:db8::53.
Exit code: 0, or 1 if no daemon answers or it knows no such prefix.`,
	run: func(c *call) error {
		a := c.asked()
		args, err := c.parse(1, 1)
		if err != nil {
			return err
		}
		var e appliance.Explanation
		if err := control.Ask(*a.socket, control.Request{Do: "explain", Arg: args[0]}, &e); err != nil {
			return err
		}
		if *a.json {
			return printJSON(c.out, e)
		}
		printExplanation(newPrinter(c.out), e, time.Now())
		return nil
	}}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printStatus(p *printer, s appliance.Status, now time.Time) {
	p.line("%s", p.bold(s.Summary))
	p.line("holdfast %s, process %d, up %s, %s", s.Version, s.PID, age(s.Started, now), s.Config)
	if c := s.Change; c != nil && (c.Generation != 0 || c.Refused != nil || c.State != generation.Good) {
		printChange(p, c, now)
	}
	printWatchdog(p, s.Watchdog, now)
	printDrains(p, s)
	if len(s.Gates) > 0 {
		p.line("")
		printGates(p, s.Gates, now)
	}
	p.line("")
	rows := [][]string{{"NEIGHBOR", "AS", "STATE", "SINCE", "SENT", "RECEIVED", "LAST ERROR"}}
	for _, n := range s.Neighbors {
		rows = append(rows, []string{n.Address, fmt.Sprint(n.AS), p.good(n.State == "ESTABLISHED", n.State, n.State),
			age(n.Since, now), fmt.Sprint(n.Announced), fmt.Sprint(n.Received), n.LastError})
	}
	p.table(rows)
	printHelpers(p, s.Helpers)
	p.line("")
	p.line("loop: %d turns, 99%% within %d µs, longest %d µs; mailbox 99%% within %d µs", s.Loop.Turns, s.Loop.TurnP99, s.Loop.TurnMax, s.Loop.MailboxP99)
	if r := s.Receipts; r.Withdraws+r.Degrades+r.Lost > 0 {
		p.line("withdraws: %d acknowledged, half within %s, 99%% within %s, longest %s; degrades: %d; %d never were", r.Withdraws, micro(r.P50), micro(r.P99), micro(r.Max), r.Degrades, r.Lost)
	}
	if c := s.Checks; c.Total > 0 {
		p.line("checks: %d of %d up, %d without a verdict", c.Up, c.Total, c.Pending)
	}
	p.line("netlink: %d wake-ups, %d listings, %d overruns", s.Netlink.Wakeups, s.Netlink.Listings, s.Netlink.Overruns)
}

func printGates(p *printer, gates []appliance.GateStatus, now time.Time) {
	rows := [][]string{{"GATE", "STATE", "SINCE", "ROUTES", "TOLD", "REASON"}}
	for _, g := range gates {
		name := g.Name
		if name == "" {
			name = "(none)"
		}
		rows = append(rows, []string{name, gateState(p, g.On, g.Rung), age(g.Since, now), fmt.Sprint(g.Routes), g.Degrade, g.Reason + waits(g, now)})
	}
	p.table(rows)
	for _, g := range gates {
		if g.Suspect != "" {
			p.line("%s: %s", g.Name, g.Suspect)
		}
	}
}

// gateState is a gate in one word.
func gateState(p *printer, on bool, rung string) string {
	switch {
	case rung == "drain" && on:
		return p.good(false, "", "draining")
	case rung == "drain":
		return p.good(false, "", "drained")
	case on && rung != "":
		return p.good(false, "", "degraded")
	}
	return p.good(on, "open", "closed")
}

// waits is what time does to a gate.
func waits(g appliance.GateStatus, now time.Time) (s string) {
	if g.Next.After(now) {
		s = fmt.Sprintf(" (next change in %s)", g.Next.Sub(now).Round(time.Second))
	}
	if g.Penalty >= 1 {
		s += fmt.Sprintf(" (flapping: hold-down is %.0fs longer)", g.Penalty)
	}
	return s
}

func printHelpers(p *printer, hs []appliance.HelperStatus) {
	if len(hs) == 0 {
		return
	}
	p.line("")
	rows := [][]string{{"HELPER", "PROCESS", "STARTS", "COMMANDS", "ERRORS", "LOST"}}
	for _, h := range hs {
		process := p.good(false, "", "not running")
		if h.PID != 0 {
			process = fmt.Sprint(h.PID)
		}
		if h.Unit != "" {
			process += " in " + h.Unit
		}
		rows = append(rows, []string{h.Name, process, fmt.Sprint(h.Starts), fmt.Sprint(h.Commands), fmt.Sprint(h.Errors), fmt.Sprint(h.Lost)})
	}
	p.table(rows)
}

func printWatchdog(p *printer, w appliance.WatchdogStatus, now time.Time) {
	switch {
	case !w.Configured:
		p.line("hardware watchdog: none configured; routes are not tied to one")
	case w.Armed:
		p.line("hardware watchdog: %s %s, resets after %gs without feeding, fed %s ago", p.good(true, "armed", ""), w.Device, w.Timeout, age(w.LastFed, now))
	default:
		p.line("hardware watchdog: %s %s: %s", p.good(false, "", "not armed"), w.Device, w.Why)
	}
	if w.ResetByIt {
		p.line("the last reset was the watchdog's")
	}
}

func printConditions(p *printer, cs []appliance.ConditionStatus, indent string) {
	for _, c := range cs {
		how := p.good(c.OK, "holds", "fails")
		if c.Ignored {
			how = "is ignored:"
		}
		class := ""
		if c.Class != "" {
			class = ", " + c.Class
		}
		if c.MayWithdraw {
			class += " and may withdraw"
		}
		if len(c.Of) > 0 {
			c.Why = "" // those in it say it
		}
		p.line("%s%s %s%s%s", indent, how, c.Text, class, because(c.Why))
		printConditions(p, c.Of, indent+"  ")
	}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// age is how long ago something was, short: 4s, 12m, 3h, 2d.
func age(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	switch d := now.Sub(t); {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}
