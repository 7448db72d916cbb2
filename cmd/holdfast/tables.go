package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
)

var routesVerb = &verb{word: "routes", args: "[PREFIX] [neighbor ADDRESS] [--json] [--socket PATH] [--host USER@BOX]",
	help: "the routes that are wanted, and who has been told",
	long: askedHelp + `

PREFIX has this one and those that lie in it; neighbor ADDRESS has those that are
for that neighbor. The order is that of the daemon's memory.
Exit code: 0, or 1 if no daemon answers or it knows no such neighbor.`,
	run: func(c *call) error {
		a := c.asked()
		args, err := c.parse(0, 3)
		if err != nil {
			return err
		}
		q, err := routeQuery(args)
		if err != nil {
			return err
		}
		if *a.json {
			return c.routesJSON(*a.socket, q)
		}
		return c.routesTable(*a.socket, q)
	}}

// routesTable prints a row for each route. The route comes last: it is the
// longest, and nothing has to be aligned behind it.
func (c *call) routesTable(socket string, q appliance.RouteQuery) error {
	t := table{printer: newPrinter(c.out)}
	out := bufio.NewWriter(c.out)
	t.out = out
	rows := [][]string{{"FROM", "GATE", "TOLD", "ROUTE"}}
	return pages(socket, q, func(rs []appliance.RouteStatus) error {
		for _, r := range rs {
			rows = append(rows, []string{r.Owner, t.gateOf(r), t.toldOf(r), r.Text})
		}
		t.add(rows)
		rows = rows[:0]
		return out.Flush()
	})
}

func (t *table) gateOf(r appliance.RouteStatus) string {
	if r.Group == "" {
		return "-"
	}
	return r.Group + " " + t.good(r.On, "open", "closed")
}

// toldOf is how many neighbors know of a route, and why the others do not.
func (t *table) toldOf(r appliance.RouteStatus) string {
	count := map[string]int{}
	for _, p := range r.Peers {
		count[p.Told]++
	}
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
	}
	return t.good(count["announced"] == len(r.Peers) && r.On, strings.Join(parts, ", "), cmp.Or(strings.Join(parts, ", "), "no neighbor"))
}

// routeQuery reads "[PREFIX] [neighbor ADDRESS]".
func routeQuery(args []string) (q appliance.RouteQuery, err error) {
	if len(args) > 0 && args[0] != "neighbor" {
		q.Prefix, args = args[0], args[1:]
	}
	switch {
	case len(args) == 0:
		return q, nil
	case len(args) != 2 || args[0] != "neighbor":
		return q, usagef("want [PREFIX] [neighbor ADDRESS], got %q", strings.Join(args, " "))
	}
	a, err := netip.ParseAddr(args[1])
	if err != nil {
		return q, usagef("neighbor: want an address, got %q", args[1])
	}
	q.Neighbor = a.String()
	return q, nil
}

// pages asks for page after page: the daemon holds no more than one of them.
func pages(socket string, q appliance.RouteQuery, f func([]appliance.RouteStatus) error) error {
	for {
		arg, err := json.Marshal(q)
		if err != nil {
			return err
		}
		var p appliance.Page
		if err := control.Ask(socket, control.Request{Do: "routes", Arg: string(arg)}, &p); err != nil {
			return err
		}
		if err := f(p.Routes); err != nil || p.Next == 0 {
			return err
		}
		q.From = p.Next
	}
}

// routesJSON prints an array, each route on a line of its own.
func (c *call) routesJSON(socket string, q appliance.RouteQuery) error {
	out, before := bufio.NewWriter(c.out), "[\n"
	err := pages(socket, q, func(rs []appliance.RouteStatus) error {
		for _, r := range rs {
			b, err := json.Marshal(r)
			if err != nil {
				return err
			}
			out.WriteString(before)
			out.Write(b)
			before = ",\n"
		}
		return out.Flush()
	})
	if err != nil {
		return err
	}
	if before[0] == '[' {
		out.WriteString("[")
	}
	out.WriteString("\n]\n")
	return out.Flush()
}

var neighborsVerb = &verb{word: "neighbors", args: "[ADDRESS] [--json] [--socket PATH] [--host USER@BOX]",
	help: "the neighbors, their sessions and what went over them",
	long: askedHelp + `

With ADDRESS, all that is known of this one.
Exit code: 0, or 1 if no daemon answers or it knows no such neighbor.`,
	run: func(c *call) error {
		a := c.asked()
		args, err := c.parse(0, 1)
		if err != nil {
			return err
		}
		var s appliance.Status
		if err := control.Ask(*a.socket, control.Request{Do: "status"}, &s); err != nil {
			return err
		}
		all := s.Neighbors
		if len(args) > 0 {
			if a, err := netip.ParseAddr(args[0]); err == nil {
				args[0] = a.String() // as the daemon writes it
			}
			all = slices.DeleteFunc(all, func(n appliance.NeighborStatus) bool { return n.Address != args[0] })
			if len(all) == 0 {
				return fmt.Errorf("there is no neighbor %s", args[0])
			}
		}
		switch p := newPrinter(c.out); {
		case *a.json:
			return printJSON(c.out, all)
		case len(args) > 0:
			printNeighbors(p, all, time.Now())
		default:
			p.table(neighborRows(p, all, time.Now()))
		}
		return nil
	}}

func neighborRows(p *printer, all []appliance.NeighborStatus, now time.Time) [][]string {
	rows := [][]string{{"NEIGHBOR", "AS", "STATE", "SINCE", "SESSIONS", "ANNOUNCED", "WITHDRAWN", "RECEIVED", "UPDATES SENT", "UPDATES RECEIVED", "DESCRIPTION"}}
	for _, n := range all {
		rows = append(rows, []string{n.Address, fmt.Sprint(n.AS), p.state(n), age(n.Since, now), fmt.Sprint(n.Sessions), fmt.Sprint(n.Announced),
			fmt.Sprint(n.Withdrawn), fmt.Sprint(n.Received), fmt.Sprint(n.Updates), fmt.Sprint(n.UpdatesIn), n.Description})
	}
	return rows
}

func (p *printer) state(n appliance.NeighborStatus) string {
	return p.good(n.State == "ESTABLISHED", n.State, n.State)
}

// printNeighbors has a line for each thing that is known: sessions of one
// address may be several.
func printNeighbors(p *printer, all []appliance.NeighborStatus, now time.Time) {
	for i, n := range all {
		if i > 0 {
			p.line("")
		}
		caught := "it has been told everything"
		if !n.CaughtUp {
			caught = "there is more to tell"
		}
		for _, f := range [][2]string{
			{"neighbor", p.bold(n.Address)}, {"description", n.Description},
			{"AS", fmt.Sprintf("%d, ours %d", n.AS, n.LocalAS)}, {"router id", n.RouterID},
			{"state", p.state(n) + " for " + age(n.Since, now)}, {"last error", n.LastError},
			{"sessions", fmt.Sprint(n.Sessions)}, {"hold time", fmt.Sprintf("%gs", n.HoldTime)}, {"families", strings.Join(n.Families, ", ")},
			{"sent", fmt.Sprintf("%d announced, %d withdrawn, in %d updates; %s", n.Announced, n.Withdrawn, n.Updates, caught)},
			{"received", fmt.Sprintf("%d routes in %d updates", n.Received, n.UpdatesIn)},
		} {
			if f[1] != "" {
				p.line("%-12s %s", f[0], f[1])
			}
		}
	}
}
