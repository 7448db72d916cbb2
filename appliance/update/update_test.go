package update

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/appliance/drain"
)

// TestFind is what a boot finds, for all that is written down.
func TestFind(t *testing.T) {
	written := &Trial{From: "1", To: "2", Stage: Installed, Boot: "a"}
	half := &Trial{From: "1", To: "2", Stage: Installing, Boot: "a"}
	failed := &Trial{From: "1", To: "2", Stage: Installed, Boot: "a", Attempts: []Attempt{{Boot: "b", Missing: []string{"x"}}}}
	for name, c := range map[string]struct {
		running string
		trial   bool
		t       *Trial
		boot    string
		there   string // what the loader has of it
		want    situation
	}{
		"nothing is under way":                     {"1", false, nil, "b", "", idle},
		"it is judged":                             {"2", true, written, "b", "trying", trying},
		"it is judged, and nothing is known":       {"2", true, nil, "b", "trying", trying},
		"another is judged":                        {"3", true, written, "b", "trying", trying},
		"the loader was told just before":          {"2", true, half, "b", "trying", trying},
		"it was kept":                              {"2", false, written, "b", "good", kept},
		"not yet rebooted":                         {"1", false, written, "a", "trying", waiting},
		"being installed":                          {"1", false, half, "a", "", waiting},
		"half written":                             {"1", false, half, "b", "", interrupted},
		"half written down, and it came back":      {"1", false, half, "b", "trying", fellBack},
		"it came back":                             {"1", false, written, "b", "trying", fellBack},
		"it came back, and is gone":                {"1", false, written, "b", "", fellBack},
		"it was not counted":                       {"2", false, written, "b", "trying", trying},
		"it is gone from the loader":               {"2", false, written, "b", "", trying},
		"it was to be left, and runs all the same": {"2", false, failed, "c", "bad", fellBack},
		"it was to be left":                        {"2", false, failed, "c", "good", trying},
		"it was good, and another has come since":  {"3", false, written, "b", "good", kept},
		"a good one was there before":              {"1", false, half, "b", "good", interrupted},
		"it was marked good, and the old one runs": {"1", false, written, "b", "good", halfKept},
		"it was kept, and is started next":         {"1", false, written, "b", "good, primary", kept},
	} {
		var e *Entry
		if c.there != "" {
			state, primary := strings.CutSuffix(c.there, ", primary")
			e = &Entry{Version: "2", State: state, Primary: primary}
		}
		if got := find(c.running, c.trial, c.t, c.boot, e); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// TestLate: a daemon that is started again comes to the same answer, and a clock
// that is wrong has no part in it.
func TestLate(t *testing.T) {
	trial := &Trial{To: "2", Seconds: 60, Attempts: []Attempt{{Boot: "a", Missing: []string{"x"}}}}
	clock := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		running, boot string
		uptime        time.Duration
		want          string
	}{
		{"2", "b", 2 * time.Minute, ""},
		{"2", "b", 2*time.Minute + time.Second, "version 2 was not proven within 2m0s of the boot"},
		{"2", "a", time.Second, "version 2 has failed: x"},
		{"1", "b", time.Hour, ""},
	} {
		if got := Late(trial, c.running, drain.Now{Time: clock, Boot: c.boot, Uptime: c.uptime}); got != c.want {
			t.Errorf("%s in boot %s at %s: %q, want %q", c.running, c.boot, c.uptime, got, c.want)
		}
	}
	if Late(nil, "2", drain.Now{Uptime: time.Hour}) != "" {
		t.Error("late without an update")
	}
}

// TestStrand: who can't ask the boot loader waits for the deadline, or for a
// decision of somebody who can.
func TestStrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		if err := b.save(&Trial{To: "2.0", Seconds: 60}); err != nil {
			t.Fatal(err)
		}
		if why := b.Strand(t.Context(), "1.0"); why != "" {
			t.Error(why)
		}
		if why := b.Strand(t.Context(), "2.0"); why != "version 2.0 was not proven within 2m0s of the boot" {
			t.Error(why)
		}
		for range Tries {
			b.boot(false)
			if why := b.Strand(t.Context(), "2.0"); (why == "") != (b.boots > Tries) {
				t.Errorf("in boot %d: %q", b.boots, why)
			}
		}
		b.boot(false)
		if err := b.save(&Trial{To: "2.0", Seconds: 60}); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { b.end(&Trial{To: "2.0"}, Outcome{State: Aborted}) })
		if why := b.Strand(t.Context(), "2.0"); why != "" {
			t.Error(why)
		}
	})
}

// TestTakes: a larger fraction has those of each smaller one, and versions begin
// with different boxes.
func TestTakes(t *testing.T) {
	n, first, both := 0, 0, 0
	for i := range 1000 {
		box := fmt.Sprint("serial", i)
		small, other := Takes(box, "2.0", 0.1), Takes(box, "3.0", 0.1)
		if small && !Takes(box, "2.0", 0.5) || !Takes(box, "2.0", 1) || Takes(box, "2.0", 0) {
			t.Errorf("%s is in and out", box)
		}
		if small {
			n++
		}
		if other {
			first++
		}
		if small && other {
			both++
		}
	}
	if n < 70 || n > 130 || first < 70 || first > 130 || both > 30 {
		t.Errorf("of 1000 boxes %d take 2.0, %d 3.0, %d both", n, first, both)
	}
}

func TestRunning(t *testing.T) {
	for text, want := range map[string]string{"ID=holdfast\nIMAGE_VERSION=1.2.3\n": "1.2.3", "IMAGE_VERSION=\"2\"\nID='holdfast'": "2", "ID=debian\nIMAGE_VERSION=7\n": "", "": ""} {
		if got := Running(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestLock(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "update")
	unlock, err := Lock(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(folder); err == nil {
		t.Error("two updates at once")
	}
	unlock()
	if unlock, err = Lock(folder); err != nil {
		t.Fatal(err)
	}
	unlock()
}

// FuzzLoad: whatever a disk has made of the file, a daemon starts.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"to":"2","stage":"installed","deadline":60,"attempts":[{"boot":"a","missing":["x"]}],"before":{"sessions":null,"told":{"a":{"":1}}}}`))
	f.Add([]byte(""))
	f.Add([]byte(`{"deadline":1e300}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, trialFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		trial, err := Load(folder)
		if err != nil && trial != nil {
			t.Error("an update and an error")
		}
		Late(trial, "2", drain.Now{Boot: "a", Uptime: time.Hour})
	})
}
