package api

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is got into the goldens and the docs")

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

// TestGoldens has lines, as a session of version 4 and text, of version 6, or of
// ours, which takes both, and what they give. Each command is said in each of
// its spellings.
func TestGoldens(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	used := map[string]bool{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Files {
			s := &a.Files[i]
			t.Run(filepath.Base(file)+"/"+s.Name, func(t *testing.T) {
				p := Parser{Version: "holdfast 1", UUID: "11-22", API: int(s.Name[0] - '0'), Text: s.Name[0] == '4'}
				got := []byte(dialogue(&p, string(s.Data), used))
				if *update {
					s.Data = got
				} else if d := cmp.Diff(string(s.Data), string(got)); d != "" {
					t.Error(d)
				}
			})
		}
		if data := txtar.Format(a); *update {
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range commands {
		for _, words := range []string{c.words, c.old} {
			if words != "" && words != "-" && !used[words] {
				t.Errorf("no golden says %q", words)
			}
		}
	}
}
