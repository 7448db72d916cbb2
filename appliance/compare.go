package appliance

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"holdfast/appliance/generation"
	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
)

// Difference is between two configurations. It has no keys.
type Difference struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Meaning []string `json:"meaning"` // "neighbor 10.0.0.2: peer-as 65001, was 65000"
	Text    string   `json:"text"`    // unified, of the configurations' files
}

// diff answers "diff [A [B]]": A and B are numbers of generations, "running" or
// "file"; without B it is from A to what is at work, and without both from that
// to the file.
func (d *Daemon) diff(names []string) (*Difference, error) {
	switch len(names) {
	case 0:
		names = []string{"running", "file"}
	case 1:
		names = append(names, "running")
	}
	from, err := d.versionNamed(names[0])
	if err != nil {
		return nil, err
	}
	to, err := d.versionNamed(names[1])
	if err != nil {
		return nil, err
	}
	x := &Difference{From: from.String(), To: to.String(), Meaning: meaning(from.loaded, to.loaded)}
	if from.files == nil || to.files == nil {
		x.Text = "# what is at work is too long to be kept in memory, and there is no state-directory\n"
		return x, nil
	}
	x.files(from.files, to.files)
	return x, nil
}

// versionNamed is what an argument of diff means. A large one takes its time to
// read, in which a trial has to go on.
func (d *Daemon) versionNamed(name string) (v version, err error) {
	c := d.changes
	var k Candidate
	switch name {
	case "running":
		c.mu.Lock()
		v = c.work
		c.mu.Unlock()
		if v.Number != 0 {
			v.files, err = c.store.Files(v.Number)
		}
		return v, err
	case "file":
		k, err = candidateAt(d.options.Path)
		v.Source = k.Source
	default:
		if v.Record, err = c.numbered(name); err == nil {
			k, err = generationCandidate(c.store, v.Record)
		}
	}
	if err == nil {
		v.loaded, err = d.options.load(&k)
	}
	v.files = k.Files
	return v, err
}

// files compares texts of configurations line by line, and of other files whether
// they are the same.
func (x *Difference) files(from, to generation.Files) {
	names := map[string]bool{}
	maps.Copy(names, keysOf(from))
	maps.Copy(names, keysOf(to))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, had := from[name]
		b, has := to[name]
		switch {
		case a.Run == b.Run && string(a.Data) == string(b.Data):
		case strings.HasSuffix(name, ".conf"):
			x.Text += string(diff.Diff(name+" ("+x.From+")", redacted(a), name+" ("+x.To+")", redacted(b)))
		case !has:
			x.Meaning = append(x.Meaning, "- file "+name)
		case !had:
			x.Meaning = append(x.Meaning, "+ file "+name)
		default:
			x.Meaning = append(x.Meaning, "file "+name+" differs")
		}
	}
}

func keysOf(f generation.Files) map[string]bool {
	out := map[string]bool{}
	for name := range f {
		out[name] = true
	}
	return out
}

func redacted(f generation.File) []byte { return []byte(config.Redact(string(f.Data))) }

// meaning is what differs between two configurations, a line each.
func meaning(from, to *Loaded) (all []string) {
	a, b := from.Export(), to.Export()
	old, next := byName(a.Neighbors, neighborName), byName(b.Neighbors, neighborName)
	keys, newKeys := keysByName(from.Config), keysByName(to.Config)
	for _, name := range bothNames(old, next) {
		n, had := old[name]
		m, has := next[name]
		switch {
		case !has:
			all = append(all, fmt.Sprintf("- neighbor %s, with %d routes", name, len(n.Routes)))
		case !had:
			all = append(all, fmt.Sprintf("+ neighbor %s, with %d routes", name, len(m.Routes)))
		default:
			all = append(all, neighborMeaning(name, n, m)...)
			if keys[name] != newKeys[name] {
				all = append(all, fmt.Sprintf("neighbor %s: another key", name))
			}
		}
	}
	all = append(all, sectionsMeaning("process", byName(a.Processes, func(p *ExportedProcess) string { return p.Name }),
		byName(b.Processes, func(p *ExportedProcess) string { return p.Name }))...)
	gate := func(g *settings.Gate) string { return g.Name }
	all = append(all, sectionsMeaning("watchdog", byName(from.Settings.Gates, gate), byName(to.Settings.Gates, gate))...)
	if !reflect.DeepEqual(boxOf(from.Settings), boxOf(to.Settings)) {
		all = append(all, "the appliance's own settings differ")
	}
	return all
}

