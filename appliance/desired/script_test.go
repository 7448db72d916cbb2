package desired

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/grammar"
	"holdfast/lab/golden"
	"holdfast/netio/link"
)

// script is a box whose facts are lines of text. Time goes on by itself from one
// line to the next, through all times at which the plan says that it changes.
type script struct {
	*testing.T
	confs map[string]string
	in    Inputs
	plan  Plan
	out   strings.Builder
}

// TestScripts: what gates do in time. Section "conf" is the configuration, "do"
// the facts, "told" what comes of them.
func TestScripts(t *testing.T) {
	golden.Files(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) {
		s := &script{T: t, confs: map[string]string{}}
		for _, f := range a.Files {
			s.confs[f.Name] = string(f.Data)
		}
		s.in = Inputs{Now: start, Settings: s.settings("conf"), Known: true, Up: map[netip.Addr]bool{}, Files: map[string]Sight{},
			Checks: map[health.Check]health.Standing{}, Units: map[string]Unit{}, Learned: map[settings.From]bool{}, Manual: map[string]Manual{},
			Groups: strings.Fields(s.confs["groups"])}
		for line := range strings.Lines(s.confs["do"]) {
			s.line(strings.TrimSpace(line))
		}
		a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "told" })
		a.Files = append(a.Files, txtar.File{Name: "told", Data: []byte(s.out.String())})
	})
}

func (s *script) settings(name string) *settings.Settings {
	set := settings.Default()
	set.Drain.Wait = settings.DefaultDrainWait
	r := grammar.Walk(name, s.confs[name], &grammar.Node{Kids: settings.Sections(set)})
	if err := grammar.Join(r.Errors); err != nil {
		s.Fatal(err)
	}
	return set
}

// line is "12s link eth1 down"; several facts of one moment stand behind commas.
func (s *script) line(line string) {
	if line == "" || line[0] == '#' {
		return
	}
	when, facts, _ := strings.Cut(line, " ")
	after, err := time.ParseDuration(when)
	if err != nil {
		s.Fatal(err)
	}
	now := start.Add(after)
	for !s.plan.Again.IsZero() && !s.plan.Again.After(now) {
		if !s.plan.Again.After(s.in.Now) {
			s.Fatalf("at %s the plan comes back at %s", s.in.Now.Sub(start), s.plan.Again.Sub(start))
		}
		s.in.Now = s.plan.Again
		s.decide()
	}
	s.in.Now = now
	for fact := range strings.SplitSeq(facts, ",") {
		if w := strings.Fields(fact); len(w) > 0 {
			s.fact(w)
		}
	}
	s.decide()
}

func (s *script) decide() {
	before := s.plan
	s.plan = Compute(s.in)
	s.in.Memory = s.plan.Memory
	groups := s.plan.Groups
	groups["(rest)"] = s.plan.Rest
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if now, old := stateText(groups[name]), stateText(before.Groups[name]); before.Groups == nil && name != "" && name != "(rest)" || before.Groups != nil && now != old {
			fmt.Fprintf(&s.out, "%s %s: %s\n", s.in.Now.Sub(start), name, now)
		}
	}
	if s.plan.Verdict != before.Verdict {
		fmt.Fprintf(&s.out, "%s verdict %v\n", s.in.Now.Sub(start), s.plan.Verdict)
	}
}

func stateText(s State) string {
	out := "closed"
	switch {
	case s.Forced:
		out = "forced"
	case s.On:
		out = "open"
	}
	if s.Rung != "" {
		out += " at " + s.Rung
	}
	if d := s.Degrade.String(); d != "" {
		out += " (" + d + ")"
	}
	if s.Reason != (Reason{}) {
		out += ": " + s.Reason.String()
	}
	if s.Suspect != "" {
		out += "; " + s.Suspect
	}
	return out
}

// fact is one thing that is so.
func (s *script) fact(w []string) {
	last := w[len(w)-1]
	yes := last == "up" || last == "there" || last == "active"
	switch w[0] {
	case "link":
		s.in.Snapshot.Links = slices.DeleteFunc(slices.Clone(s.in.Snapshot.Links), func(l link.Link) bool { return l.Name == w[1] })
		s.in.Snapshot.Links = append(s.in.Snapshot.Links, link.Link{Name: w[1], Up: yes, Running: yes})
	case "address":
		p := netip.MustParseAddr(w[1])
		s.in.Snapshot.Addrs = nil
		if yes {
			s.in.Snapshot.Addrs = []link.Addr{{Prefix: netip.PrefixFrom(p, p.BitLen()), Link: "lo"}}
		}
	case "neighbor":
		s.in.Up[netip.MustParseAddr(w[1])] = yes
	case "file":
		s.in.Files[w[1]] = Sight{Exists: yes}
		if last == "lost" {
			s.in.Files[w[1]] = Sight{Lost: "can't be looked for"}
		}
	case "unit":
		s.in.Units[w[1]] = Unit{Active: yes, Text: "is " + last}
	case "route":
		s.in.Learned[settings.From{Route: netip.MustParsePrefix(w[1]), Neighbor: netip.MustParseAddr(w[2])}] = yes
	case "check":
		s.check(w[1], last)
	case "unarmed":
		s.in.Watchdog = Watchdog{Why: "it was not fed"}
	case "armed":
		s.in.Watchdog = Watchdog{Armed: true}
	case "hand":
		s.in.Manual[w[1]] = map[string]Manual{"announce": Announced, "withdraw": Withdrawn}[last]
	case "drain":
		s.drain(w[1:])
	case "undrain":
		s.in.Drains = nil
	case "stopping":
		s.in.Stopping = true
	case "reload":
		s.in.Settings = s.settings(last)
	default:
		s.Fatal(w)
	}
}

// check is one of the configuration, by its command.
func (s *script) check(command, how string) {
	for _, c := range s.in.Settings.Checks() {
		if c.Command != command {
			continue
		}
		was := s.in.Checks[c]
		s.in.Checks[c] = map[string]health.Standing{
			"pass":     {Told: health.Up, Passed: true},
			"fail":     {Told: health.Down, Passed: was.Passed, Text: "failed 3 of 3: exit status 1"},
			"wait":     {Told: was.Told, Passed: was.Passed, Text: "has passed 1 of 3"},
			"disabled": {Told: health.Off, Passed: was.Passed, Text: "is disabled: /off is there"},
		}[how]
		return
	}
	s.Fatal(command)
}

// drain is "GATE|* [FOR] [REASON]".
func (s *script) drain(w []string) {
	d := Drain{Gate: strings.Trim(w[0], "*"), Since: s.in.Now}
	if len(w) > 1 {
		d.Reason = w[len(w)-1]
		if left, err := time.ParseDuration(w[1]); err == nil {
			d.Until = s.in.Now.Add(left)
		}
	}
	s.in.Drains = append(s.in.Drains, d)
}
