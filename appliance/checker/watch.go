package checker

import (
	"context"
	"errors"
	"sync"
	"time"

	"holdfast/appliance/health"
)

// Set is the checks that run, each in a goroutine of its own.
type Set struct {
	// Tell is called with each standing that differs from the check's last one.
	// Once Want has come back it is not called for a check that is not wanted.
	Tell func(health.Check, health.Standing)

	look    func(context.Context, health.Check) (health.Verdict, string)
	mu      sync.Mutex
	running map[health.Check]*running
	tasks   sync.WaitGroup
	closed  bool
}

// running is a check at work.
type running struct {
	cancel context.CancelFunc
	health.Machine
	last health.Standing
}

// NewSet makes a set in which nothing runs.
func NewSet(tell func(health.Check, health.Standing)) *Set {
	return &Set{Tell: tell, look: Look, running: map[health.Check]*running{}}
}

// Want makes the checks that run those that are wanted. One that runs already
// goes on with what it has counted, and so does one that looks at the same as
// before but at other times: its gate would close for nothing.
func (s *Set) Want(checks []health.Check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	stay := map[health.Check]bool{}
	for _, c := range checks {
		stay[c] = true
	}
	for c := range stay {
		if s.running[c] == nil {
			s.start(c, s.before(c, stay))
		}
	}
	for c, r := range s.running {
		if !stay[c] {
			r.cancel()
			delete(s.running, c)
		}
	}
}

// before is the check that does not stay and looks at the same as c; a new one,
// if there is none, or if several may differ.
func (s *Set) before(c health.Check, stay map[health.Check]bool) (was running) {
	n := 0
	for old, r := range s.running {
		if !stay[old] && old.Probe == c.Probe && old.Disable == c.Disable {
			was, n = *r, n+1
		}
	}
	if n > 1 {
		return running{}
	}
	return was
}

// start is called with mu held.
func (s *Set) start(c health.Check, before running) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &before
	r.cancel, r.Timing = cancel, c.Timing
	if r.last != (health.Standing{}) {
		s.Tell(c, r.last)
	}
	s.running[c] = r
	s.tasks.Go(func() { s.watch(ctx, c, r) })
}

// Close ends all checks, and waits for that until ctx is done: a command that
// the kernel does not end would keep us for ever. None begins after that.
func (s *Set) Close(ctx context.Context) error {
	s.Want(nil)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() { s.tasks.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return errors.New("the command of a check does not end")
	}
}

func (s *Set) watch(ctx context.Context, c health.Check, r *running) {
	for {
		v, why := s.look(ctx, c)
		if !sleep(ctx, s.step(ctx, c, r, v, why)) {
			return
		}
	}
}

// step counts a verdict, and says how long to wait before the next look.
func (s *Set) step(ctx context.Context, c health.Check, r *running, v health.Verdict, why string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return 0 // the end of the look says nothing of the service
	}
	r.Step(v)
	if now := r.Standing(why); now != r.last {
		s.Tell(c, now)
		r.last = now
	}
	return r.Wait()
}
