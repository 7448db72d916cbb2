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
		if d := cmp.Diff(want, s.look(start.Add(after), []string{"/hung", "/off", "/on"}, within)); d != "" {
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
	hung <- true // of half a minute ago: it is looked for anew
	for busy := true; busy; {
		s.mu.Lock()
		_, busy = s.since["/hung"]
		s.mu.Unlock()
	}
	go func() { hung <- false }()
	look(31*time.Second, time.Minute, map[string]desired.Sight{"/hung": {}, "/off": {}, "/on": {Exists: true}})
}
