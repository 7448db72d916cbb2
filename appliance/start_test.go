package appliance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/appliance/generation"
)

// TestStartWithABadFile has the last good one be at work, and says so.
func TestStartWithABadFile(t *testing.T) {
	good := neighborWith("127.0.0.2", "10.0.0.0/24")
	c := newChange(t, true, good)
	c.pass(6)
	c.write(c.conf, good+"nonsense;")
	c.boot()
	c.is("a file with an error", "127.0.0.2", generation.Good)
	if r := c.d.changes.view.Load().Refused; r == nil || !strings.HasPrefix(r.Why, c.conf+":3:1: unknown word") {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(c.conf); err != nil {
		t.Fatal(err)
	}
	c.boot()
	c.is("no file", "127.0.0.2", generation.Good)
	c.state = t.TempDir()
	if _, err := c.start(); err == nil {
		t.Error("a start with no configuration at all")
	}
}

// TestStateDirectoryOfABadFile: what a file says of it counts, whatever else is
// wrong with it.
func TestStateDirectoryOfABadFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := newChange(t, false, "appliance { state-directory "+dir+"; }\n"+neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.write(c.conf, "nonsense;\nappliance { state-directory "+dir+"; }\n")
	c.boot()
	c.is("a file with an error", "127.0.0.2", generation.Good)
}

// TestEndedWhileTrying gives a configuration a second chance, and no third.
func TestEndedWhileTrying(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.up(true, "127.0.0.2")
	c.pass(120) // it is written down how the box stands
	bad := neighborWith("127.0.0.2", "10.0.0.0/24") + neighborWith("127.0.0.5", "10.0.0.0/24")
	c.reload(bad)
	c.boot()
	c.is("a second chance", "127.0.0.2 127.0.0.5", generation.Trying)
	if before := c.d.changes.trial.Before; !before.Sessions["127.0.0.2"].Up {
		t.Errorf("it is held to %+v", before)
	}
	c.boot()
	c.is("no third", "127.0.0.2", generation.Good)
	if r := c.d.changes.view.Load().Refused; r == nil || !strings.Contains(r.Why, "twice") {
		t.Errorf("%+v", r)
	}
	c.boot()
	c.is("nor later", "127.0.0.2", generation.Good)
	c.reload(bad)
	c.is("who asks has it tried", "127.0.0.2 127.0.0.5", generation.Trying)
	c.write(c.conf, neighborWith("127.0.0.6", "10.0.0.0/24"))
	c.boot()
	c.is("a file that has changed", "127.0.0.6", generation.Trying)
	c.pass(60)
	c.is("a neighbor that was taken away", "127.0.0.6", generation.Good)
}

// TestStartTries a file that is new, against how the box stood before.
func TestStartTries(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.up(true, "127.0.0.2")
	c.pass(120)
	c.write(c.conf, neighborWith("127.0.0.2", "10.9.0.0/24"))
	c.boot()
	c.is("a new file", "127.0.0.2", generation.Trying)
	c.pass(60)
	c.is("no session", "127.0.0.2", generation.Good)
	if s := c.d.changes.view.Load(); s.Generation != 1 || s.Refused == nil {
		t.Errorf("%+v", s)
	}
	c.boot()
	if s := c.d.changes.view.Load(); s.Generation != 1 || s.Refused == nil || !strings.HasPrefix(s.Refused.Why, "it was rejected before: the session with 127.0.0.2 is down") {
		t.Errorf("the next life: %+v", s)
	}
}

// TestDamagedGeneration: the one before it is used.
func TestDamagedGeneration(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.reload(neighborWith("127.0.0.3", "10.0.0.0/24"))
	c.pass(6)
	c.write(filepath.Join(c.state, "generations", "2", "files", "edge.conf"), "neighbor ")
	c.write(c.conf, "nonsense;")
	c.boot()
	c.is("the one before", "127.0.0.2", generation.Good)
}

// TestStopWhileTrying leaves the trial to the next start, and what was up before
// it.
func TestStopWhileTrying(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.up(true, "127.0.0.2")
	done := c.d.Change(c.bundle("one", map[string]string{"a.conf": neighborWith("127.0.0.2", "10.1.0.0/24")}))
	c.up(false, "127.0.0.2")
	c.d.shutdown("test", c.d.factsNow())
	if got := c.outcome(done); got != "replaced: the daemon stops" {
		t.Error(got)
	}
	c.pass(1000) // too late to judge
	c.boot()
	c.is("the next life", "127.0.0.2", generation.Trying)
	if s := c.d.changes; s.work.Source != "one" || !s.trial.Before.Sessions["127.0.0.2"].Up {
		t.Errorf("%s, held to %+v", s.work.Source, s.trial.Before)
	}
}
