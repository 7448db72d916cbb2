package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance/drain"
	"holdfast/appliance/verdict"
	"holdfast/lab/golden"
)

// loader is a boot loader that counts tries: the last entry that may be started
// is.
type loader struct {
	all     []Entry
	running string
	trial   bool
	broken  error // of MarkGood
	deaf    error // of MarkBad
}

func (l *loader) Current() (string, bool, error) { return l.running, l.trial, nil }

func (l *loader) Entries() ([]Entry, error) {
	all := slices.Clone(l.all)
	all[l.next()].Primary = true
	return all, nil
}

func (l *loader) next() int {
	for i := len(l.all) - 1; i > 0; i-- {
		if e := l.all[i]; e.State == "good" || e.State == "trying" && e.TriesLeft > 0 {
			return i
		}
	}
	return 0
}

func (l *loader) set(version, state string) error {
	for i := range l.all {
		if l.all[i].Version == version {
			l.all[i] = Entry{Version: version, Slot: l.all[i].Slot, State: state}
			return nil
		}
	}
	return fmt.Errorf("there is no version %s", version)
}

func (l *loader) MarkGood(version string) error {
	if version != l.running {
		return fmt.Errorf("%s runs, and not %s", l.running, version)
	}
	if l.broken == nil {
		l.trial = false
		return l.set(version, "good")
	}
	return l.broken
}

func (l *loader) MarkBad(version string) error {
	if l.deaf != nil {
		return l.deaf
	}
	return l.set(version, "bad")
}

// bundle is a version for a loader.
type bundle struct {
	*loader
	version string
	err     error
	late    bool // the error comes once the loader knows
}

func (b bundle) Version() string { return b.version }

func (b bundle) Install(context.Context) error {
	if b.err == nil || b.late {
		b.all = append(b.all, Entry{Version: b.version, Slot: "rootfs.1", State: "trying", TriesLeft: Tries})
	}
	return b.err
}

// box is a machine with one upstream, one gate and a watchdog.
type box struct {
	loader
	Updater
	t          *testing.T
	boots      int
	since      time.Time
	facts      verdict.Box
	silent     error // the daemon does not answer
	reset      bool
	unloadable string // a version that firmware can't load
	forgetful  bool   // /var is in memory
}

func newBox(t *testing.T) *box {
	b := &box{t: t, boots: 1, since: time.Now(), facts: verdict.Box{Facts: verdict.Facts{Sessions: map[string]verdict.Session{"10.0.0.2": {Up: true}},
		Links: map[string]bool{}, Gates: map[string]verdict.Gate{"dns": {On: true}}}, Told: map[string]map[string]int{"10.0.0.2": {"dns": 2}}, Fed: true}}
	b.loader = loader{all: []Entry{{Version: "1.0", Slot: "rootfs.0", State: "good"}}, running: "1.0"}
	b.Updater = Updater{Folder: t.TempDir(), Copy: filepath.Join(t.TempDir(), "efi", "trial.json"), Backend: &b.loader, Log: slog.New(slog.DiscardHandler), Clock: b.clock,
		Facts: func(context.Context) (verdict.Box, error) { return b.facts, b.silent }, Reset: func() bool { return b.reset }}
	return b
}

func (b *box) clock() drain.Now {
	return drain.Now{Time: time.Unix(0, 0), Boot: fmt.Sprint("boot", b.boots), Uptime: time.Since(b.since)}
}

// boot starts what the loader starts, and the clock of a boot.
func (b *box) boot(reset bool) string {
	b.boots, b.since, b.reset, b.Broken = b.boots+1, time.Now(), reset, ""
	if b.forgetful {
		b.Folder = b.t.TempDir()
	}
	e := &b.all[b.next()]
	e.Unloadable = e.Version == b.unloadable
	b.running, b.trial = e.Version, e.State == "trying"
	if b.trial {
		e.TriesLeft--
	}
	if e.Unloadable {
		b.running, b.trial = b.all[0].Version, false
	}
	return fmt.Sprintf("%s runs\n", b.running)
}

