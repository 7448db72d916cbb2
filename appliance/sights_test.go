package appliance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/desired"
)

// TestSights: a file system that hangs holds up who looks for the first time only,
// and nobody who looks for other files; what was seen of it is given up in time.
func TestSights(t *testing.T) {
	hung := make(chan bool)
	s := newSights()
	s.exists = func(path string) bool {
		switch path {
		case "/hung":
			return <-hung
		case "/off":
			return false
		}
		return true
	}
	start := time.Date(2026, 1, 2, 15, 4, 5, 0, time.Local)
	look := func(after time.Duration, within time.Duration, want map[string]desired.Sight) {
		t.Helper()
		paths := []string{"/hung", "/off", "/on"}
		if within == 0 { // then the others may come or not
			paths = paths[:1]
		}
		if d := cmp.Diff(want, s.look(start.Add(after), paths, within)); d != "" {
			t.Errorf("after %s:\n%s", after, d)
		}
	}
	others := map[string]desired.Sight{"/off": {}, "/on": {Exists: true}}
	go func() { hung <- true }()
	look(0, time.Minute, map[string]desired.Sight{"/hung": {Exists: true}, "/off": {}, "/on": {Exists: true}})
	s.look(start, []string{"/hung"}, 0) // does not come back
	look(1*time.Second, time.Minute, others)
	look(29*time.Second, time.Minute, others)
	lost := desired.Sight{Lost: "can't be looked for: its file system has not answered since 15:04:05"}
	look(30*time.Second, time.Minute, map[string]desired.Sight{"/hung": lost, "/off": {}, "/on": {Exists: true}})
	hung <- true // it has come back in between
	for busy := true; busy; {
		s.mu.Lock()
		_, busy = s.since["/hung"]
		s.mu.Unlock()
	}
	look(31*time.Second, 0, map[string]desired.Sight{"/hung": {Exists: true}})
}

// TestDroppedFile: what was looked for while a reload dropped it is no fact.
func TestDroppedFile(t *testing.T) {
	c := newChange(t, true, "watchdog dns { file /nowhere absent; }\n"+neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.d.reconciler.found(map[string]desired.Sight{"/nowhere": {}, "/dropped": {Exists: true}})
	in, _, _ := c.d.reconciler.decided()
	if d := cmp.Diff(map[string]desired.Sight{"/nowhere": {}}, in.Files); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
