package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/appliance"
)

// block is lines that belong together; those that are cut first are the last.
type block struct {
	lines []string
	least int // so many stay
}

// lines is the whole view: high of them at most, none wider than wide.
func (v *topView) lines(p *printer, now time.Time, wide, high int) []string {
	blocks := []block{v.head(p, now), v.gates(p, now), v.checks(p), v.sessions(p, now), v.machine(), v.last(p)}
	squeeze(blocks, high)
	var all []string
	for _, b := range blocks {
		for _, l := range b.lines {
			all = append(all, p.cut(l, wide))
		}
	}
	return all[:min(len(all), max(high, 1))]
}

// squeeze takes lines from the longest block, until all fit.
func squeeze(blocks []block, high int) {
	all := 0
	for _, b := range blocks {
		all += len(b.lines)
	}
	cuts := make([]int, len(blocks))
	for ; all > high; all-- {
		at, most := -1, 0
		for i, b := range blocks {
			if n := len(b.lines) - cuts[i] - b.least; n > most {
				at, most = i, n
			}
		}
		if at < 0 {
			return
		}
		cuts[at]++
	}
	for i, n := range cuts {
		if b := &blocks[i]; n > 0 {
			b.lines = b.lines[:len(b.lines)-n]
			if last := len(b.lines) - 1; last >= b.least && last > 0 {
				b.lines[last] = fmt.Sprintf("  … %d more", n+1)
			}
		}
	}
}

// rowsOf is a table as lines, with an empty one before it.
func rowsOf(p *printer, rows [][]string) []string {
	if len(rows) < 2 {
		return nil
	}
	var b bytes.Buffer
	q := *p
	q.out, q.terminal = &b, true
	q.table(rows)
	return append([]string{""}, strings.Split(strings.TrimRight(b.String(), "\n"), "\n")...)
}

// head is the box in a few lines.
func (v *topView) head(p *printer, now time.Time) block {
	s := &v.status
	lines := []string{p.bold("holdfast " + plain(s.Version) + "  up " + age(s.Started, now) + "  " + now.Local().Format(time.TimeOnly)), plain(s.Summary)}
	w := s.Watchdog
	switch {
	case !w.Configured:
		lines = append(lines, "watchdog  none configured")
	case w.Armed:
		lines = append(lines, fmt.Sprintf("watchdog  %s, fed %.1fs ago, resets after %gs; by %s", p.good(true, "armed", ""), max(now.Sub(w.LastFed), 0).Seconds(), w.Timeout, plain(strings.Join(w.FedWitness, ", "))))
	default:
		lines = append(lines, fmt.Sprintf("watchdog  %s: %s", p.good(false, "", "not armed"), plain(w.Why)))
	}
	for _, d := range s.Drains {
		what, end := d.Gate, "until somebody ends it"
		if what == "" {
			what = "this box"
		}
		if !d.Until.IsZero() {
			end = "for " + max(d.Until.Sub(now), 0).Round(time.Second).String() + " more"
		}
		lines = append(lines, fmt.Sprintf("drain     %s %s%s", plain(what), end, because(plain(d.Reason))))
	}
	return block{lines, 3 + min(len(s.Drains), 2)}
}

// keptBad is how many rows of what is not well stay in any case.
const keptBad = 4

// gates has those first that are not simply open.
func (v *topView) gates(p *printer, now time.Time) block {
	worse := func(g appliance.GateStatus) int {
		switch {
		case !g.On:
			return 0
		case g.Rung != "":
			return 1
		case g.Suspect != "":
			return 2
		}
		return 3
	}
	gates := slices.Clone(v.status.Gates)
	slices.SortStableFunc(gates, func(a, b appliance.GateStatus) int { return cmp.Compare(worse(a), worse(b)) })
	rows, bad := [][]string{{"GATE", "STATE", "SINCE", "RUNG", "REASON"}}, 0
	for _, g := range gates {
		if worse(g) < 3 {
			bad++
		}
		why := g.Reason
		if g.Suspect != "" {
			why = strings.TrimPrefix(why+"; "+g.Suspect, "; ")
		}
		rows = append(rows, []string{plain(cmp.Or(g.Name, "(none)")), gateState(p, g.On, g.Rung), age(g.Since, now), plain(g.Rung), plain(why) + waits(g, now)})
	}
	return block{rowsOf(p, rows), 3 + min(bad, keptBad)}
}

// checks are those that are not up: they are about to change something, or have.
func (v *topView) checks(p *printer) block {
	c := &v.status.Checks
	if c.Total == 0 {
		return block{}
	}
	lines := []string{"", fmt.Sprintf("checks    %d of %d up, %d without a verdict", c.Up, c.Total, c.Pending)}
	for _, n := range c.NotUp {
		lines = append(lines, fmt.Sprintf("  %s  %s (%s)", p.good(n.State == "init", n.State, n.State), plain(n.Check+" "+n.Text), plain(strings.Join(n.Gates, ", "))))
	}
	return block{lines, 2 + min(len(c.NotUp), 2)}
}

// sessions has those first that are down.
func (v *topView) sessions(p *printer, now time.Time) block {
	down := func(n appliance.NeighborStatus) int {
		if n.State == "ESTABLISHED" {
			return 1
		}
		return 0
	}
	all := slices.Clone(v.status.Neighbors)
	slices.SortStableFunc(all, func(a, b appliance.NeighborStatus) int { return cmp.Compare(down(a), down(b)) })
	rows, bad := [][]string{{"NEIGHBOR", "AS", "STATE", "SINCE", "SENT", "RECEIVED", "LAST ERROR"}}, 0
	for _, n := range all {
		bad += 1 - down(n)
		rows = append(rows, []string{plain(n.Address), fmt.Sprint(n.AS), p.state(n), age(n.Since, now), fmt.Sprint(n.Announced), fmt.Sprint(n.Received), plain(n.LastError)})
	}
	return block{rowsOf(p, rows), 3 + min(bad, keptBad)}
}

// machine is how the loop and the wire do.
func (v *topView) machine() block {
	s := &v.status
	rate := ""
	if v.turns > 0 && s.Loop.Turns > v.turns {
		rate = fmt.Sprintf(" (%d more)", s.Loop.Turns-v.turns)
	}
	lines := []string{"", fmt.Sprintf("loop      %d turns%s, 99%% within %s, longest %s", s.Loop.Turns, rate, micro(s.Loop.TurnP99), micro(s.Loop.TurnMax))}
	if r := &s.Receipts; r.Withdraws > 0 {
		lines = append(lines, fmt.Sprintf("withdraws %d acknowledged, 99%% within %s, longest %s", r.Withdraws, micro(r.P99), micro(r.Max)))
	}
	return block{lines, 2}
}

// last is what has happened, the newest first.
func (v *topView) last(p *printer) block {
	lines := []string{"", p.bold("LAST EVENTS")}
	for _, e := range slices.Backward(v.events) {
		lines = append(lines, e.At.Local().Format("Jan 02 15:04:05")+"  "+entryText(e))
	}
	return block{lines, 2 + min(len(v.events), 2)}
}

// plain is a text without what a terminal would do something for: it may be a
// neighbor's.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// cut is a line of so many columns at most, its colours left whole.
func (p *printer) cut(s string, wide int) string {
	if width(s) <= wide {
		return s
	}
	var b strings.Builder
	for left := wide; s != "" && left > 0; {
		if code, ok := strings.CutPrefix(s, "\x1b["); ok {
			n := strings.IndexByte(code, 'm') + 3
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(s[:n])
		s = s[n:]
		left--
	}
	if p.colour {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
