package health

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/lab/golden"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// options are those of a command line, and of a file before it.
func options(args []string, file string) (*Options, error) {
	o := New()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(new(strings.Builder))
	o.Define(fs)
	if err := Read(fs, "check.conf", file); err != nil {
		return nil, err
	}
	if err := fs.Parse(Arguments(fs, args)); err != nil {
		return nil, err
	}
	return o, o.Validate()
}

// words cuts a line as a shell does, quotes and all that goldens need of it.
func words(line string) (out []string) {
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

var verdicts = map[rune]Verdict{'o': Pass, 'f': Fail, 'd': Disabled}

// play has a machine take a script of verdicts, and then a stop; each look is
// a line with the state and the pause before the next one, and what is told.
func play(o *Options, script string) string {
	var b strings.Builder
	m := Machine{Timing: o.Timing}
	for _, v := range strings.TrimSpace(script) {
		changed := m.Step(verdicts[v])
		fmt.Fprintf(&b, "%c %s", v, m.State())
		if changed {
			for _, h := range o.Hooks(m.State()) {
				fmt.Fprintf(&b, " {%s}", h)
			}
		}
		fmt.Fprintf(&b, ", next in %s\n%s", m.Wait(), o.AppendLines(nil, m.State()))
	}
	fmt.Fprintf(&b, "stop\n%s", o.AppendLines(nil, Exit))
	return b.String()
}

func TestGoldens(t *testing.T) {
	golden.Files(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) {
		part := map[string]string{}
		for _, f := range a.Files {
			part[f.Name] = string(f.Data)
		}
		got := ""
		if o, err := options(words(part["options"]), part["file"]); err != nil {
			got = err.Error() + "\n"
		} else {
			got = play(o, part["verdicts"])
		}
		a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "told" })
		a.Files = append(a.Files, txtar.File{Name: "told", Data: []byte(got)})
	})
}

func TestToldIsTheLastSettledState(t *testing.T) {
	m := Machine{Timing: Timing{Rise: 2, Fall: 2}}
	for i, s := range []struct {
		v    Verdict
		want State
	}{{Pass, Init}, {Pass, Up}, {Fail, Up}, {Pass, Up}, {Fail, Up}, {Fail, Down}, {Pass, Down}, {Pass, Up}, {Disabled, Off}, {Pass, Off}, {Pass, Off}, {Pass, Up}} {
		if m.Step(s.v); m.Told() != s.want {
			t.Errorf("%d: %s, want %s", i, m.Told(), s.want)
		}
	}
}

func TestStanding(t *testing.T) {
	m := Machine{Timing: Timing{Rise: 2, Fall: 2}}
	var got []string
	for _, v := range []Verdict{Disabled, Pass, Pass, Pass, Fail, Fail, Pass, Fail, Fail, Fail} {
		m.Step(v)
		s := m.Standing("why")
		got = append(got, fmt.Sprint(s.Told, " ", s.Text))
	}
	want := []string{"DISABLED is disabled: why", "DISABLED has not had a verdict yet", "DISABLED has passed 1 of 2", "UP ", "UP ", "DOWN failed 2 of 2: why",
		"DOWN has passed 1 of 2", "DOWN failed 1 of 2: why", "DOWN failed 2 of 2: why", "DOWN failed 2 of 2: why"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestArguments(t *testing.T) {
	for line, want := range map[string]string{
		"-i5 -dn x --int 3":                "-i=5 -dn x --interval=3",
		"--local-preference -1 --debounce": "--local-preference=-1 --debounce",
		"-sF local0 --cmd 'a -b' -c -x":    "-sF local0 --cmd=a -b -c=-x",
		"--comm x --up-m=7 --neighbor *":   "--comm x --up-metric=7 --neighbor=*",
		"--rise":                           "--rise",
	} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		New().Define(fs)
		if got := strings.Join(Arguments(fs, words(line)), " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("debug\nname = haproxy\ninterval = 10\nip = 192.0.2.0/30\nneighbor = *\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := options(nil, text)
		if err == nil {
			o.AppendLines(nil, Up)
		}
	})
}