// boxOf is what settings say besides gates.
func boxOf(s *settings.Settings) settings.Settings {
	c := *s
	c.Gates = nil
	if c.Hardware != nil {
		h := *c.Hardware
		h.Pos = grammar.Pos{}
		c.Hardware = &h
	}
	return c
}

func neighborName(n *ExportedNeighbor) string { return n.Peer }

// keysByName are the keys of neighbors, to see whether they differ.
func keysByName(c *config.Config) map[string]string {
	out := map[string]string{}
	for i := range c.Neighbors {
		n := &c.Neighbors[i]
		key := n.MD5Password
		if n.TCPAO != nil {
			key = n.TCPAO.Password
		}
		out[export(n).Peer] += key
	}
	return out
}

// byName has things by their name; of two with one name the second has a number.
func byName[T any](all []T, name func(*T) string) map[string]T {
	out := map[string]T{}
	for i := range all {
		key := name(&all[i])
		for n := 2; ; n++ {
			if _, taken := out[key]; !taken {
				break
			}
			key = fmt.Sprintf("%s (%d)", name(&all[i]), n)
		}
		out[key] = all[i]
	}
	return out
}

func bothNames[T any](a, b map[string]T) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

// sectionsMeaning tells of sections that are new, gone or different.
func sectionsMeaning[T any](what string, old, next map[string]T) (all []string) {
	for _, name := range bothNames(old, next) {
		a, had := old[name]
		b, has := next[name]
		switch {
		case !has:
			all = append(all, fmt.Sprintf("- %s %s", what, name))
		case !had:
			all = append(all, fmt.Sprintf("+ %s %s", what, name))
		case !reflect.DeepEqual(placeless(a), placeless(b)):
			all = append(all, fmt.Sprintf("%s %s differs", what, name))
		}
	}
	return all
}

// placeless is a section without the place where it stands.
func placeless(v any) any {
	if g, ok := v.(settings.Gate); ok {
		g.Pos = grammar.Pos{}
		return g
	}
	return v
}

// mostRoutes is how many routes of a neighbor a difference tells.
const mostRoutes = 50

// neighborMeaning compares what is exported of a neighbor, word by word.
func neighborMeaning(name string, old, next ExportedNeighbor) (all []string) {
	a, b := wordsOf(old), wordsOf(next)
	for _, word := range bothNames(a, b) {
		if x, y := a[word], b[word]; x != y {
			all = append(all, fmt.Sprintf("neighbor %s: %s %s, was %s", name, word, orNone(y), orNone(x)))
		}
	}
	gone, come := without(old.Routes, next.Routes), without(next.Routes, old.Routes)
	for i, r := range append(gone, come...) {
		sign := "-"
		if i >= len(gone) {
			sign = "+"
		}
		if i == mostRoutes {
			return append(all, fmt.Sprintf("neighbor %s: and %d routes more", name, len(gone)+len(come)-i))
		}
		all = append(all, fmt.Sprintf("neighbor %s: %s %s", name, sign, r))
	}
	return all
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// without are those of a list that another one has not.
func without(a, b []string) (out []string) {
	known := map[string]bool{}
	for _, s := range b {
		known[s] = true
	}
	for _, s := range a {
		if !known[s] {
			out = append(out, s)
		}
	}
	return out
}

// wordsOf is what is exported of a neighbor by its words, besides its routes and
// where it stands.
func wordsOf(n ExportedNeighbor) map[string]string {
	n.Routes, n.At = nil, ""
	var all map[string]json.RawMessage
	if b, err := json.Marshal(n); err == nil {
		_ = json.Unmarshal(b, &all)
	}
	out := map[string]string{}
	for word, v := range all {
		if text := strings.Trim(string(v), `"`); text != "null" {
			out[word] = text
		}
	}
	return out
}
