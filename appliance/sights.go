package appliance

import (
	"fmt"
	"os"
	"sync"
	"time"

	"holdfast/appliance/desired"
)

// sightPatience is how long what is known of a file stays true while its file system
// does not answer. A server of files may be away for a moment, on all boxes that use
// it; a disk that is gone proves nothing of the service on it.
const sightPatience = 30 * time.Second

// firstLook is how long a configuration waits for its files before it is at work.
const firstLook = time.Second

// sights looks for files. A look takes as long as the file system likes, and nobody
// waits for it: who did would show nobody that he lives.
type sights struct {
	exists func(path string) bool
	mu     sync.Mutex
	since  map[string]time.Time // when a look began that has not come back
}

func newSights() *sights {
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	return &sights{exists: exists, since: map[string]time.Time{}}
}

// look is what is seen of files within a time. One that is missing there has not
// been seen, and is as it was.
func (s *sights) look(now time.Time, paths []string, within time.Duration) map[string]desired.Sight {
	type seen struct {
		path   string
		exists bool
	}
	all, come := make(map[string]desired.Sight, len(paths)), make(chan seen, len(paths))
	wait := 0
	for _, path := range paths {
		if began, first := s.begin(path, now); first {
			wait++
			go func() { come <- seen{path, s.one(path)} }()
		} else if now.Sub(began) >= sightPatience {
			all[path] = desired.Sight{Lost: fmt.Sprintf("can't be looked for: its file system has not answered since %s", began.Format(time.TimeOnly))}
		}
	}
	late := time.NewTimer(within)
	defer late.Stop()
	for ; wait > 0; wait-- {
		select {
		case f := <-come:
			all[f.path] = desired.Sight{Exists: f.exists}
		case <-late.C:
			return all
		}
	}
	return all
}

// begin says since when a file is looked for, and whether that is since now.
func (s *sights) begin(path string, now time.Time) (began time.Time, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began, busy := s.since[path]
	if !busy {
		began, s.since[path] = now, now
	}
	return began, !busy
}

func (s *sights) one(path string) bool {
	exists := s.exists(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.since, path)
	return exists
}
