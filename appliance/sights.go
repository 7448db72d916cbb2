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
	seen   map[string]bool      // what came back, and was not told yet
}

func newSights() *sights {
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	return &sights{exists: exists, since: map[string]time.Time{}, seen: map[string]bool{}}
}

// look is what is seen of files within a time, or has come since the look before. One
// that is missing there is as it was.
func (s *sights) look(now time.Time, paths []string, within time.Duration) map[string]desired.Sight {
	come, wait := make(chan struct{}, len(paths)), 0
	for _, path := range paths {
		if s.begin(path, now) {
			wait++
			go func() { s.one(path); come <- struct{}{} }()
		}
	}
	late := time.NewTimer(within)
	defer late.Stop()
	for ; wait > 0; wait-- {
		select {
		case <-come:
		case <-late.C:
			wait = 1
		}
	}
	return s.take(now, paths)
}

// begin says whether nobody looks for a file yet.
func (s *sights) begin(path string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.since[path]; busy {
		return false
	}
	s.since[path] = now
	return true
}

func (s *sights) one(path string) {
	exists := s.exists(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.since, path)
	s.seen[path] = exists
}

// take gives what was seen, and what was looked for too long.
func (s *sights) take(now time.Time, paths []string) map[string]desired.Sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]desired.Sight, len(paths))
	for _, path := range paths {
		began, busy := s.since[path]
		if exists, ok := s.seen[path]; ok {
			all[path] = desired.Sight{Exists: exists}
		} else if busy && now.Sub(began) >= sightPatience {
			all[path] = desired.Sight{Lost: fmt.Sprintf("can't be looked for: its file system has not answered since %s", began.Format(time.TimeOnly))}
		}
		delete(s.seen, path)
	}
	return all
}
