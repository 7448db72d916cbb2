package appliance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
)

// The kinds of what is recorded.
const (
	kindStart    = "start"
	kindStop     = "stop"
	kindGate     = "gate"
	kindSession  = "session"
	kindConfig   = "configuration"
	kindDrain    = "drain"
	kindWatchdog = "watchdog"
	kindHelper   = "helper"
	kindNetlink  = "netlink"
	kindClock    = "clock"
	kindUpdate   = "update"
	historyFile  = "history" // in the state directory
)

// Kinds are what an entry of the history may be of.
var Kinds = []string{kindStart, kindStop, kindGate, kindSession, kindConfig, kindDrain, kindWatchdog, kindHelper, kindNetlink, kindClock, chronicle.Lost}

// record notes that something happened, for "holdfast history". It never waits,
// and may be called on the loop.
func (d *Daemon) record(e chronicle.Entry) { d.chronicle.Record(e) }

// openChronicle goes on with the history of this box.
func (d *Daemon) openChronicle() {
	boot := d.options.clock().Boot
	dir := d.options.stateDirectory(d.loaded.Settings)
	if dir == "" {
		d.chronicle = chronicle.New(boot)
		return
	}
	c, aside, err := chronicle.Open(filepath.Join(dir, historyFile), boot)
	if aside != "" {
		d.log.Warn("history begins anew", "why", aside)
	}
	if err != nil {
		d.log.Error("history is kept in memory only", "error", err)
	}
	d.chronicle = c
}

// recordStart says that a life begins, and how the last one ended.
func (d *Daemon) recordStart() {
	e := chronicle.Entry{Kind: kindStart, Text: fmt.Sprintf("holdfast %s with %s", d.options.Version, d.options.Path),
		Fields: map[string]string{"version": d.options.Version, "pid": fmt.Sprint(os.Getpid())}}
	if last := lastLife(d.chronicle.Entries(chronicle.Query{Kinds: []string{kindStart, kindStop}, Last: 1}), d.options.clock().Boot); last != "" {
		e.Text += "; " + last
	}
	d.record(e)
}

// lastLife is how the life before this one ended, if that was in no good order;
// last is the last time that one started or stopped.
func lastLife(last []chronicle.Entry, boot string) string {
	switch {
	case len(last) == 0 || last[0].Kind == kindStop:
		return ""
	case last[0].Boot == boot:
		return "the daemon before it did not stop in order: it was killed, or failed"
	}
	return "the boot before it did not end in order: a power cut, or a reset"
}

// recordGate notes what a gate is from now on.
func recordGate(at time.Time, name string, s desired.State) chronicle.Entry {
	word := "closed: "
	switch {
	case s.On && s.Rung != "":
		word = "open at " + s.Rung + ": "
	case s.On:
		word = "open: "
	}
	e := chronicle.Entry{At: at, Kind: kindGate, Object: name, Text: word + cause(s), Fields: map[string]string{"on": fmt.Sprint(s.On)}}
	if s.Rung != "" {
		e.Fields["rung"] = s.Rung
	}
	if s.Suspect != "" {
		e.Fields["suspect"] = s.Suspect
	}
	return e
}

// helperEnded is called when a helper's process is gone.
func (d *Daemon) helperEnded(name string, err error, again time.Duration) {
	how := "ended"
	if err != nil {
		how = "ended: " + err.Error()
	}
	if again > 0 {
		how += fmt.Sprintf("; it is started again in %s", again)
	}
	d.record(chronicle.Entry{Kind: kindHelper, Object: name, Text: how})
}

// machine is what is looked at now and then, and recorded when it differs.
type machine struct {
	overruns   uint64
	wall, mono time.Duration // of the last look
	looked     bool
}

// The clock is set, rather than slewed, if it is so far from where it was going.
const clockStep = time.Second

// stepped is how far the clock was set since the last look; wall is the time since
// any beginning that stays the same, mono that of the clock which nobody sets.
func (m *machine) stepped(wall, mono time.Duration) time.Duration {
	step := (wall - m.wall) - (mono - m.mono)
	known := m.looked
	m.wall, m.mono, m.looked = wall, mono, true
	if !known || step.Abs() < clockStep {
		return 0
	}
	return step
}

// overran is how many overruns are new.
func (m *machine) overran(all uint64) uint64 {
	n := all - m.overruns
	m.overruns = all
	return n
}

// notice records what the machine has done to us.
func (d *Daemon) notice(m *machine) {
	now := time.Now()
	wall := time.Duration(now.UnixNano())
	if step := m.stepped(wall, now.Sub(d.started)); step != 0 {
		d.record(chronicle.Entry{Kind: kindClock, Text: fmt.Sprintf("the clock was set by %s", step.Round(time.Millisecond))})
	}
	if n := m.overran(d.monitor.Stats().Overruns); n > 0 {
		d.record(chronicle.Entry{Kind: kindNetlink, Text: fmt.Sprintf("the kernel dropped messages %d times: links and addresses were listed anew", n)})
	}
}

// history is what is recorded, as a query asks for it.
func (d *Daemon) history(query string) ([]chronicle.Entry, error) {
	var q chronicle.Query
	if query != "" {
		if err := json.Unmarshal([]byte(query), &q); err != nil {
			return nil, fmt.Errorf("history: want a query in JSON: %w", err)
		}
	}
	return d.chronicle.Entries(q), nil
}

// recordOutcome notes what became of a change of the configuration.
func (d *Daemon) recordOutcome(o Outcome) {
	text := string(o.State)
	switch {
	case o.State == Rejected:
		text += ", nothing was changed" + places(o.Places)
	case o.Why != "":
		text += ": " + o.Why
	}
	e := chronicle.Entry{Kind: kindConfig, Text: text}
	if o.Generation > 0 {
		e.Object = fmt.Sprint(o.Generation)
	}
	last := d.chronicle.Entries(chronicle.Query{Kinds: []string{kindConfig}, Last: 1})
	if o.State == Kept && len(last) == 1 && last[0].Object == e.Object && last[0].Text == e.Text {
		return // it is the same: who reloads each minute is not to push out all that happened
	}
	d.record(e)
}

// places is where the errors of a configuration are. What stands there is not
// kept: it may be a key.
func places(all []string) string {
	var at []string
	for _, text := range all {
		if m := place.FindString(text); m != "" {
			at = append(at, m)
		}
	}
	if len(at) == 0 {
		return ""
	}
	return ": errors at " + strings.Join(at[:min(len(at), 10)], ", ")
}

// place is how an error of a configuration begins.
var place = regexp.MustCompile(`^\S+:\d+:\d+`)
