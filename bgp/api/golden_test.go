package api

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/lab/golden"
)

// dialogue says the lines of a section to a parser, each in a batch of its own,
// and gives what comes of each: what the batch is, its items, and the answers.
func dialogue(p *Parser, lines string, used map[string]bool) string {
	var out strings.Builder
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "< ") || line == "" {
			continue
		}
		line = strings.TrimPrefix(line, "> ")
		b := Batch{From: "dns"}
		text := strings.NewReplacer(`\0`, "\x00", `\e`, "\x1b", `\xff`, "\xff").Replace(line)
		if p.Line(&b, []byte(text)); b.Commands > 1 {
			panic("one line, two commands")
		}
		note(p, text, used)
		fmt.Fprintf(&out, "> %s\n", line)
		if b.Alone || b.Sync {
			fmt.Fprintf(&out, "<%s%s\n", map[bool]string{true: " alone"}[b.Alone], map[bool]string{true: " sync"}[b.Sync])
		}
		items := show(&Batch{Items: b.Items})
		answers, _ := b.AppendAnswers(nil, true)
		for l := range strings.Lines(items + "\n" + string(answers)) {
			if l = strings.TrimSuffix(l, "\n"); l != "" && !strings.HasPrefix(l, "error: ") {
				fmt.Fprintf(&out, "< %s\n", l)
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// note remembers by which words a command was found.
func note(p *Parser, line string, used map[string]bool) {
	w, err := split(line)
	c := call{words: &w, parser: p}
	if err != nil || c.audience() != nil {
		return
	}
	from := c.next
	if _, err := c.find(); err == nil {
		used[strings.Join(texts(w.list[from:c.next]), " ")] = true
	}
}

// TestGoldens has lines, as a session of version 4, of version 6, or of
// ours, which takes both, and what they give. Each command is said in each of
// its spellings.
func TestGoldens(t *testing.T) {
	used := map[string]bool{}
	golden.Sections(t, "testdata/*.txtar", func(_ *testing.T, name, text string) string {
		p := Parser{Version: "holdfast 1", UUID: "11-22", API: int(name[0] - '0')}
		return dialogue(&p, text, used)
	})
	wantAllSaid(t, used)
}

// TestEveryCommandHasAChain: each command, in each of its spellings, is in a
// dialogue that goes on to the octets that neighbors read, and to the events.
func TestEveryCommandHasAChain(t *testing.T) {
	used := map[string]bool{}
	for _, file := range golden.Find(t, "../../appliance/testdata/commands/*.txtar") {
		for _, f := range golden.Read(t, file).Files {
			if f.Name != "cmd" {
				continue
			}
			for line := range strings.Lines(string(f.Data)) {
				note(&Parser{}, strings.TrimSuffix(line, "\n"), used)
			}
		}
	}
	wantAllSaid(t, used)
}

// wantAllSaid reports the words of commands that no golden says.
func wantAllSaid(t *testing.T, used map[string]bool) {
	t.Helper()
	for _, c := range commands {
		for _, words := range []string{c.words, c.old} {
			if words != "" && words != "-" && !used[words] {
				t.Errorf("no golden says %q", words)
			}
		}
	}
}
