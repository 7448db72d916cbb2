package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance"
	"holdfast/lab/golden"
	"holdfast/watchdog"
)

// TestWatchdogs is what people read of boxes: sections are named by them.
func TestWatchdogs(t *testing.T) {
	now := time.Unix(1000, 0)
	list := []watchdog.Info{
		{Path: "/dev/watchdog0", Identity: "i6300ESB timer", Timeout: 10 * time.Second, Active: true, InUse: "process 300 (holdfast)", CausedReset: true, BootStatus: []string{"card-reset"}},
		{Path: "/dev/watchdog1", Identity: watchdog.Software, Timeout: time.Minute, NoWayOut: true},
	}
	boxes := map[string]*dogs{"none": newDogs(nil), "fed": newDogs(list), "stalled": newDogs(list[:1]), "no section": newDogs(list[1:])}
	boxes["none"].Error = "no daemon answers on /run/holdfast/control.sock"
	boxes["fed"].Daemon = &appliance.WatchdogStatus{Configured: true, Armed: true, Device: "/dev/watchdog0", LastFed: now.Add(-time.Second), FedWitness: []string{"the event loop", "the reconciler"}}
	boxes["stalled"].Daemon = &appliance.WatchdogStatus{Configured: true, Why: "the event loop makes no progress", FedWitness: []string{"the event loop", "the reconciler"}, StalledBy: []string{"the event loop"}}
	boxes["no section"].Daemon = &appliance.WatchdogStatus{}
	golden.Files(t, "testdata/watchdog.txtar", func(t *testing.T, a *txtar.Archive) {
		for i := range a.Files {
			var out bytes.Buffer
			boxes[a.Files[i].Name].print(newPrinter(&out), now)
			a.Files[i].Data = out.Bytes()
		}
	})
}

func TestWatchdogVerb(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"watchdog", "--socket", "/nowhere/x"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "daemon: no daemon answers on /nowhere/x") {
		t.Errorf("exit code %d, %q, %q", code, &out, &errs)
	}
}
