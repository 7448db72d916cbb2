package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp/grammar"
)

// Convert gives a text today's form: the groups, processes of a neighbor and
// capabilities outside their section that ExaBGP 3.4 had, and old words. All the
// rest, comments and errors too, stays as it is. Changed says what it did, with
// places.
func Convert(file, text string, root *grammar.Node) (out string, changed []string) {
	c := &conversion{file: file, text: text, processes: map[string]bool{}, groups: map[string]int{}}
	for i := range strings.Count(text, "\n") + 1 {
		c.lines = append(c.lines, i+1)
	}
	for _, pass := range []func(top, s *part){c.process, c.capability, c.group} {
		c.edits = nil
		for _, top := range c.parts() {
			c.visit(top, top, pass)
		}
		c.apply()
	}
	out, words := grammar.Convert(file, c.text, root)
	for _, w := range words {
		c.say(w.Pos, "%s is now %s", w.Word, w.Instead)
	}
	return out, c.changed
}

// conversion is a text on its way; each pass makes edits, which do not overlap.
type conversion struct {
	file, text string
	lines      []int // where each line of the text was at first
	edits      []edit
	changed    []string
	processes  map[string]bool // that stand at the top now
	groups     map[string]int
}

// edit puts a text in place of some octets.
type edit struct {
	from, to int
	text     string
}

// part is a statement or a section of a text.
type part struct {
	words    []grammar.Token
	from, to int // its octets, with the semicolon or the braces
	open     int // behind the opening brace; 0: a statement
	kids     []*part
}

func (p *part) word() string { return p.words[0].Text }

// name is what stands behind the word.
func (p *part) name() string {
	if len(p.words) > 1 {
		return p.words[1].Text
	}
	return ""
}

