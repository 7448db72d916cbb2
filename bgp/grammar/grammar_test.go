package grammar

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is a small language: it logs what it is told.
func tree(log *[]string) *Node {
	say := func(format string, args ...any) { *log = append(*log, fmt.Sprintf(format, args...)) }
	var saved Body
	inner := &Node{}
	inner.Kids = []*Node{
		{Word: "size", Args: "0-9", Help: "how big", Do: func(c *Cursor) error {
			n, err := c.Int(0, 9)
			if err == nil {
				say("size %d", n)
			}
			return err
		}},
		{Word: "big", Instead: "size 9", Do: func(c *Cursor) error { say("big"); return nil }},
		{Word: "list", Do: func(c *Cursor) error {
			return c.List("a letter", func(s string) error {
				if len(s) != 1 {
					return Wish("a letter", s)
				}
				say("item %s", s)
				return nil
			})
		}},
		{Word: "use", Do: func(c *Cursor) error { c.Replay(saved, inner); return nil }},
	}
	box := &Node{Word: "box", Args: "NAME", Help: "a box", Kids: inner.Kids,
		Open:  func(c *Cursor) error { s, err := c.One("a name"); say("box %s", s); return err },
		Close: func(c *Cursor) error { say("end"); return nil }}
	mold := &Node{Word: "mold", Kids: inner.Kids, Open: func(c *Cursor) error { saved = c.Body(); return nil }}
	return &Node{Kids: []*Node{box, mold}}
}

func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name, text string
		log        string
		errs       string
	}{
		{"plain", "box a { size 3; list [ x y ]; }", "box a|size 3|item x|item y|end", ""},
		{"comment and quotes", "box \"a b\" { # none }\n size 1; }", "box a b|size 1|end", ""},
		{"quotes of the other kind", "box 'a \"b\"' { } box \"it's\" { } box x'y { }", "box a \"b\"|end|box it's|end|box x'y|end", ""},
		{"escapes", `box "a\tb\\c\"d\e" { } box f\g { }`, "box a\tb\\c\"de|end|box f\\g|end", ""},
		{"bad value", "box a {\n\tsize 12;\n}", "box a|end", "f:2:7: size: want 0-9, got \"12\""},
		{"no value", "box a { size; }", "box a|end", "f:1:13: size: want 0-9, got nothing"},
		{"too much", "box a { size 1 2; }", "box a|size 1|end", "f:1:16: size: unexpected \"2\""},
		{"did you mean", "bix a { size 1; }", "", "f:1:1: unknown word \"bix\", did you mean \"box\"?"},
		{"unknown", "box a { colour red; size 1; }", "box a|size 1|end", "f:1:9: unknown word \"colour\", want list, size, use"},
		{"old word", "box a { big; }", "box a|big|end", ""},
		{"never closed", "box a { size 1;", "box a|size 1|end", "f:1:7: the brace is never closed"},
		{"closed twice", "box a { } }", "box a|end", "f:1:11: a closing brace without an opening one"},
		{"no semicolon", "box a { size 1 }", "box a|size 1|end", "f:1:14: size: want ; behind \"1\""},
		{"braces in a list", "box a { list [ { } ]; size 1; }", "box a|item {|item }|size 1|end", ""},
		{"list never closed", "box a { list [ x y; }", "box a|item x|item y|end", "f:1:18: list: want a letter or ], got nothing"},
		{"bad item", "box a { list [ x yy ]; }", "box a|item x|end", "f:1:18: list: want a letter, got \"yy\""},
		{"nameless", "{ size 1; } box b { }", "box b|end", "f:1:1: a section without a name"},
		{"quote", "box \"a", "", "f:1:1: box: want a section in braces|f:1:5: the quote is never closed"},
		{"quote of one line", "box \"a { size 1; }\nbox b { size 12; }", "box a|size 1|end|box b|end", "f:1:5: the quote is never closed|f:2:14: size: want 0-9, got \"12\""},
		{"replay", "mold { size 7; } box a { use; }", "size 7|box a|size 7|end", ""},
		{"replayed error has its own place", "mold {\n size x; }\nbox a { use; }", "box a|end", "f:2:7: size: want 0-9, got \"x\""},
		{"many errors", "box a { size x; size y;\n list; }\nbxo { }", "box a|end",
			"f:1:14: size: want 0-9, got \"x\"|f:1:22: size: want 0-9, got \"y\"|f:2:6: list: want a letter, got nothing|f:3:1: unknown word \"bxo\", did you mean \"box\"?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log []string
			r := Walk("f", c.text, tree(&log))
			var errs []string
			for _, e := range r.Errors {
				errs = append(errs, e.Error())
			}
			if d := cmp.Diff(c.log+"\n"+c.errs, strings.Join(log, "|")+"\n"+strings.Join(errs, "|")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if old := strings.Contains(c.text, "big"); old != (len(r.Warnings) == 1) {
				t.Errorf("warnings %v", r.Warnings)
			}
		})
	}
}

func TestComplete(t *testing.T) {
	var log []string
	for line, want := range map[string]string{"": "box mold", "b": "box", "box a ": "list size use", "box a size 3 l": "list", "box x y": ""} {
		if got := strings.Join(tree(&log).Complete(strings.Split(line, " ")), " "); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func TestReference(t *testing.T) {
	var log []string
	got := Reference(tree(&log))
	for _, want := range []string{"`box NAME { … }`", "| `size` | `0-9` | how big |", "old word for `size 9`"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func FuzzWalk(f *testing.F) {
	for _, s := range []string{"box a { size 1; }", "mold { list [ a ] ; } box b { use; }", "\"\\\"{}[];#\n", strings.Repeat("box a {", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var log []string
		r := Walk("f", text, tree(&log))
		for _, e := range r.Errors {
			if e.Pos.Line < 1 || e.Pos.Col < 1 || e.Error() == "" {
				t.Fatalf("%+v", e)
			}
		}
		if len(r.Errors) > 2*len(text)+2 { // a word may be unknown and lack its semicolon
			t.Fatalf("%d errors in %d octets", len(r.Errors), len(text))
		}
	})
}

// nest is a language whose section holds itself, and one that begins with a
// number.
func nest(log *[]string) *Node {
	say := func(c *Cursor) error { *log = append(*log, c.Word()); return nil }
	all := &Node{Word: "all", Help: "all of these", Open: say}
	some := &Node{Word: "N", Args: "of", Help: "so many of these", Is: func(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' },
		Open: func(c *Cursor) error { *log = append(*log, c.Word()+c.Next()); return nil }}
	all.Kids = []*Node{{Word: "x", Help: "one of them", Do: say}, all, some}
	some.Kids = all.Kids
	return &Node{Word: "root", Kids: []*Node{all, some}}
}

func TestSectionsThatHoldThemselves(t *testing.T) {
	var log []string
	root := nest(&log)
	r := Walk("f", "2 of { x; all { x; 3 of { x; } } } all { }", root)
	if err := Join(r.Errors); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"2of", "x", "all", "x", "3of", "x", "all"}, log); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := root.Complete([]string{"2", "of", ""}); !cmp.Equal(got, []string{"all", "x"}) {
		t.Error(got)
	}
	manual := Reference(root)
	for _, want := range []string{"`all { … }`", "`N of { … }`", "All words of `all`."} {
		if strings.Count(manual, want) != 1 {
			t.Errorf("want %s once:\n%s", want, manual)
		}
	}
	schema, err := Schema(root)
	if err != nil || strings.Count(string(schema), `"words-of": "all"`) != 2 {
		t.Errorf("%v\n%s", err, schema)
	}
}
