package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/drain"
	"holdfast/appliance/settings"
	"holdfast/bgp/attr"
)

// recorded is what the daemon has recorded, without its times.
func (a *asked) recorded(kinds ...string) (lines []string) {
	for _, e := range a.d.chronicle.Entries(chronicle.Query{Kinds: kinds}) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.Kind, e.Object, e.Text))
	}
	return lines
}

func TestTheDaemonRecords(t *testing.T) {
	a := newAsked(t, `watchdog dns { link nowhere0; }`+askedConf)
	a.loop(func() {
		a.d.session(netip.MustParseAddr("192.0.2.1"), true, nil)
		a.d.session(netip.MustParseAddr("192.0.2.1"), false, io.ErrUnexpectedEOF)
	})
	a.d.watchdog(false, "open /dev/watchdog0: no such file or directory")
	a.d.helperEnded("one", errors.New("exit status 3"), time.Second)
	a.write(a.d.options.Path, `neighbor 127.0.0.2 { md5-password geheim geheimer; }`)
	if err := a.d.Reload(); err == nil {
		t.Fatal("no error")
	}
	a.write(a.d.options.Path, askedConf)
	if err := a.d.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := a.d.Reload(); err != nil { // it is the same
		t.Fatal(err)
	}
	want := []string{
		"start : holdfast 1.0 with " + a.d.options.Path,
		"gate dns: closed: link nowhere0 is not known yet: links have not been listed",
		"session 192.0.2.1: up",
		"session 192.0.2.1: down: unexpected EOF",
		"watchdog : not fed: open /dev/watchdog0: no such file or directory",
		"helper one: ended: exit status 3; it is started again in 1s",
		"configuration : rejected, nothing was changed: errors at " + a.d.options.Path + ":1:1",
		"configuration : applied: " + a.d.options.Path,
		"configuration : kept",
	}
	got := a.recorded()
	if len(got) > 6 {
		got[6], _, _ = strings.Cut(got[6], ", "+a.d.options.Path) // the place of the first error
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if strings.Contains(fmt.Sprint(a.recorded()), "geheim") {
		t.Error("a key is in the history")
	}
}

// TestGateTransitions: each step of a ladder is recorded, and that nothing has
// changed is not.
func TestGateTransitions(t *testing.T) {
	r := newReconciler(slog.New(slog.DiscardHandler), settings.Default(), func(desired.Plan) {})
	c := chronicle.New("")
	r.record = c.Record
	var old desired.Change
	for _, s := range []desired.State{
		{On: true}, {On: true},
		{On: true, Rung: "med 500", Degrade: attr.Degrade{SetMED: true, MED: 500}, Reason: desired.Reason{Condition: "link eth1", Text: "is down"}},
		{Reason: desired.Reason{Condition: "link eth1", Text: "is down"}},
		{Reason: desired.Reason{Condition: "link eth2", Text: "is down"}},
		{On: true, Suspect: "check x"},
	} {
		c := desired.Change{Group: "dns", Old: old.New, New: s, Known: old.Group != ""}
		r.note(&c)
		old = c
	}
	var got []string
	for _, e := range c.Entries(chronicle.Query{}) {
		got = append(got, fmt.Sprint(e.Text, " ", e.Fields))
	}
	if d := cmp.Diff([]string{"open: all conditions hold map[on:true]", "open at med 500: link eth1 is down map[on:true rung:med 500]",
		"closed: link eth1 is down map[on:false]", "open: all conditions hold map[on:true suspect:check x]"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestLastLife(t *testing.T) {
	say := func(kind, boot string) []chronicle.Entry { return []chronicle.Entry{{Kind: kind, Boot: boot}} }
	for want, last := range map[string][]chronicle.Entry{
		"": say(kindStop, "one"),
		"the daemon before it did not stop in order: it was killed, or failed": say(kindStart, "two"),
		"the boot before it did not end in order: a power cut, or a reset":     say(kindStart, "one"),
	} {
		if got := lastLife(last, "two"); got != want {
			t.Errorf("%v: %q", last, got)
		}
	}
}

// TestHistoryGoesOn over lives of the daemon, in the service manager's directory.
// A life begins with its start, and a drain that goes on is told of after it.
func TestHistoryGoesOn(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		d := livesIn(t, dir)
		if _, err := d.changeDrains(func(b *drain.Book, now time.Time) error {
			b.Begin(now, drain.Order{Reason: "cabling"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var tasks tasks
		tasks.run(d.chronicle.Run)
		tasks.end()
	}
	es, err := chronicle.Read(filepath.Join(dir, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	es = chronicle.Query{Kinds: []string{kindStart, kindDrain}}.Of(es)
	if len(es) != 3 || es[0].Kind != kindStart || !strings.HasSuffix(es[1].Text, "it was killed, or failed") || es[2].Text != "goes on: everything: cabling" {
		t.Error(es)
	}
}

// livesIn is a daemon that has not begun, with a state directory.
func livesIn(t *testing.T, dir string) *Daemon {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edge.conf")
	if err := os.WriteFile(path, []byte(askedConf), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Path: path, NoControl: true, Version: "1.0", Log: slog.New(slog.DiscardHandler),
		Getenv: func(name string) string { return map[string]string{"STATE_DIRECTORY": dir + ":/elsewhere"}[name] }}
	c, err := o.start()
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(o, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHistoryQuery(t *testing.T) {
	a := newAsked(t, askedConf)
	a.d.record(chronicle.Entry{Kind: kindGate, Object: "dns", Text: "open"})
	q, _ := json.Marshal(chronicle.Query{Object: "dns"})
	if es, err := a.d.history(string(q)); err != nil || len(es) != 1 {
		t.Error(es, err)
	}
	if es, err := a.d.history(""); err != nil || len(es) != 2 {
		t.Error(es, err)
	}
	if _, err := a.d.history("dns"); err == nil {
		t.Error("no error")
	}
}

func TestTheClockIsSet(t *testing.T) {
	var m machine
	for i, c := range []struct{ wall, mono, want time.Duration }{
		{0, 0, 0}, {time.Second, time.Second, 0}, {time.Hour, 2 * time.Second, time.Hour - 2*time.Second},
		{time.Hour + time.Second, 3 * time.Second, 0}, {0, 4 * time.Second, -time.Hour - 2*time.Second}, {time.Second / 2, 5 * time.Second, 0},
	} {
		if got := m.stepped(c.wall, c.mono); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
	if m.overran(3) != 3 || m.overran(3) != 0 || m.overran(5) != 2 {
		t.Error(m.overruns)
	}
}