// say tells what was done; a place is one of the text as it was at first.
func (c *conversion) say(at grammar.Pos, format string, args ...any) {
	at.Line = c.lines[at.Line-1]
	c.changed = append(c.changed, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (p *part) pos() grammar.Pos { return p.words[0].Pos }

func (c *conversion) edit(from, to int, text string) { c.edits = append(c.edits, edit{from, to, text}) }

func (c *conversion) apply() {
	slices.SortStableFunc(c.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	lines, at, line := c.lines[:1:1], 0, 0
	copied := func(to int) { // what stays
		for _, r := range []byte(c.text[at:to]) {
			if r == '\n' {
				line++
				lines = append(lines, c.lines[line])
			}
		}
		b.WriteString(c.text[at:to])
		at = to
	}
	for _, e := range c.edits {
		copied(max(at, e.from))
		b.WriteString(e.text)
		for range strings.Count(e.text, "\n") {
			lines = append(lines, c.lines[line])
		}
		line += strings.Count(c.text[at:max(at, e.to)], "\n")
		at = max(at, e.to)
	}
	copied(len(c.text))
	c.text, c.lines = b.String(), lines
}

// visit walks the sections in which neighbors are, and goes no deeper.
func (c *conversion) visit(top, p *part, pass func(top, s *part)) {
	if p.open == 0 {
		return
	}
	pass(top, p)
	for _, k := range p.kids {
		if slices.Contains([]string{"neighbor", "group"}, k.word()) {
			c.visit(top, k, pass)
		}
	}
}

// process moves a process out of its neighbor: its program to the top of the
// text, what it hears into a section api.
func (c *conversion) process(top, s *part) {
	if s.word() == "template" {
		return
	}
	for _, p := range s.kids {
		if p.word() != "process" || p.open == 0 {
			continue
		}
		var program, hears strings.Builder
		encoder := "\tencoder text;\n" // as it was if nothing was said
		for _, k := range p.kids {
			switch w := k.word(); {
			case w == "encoder":
				encoder = "\t" + c.textOf(k) + "\n"
			case w == "run" || w == "respawn":
				program.WriteString("\t" + c.textOf(k) + "\n")
			default:
				hears.WriteString(c.hears(k))
			}
		}
		if name := p.name(); !c.processes[name] {
			c.processes[name] = true
			c.edit(top.from, top.from, fmt.Sprintf("process %s {\n%s%s}\n\n", name, program.String(), encoder))
		}
		c.edit(p.from, p.to, fmt.Sprintf("api {\n\t\tprocesses [ %s ];\n%s\t}", p.name(), hears.String()))
		c.say(p.pos(), "process %s stands at the top now, and section api says what it hears", p.name())
	}
}

// hears is a statement of what a process hears, as section api says it.
func (c *conversion) hears(k *part) string {
	const updates = "\t\treceive {\n\t\t\tparsed;\n\t\t\tupdate;\n\t\t}\n"
	switch k.word() {
	case "receive-routes", "parse-routes":
		return updates
	case "peer-updates":
		return "\t\tneighbor-changes;\n" + updates
	case "receive":
		i := slices.IndexFunc(k.kids, func(k *part) bool { return k.word() == "neighbor-changes" })
		if i >= 0 {
			n := k.kids[i]
			return "\t\tneighbor-changes;\n\t\t" + c.text[k.from:n.from] + strings.TrimLeft(c.text[n.to:k.to], " \t\r\n") + "\n"
		}
	}
	return "\t\t" + c.textOf(k) + "\n"
}

func (c *conversion) textOf(p *part) string { return c.text[p.from:p.to] }

// capability puts the words of section capability there that stand beside it.
func (c *conversion) capability(_, s *part) {
	if s.word() != "neighbor" && s.word() != "group" {
		return
	}
	var words []*part
	for _, k := range s.kids {
		if k.open == 0 && slices.Contains([]string{"asn4", "route-refresh", "graceful-restart", "add-path", "multi-session", "operational", "aigp"}, k.word()) {
			words = append(words, k)
		}
	}
	for i, k := range words {
		text := ""
		if i == 0 {
			var all strings.Builder
			for _, w := range words {
				all.WriteString("\t\t" + c.textOf(w) + "\n")
			}
			text = "capability {\n" + all.String() + "\t}"
		}
		c.edit(k.from, k.to, text)
		c.say(k.pos(), "%s belongs into section capability", k.word())
	}
}

// group makes a template of what the neighbors of a group have in common.
func (c *conversion) group(_, s *part) {
	if s.word() != "group" {
		return
	}
	name := cmp.Or(s.name(), "group")
	if c.groups[name]++; c.groups[name] > 1 {
		name += fmt.Sprintf("-%d", c.groups[name])
	}
	var common strings.Builder
	for _, k := range s.kids {
		if k.word() == "neighbor" && k.open > 0 {
			continue
		}
		common.WriteString("\t\t" + c.textOf(k) + "\n")
		end := k.to + len(c.text[k.to:]) - len(strings.TrimLeft(c.text[k.to:], " \t\r\n"))
		c.edit(k.from, end, "")
	}
	head, inherit := "", ""
	if common.Len() > 0 {
		head, inherit = fmt.Sprintf("template {\n\tneighbor %s {\n%s\t}\n}\n", name, common.String()), fmt.Sprintf("\n\t\tinherit %s;", name)
	}
	c.edit(s.from, s.open, head)
	for _, k := range s.kids {
		if k.word() == "neighbor" && k.open > 0 {
			c.edit(k.open, k.open, inherit)
		}
	}
	c.edit(s.to-1, s.to, "")
	c.say(s.pos(), "group %s is a template now, which its neighbors inherit", name)
}

// parts is the text as a tree.
func (c *conversion) parts() []*part {
	tokens, _ := grammar.Lex(c.file, c.text)
	at := offsets(c.text, tokens)
	root := &part{}
	path := []*part{root}
	for i := 0; i < len(tokens); i++ {
		first := i
		for i < len(tokens) && !punctuates(tokens[i]) {
			i++
		}
		here := path[len(path)-1]
		p := &part{words: tokens[first:i]}
		if i == len(tokens) {
			break
		}
		if len(p.words) > 0 {
			p.from, p.to = at[first], at[i]+1
			here.kids = append(here.kids, p)
		}
		switch {
		case tokens[i].Text == "{" && len(p.words) > 0:
			p.open = at[i] + 1
			path = append(path, p)
		case tokens[i].Text == "}" && len(path) > 1:
			here.to = at[i] + 1
			path = path[:len(path)-1]
		}
	}
	if len(path) > 1 { // a brace is missing: what is what can't be told
		return nil
	}
	return root.kids
}

func punctuates(t grammar.Token) bool {
	return !t.Quoted && (t.Text == ";" || t.Text == "{" || t.Text == "}")
}

// offsets is where tokens begin: they say it in lines and characters.
func offsets(text string, tokens []grammar.Token) []int {
	out := make([]int, len(tokens))
	line, col, n := 1, 1, 0
	for at, r := range text {
		for n < len(tokens) && tokens[n].Pos.Line == line && tokens[n].Pos.Col == col {
			out[n] = at
			n++
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return out
}