// do is one step of a story: its section's name, and what comes of it.
func (b *box) do(step string) string {
	word, rest, _ := strings.Cut(step, " ")
	switch word {
	case "update":
		return b.update(rest)
	case "boot", "reset":
		return b.boot(word == "reset")
	case "killed":
		b.killed(rest)
	case "rejected": // by its first program
		version, why, _ := strings.Cut(rest, ": ")
		if err := b.set(version, "bad"); err != nil {
			b.t.Fatal(err)
		}
		b.all[len(b.all)-1].Why = why
	case "broken": // which its first program could tell nobody
		b.Broken = rest
	case "starts": // whatever its loader has been told
		b.boot(false)
		b.running, b.trial = rest, false
	case "unloadable":
		b.unloadable = rest
	case "down":
		b.facts.Sessions, b.facts.Told = map[string]verdict.Session{"10.0.0.2": {Why: rest}}, nil
	case "up":
		b.facts.Sessions, b.facts.Told = map[string]verdict.Session{"10.0.0.2": {Up: true}}, map[string]map[string]int{"10.0.0.2": {"dns": 2}}
	case "silent":
		b.silent = errors.New("no daemon answers")
	case "answers":
		b.silent = nil
	case "read-only":
		b.broken = errors.New("/efi is read-only")
	case "deaf":
		b.deaf = errors.New("/efi can't be written")
	case "writable":
		b.broken, b.deaf = nil, nil
	case "uncounted": // the loader could not count the try
		b.trial = false
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(d)
	case "settle":
		return b.settle(rest)
	case "scrub":
		if err := b.Scrub(); err != nil {
			return err.Error() + "\n" + b.text()
		}
		return b.text()
	case "lose": // the data partition, or all
		b.Folder = b.t.TempDir()
		if rest == "all" {
			b.Copy = ""
		}
	case "stuck": // the ESP can't be written either
		b.broken, b.deaf = errors.New("/efi can't be written"), errors.New("/efi can't be written")
		name := filepath.Join(b.t.TempDir(), strings.Repeat("x", 250)) // too long for a file beside it
		if err := os.Rename(b.Copy, name); err != nil {
			b.t.Fatal(err)
		}
		b.Copy = name
	case "forgetful": // from each boot on
		b.forgetful = true
	case "abort":
		t, err := b.Abort(rest)
		return fmt.Sprintln(t != nil, err)
	case "mark-good":
		v, err := b.Good()
		return fmt.Sprintln(v, err)
	case "mark-bad":
		v, err := b.Bad(rest)
		return fmt.Sprintln(v, err)
	case "status":
		return b.text()
	default:
		b.t.Fatalf("no step is called %q", word)
	}
	return ""
}

func (b *box) text() string {
	s, err := b.Status(b.t.Context())
	if err != nil {
		return err.Error() + "\n"
	}
	text := s.String()
	if brief := s.Brief(); brief != "" {
		text += "console: " + brief + "\n"
	}
	if t, _ := Load(b.Folder); t != nil {
		if why := Late(t, b.running, b.clock()); why != "" {
			text += "the daemon stops feeding: " + why + "\n"
		}
	}
	return text
}

// update is VERSION and how its installation fails.
func (b *box) update(rest string) string {
	version, why, bad := strings.Cut(rest, " ")
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	o := Options{Say: say, Reboot: func() error { say("rebooting"); return nil },
		Drain: func(reason string) (func(), error) { say("drained: %s", reason); return func() {}, nil }}
	x := bundle{loader: &b.loader, version: version}
	switch {
	case why == "and no reboot":
		o.Reboot = func() error { return errors.New("the login manager refuses") }
	case bad:
		why, x.late = strings.CutPrefix(why, "late ")
		x.err = errors.New(why)
	}
	if err := b.Update(b.t.Context(), x, o); err != nil {
		say("error: %v", err)
	}
	return out.String()
}

// killed is an update that ends without a word: before the loader was told, or
// behind that, or in between: an older version is there, and would not be tried.
func (b *box) killed(rest string) {
	version, where, _ := strings.Cut(rest, " ")
	if _, err := b.begin(b.t.Context(), version, Options{}); err != nil {
		b.t.Fatal(err)
	}
	switch where {
	case "between":
		b.all = slices.Insert(b.all, 0, Entry{Version: version, Slot: "rootfs.1", State: "trying", TriesLeft: Tries})
	case "behind":
		_ = bundle{loader: &b.loader, version: version}.Install(b.t.Context())
	}
}

// settle has so much time, and says what came of it.
func (b *box) settle(limit string) string {
	ctx := b.t.Context()
	if limit != "" {
		d, err := time.ParseDuration(limit)
		if err != nil {
			b.t.Fatal(err)
		}
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	out := ""
	if err := b.Settle(ctx); err != nil {
		out = "error: " + err.Error() + "\n"
	}
	return out + b.text()
}

// TestLife is stories of boxes: each section is a step, and what comes of it.
func TestLife(t *testing.T) {
	golden.Files(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) {
		synctest.Test(t, func(t *testing.T) {
			b := newBox(t)
			for i := range a.Files {
				a.Files[i].Data = []byte(b.do(a.Files[i].Name))
			}
		})
	})
}
