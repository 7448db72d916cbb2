package checker

import (
	"context"
	"errors"
	"sync"

	"holdfast/appliance/health"
)

// Set is the checks that run, each in a goroutine of its own.
type Set struct {
	// Tell is called with each standing that differs from the check's last one.
	// Once Want has come back it is not called for a check that is not wanted.
	Tell func(health.Check, health.Standing)

	look    func(context.Context, health.Check) (health.Verdict, string)
	mu      sync.Mutex
	running map[health.Check]context.CancelFunc
	tasks   sync.WaitGroup
	closed  bool
}

// NewSet makes a set in which nothing runs.
func NewSet(tell func(health.Check, health.Standing)) *Set {
	return &Set{Tell: tell, look: Look, running: map[health.Check]context.CancelFunc{}}
}

// Want makes the checks that run those that are wanted. One that runs already
// goes on with what it has counted.
func (s *Set) Want(checks []health.Check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	stay := map[health.Check]bool{}
	for _, c := range checks {
		stay[c] = true
		if s.running[c] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		s.running[c] = cancel
		s.tasks.Go(func() { s.watch(ctx, c) })
	}
	for c, cancel := range s.running {
		if !stay[c] {
			cancel()
			delete(s.running, c)
		}
	}
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

func (s *Set) watch(ctx context.Context, c health.Check) {
	m := health.Machine{Timing: c.Timing}
	var last health.Standing
	for {
		v, why := s.look(ctx, c)
		m.Step(v)
		if now := m.Standing(why); now != last {
			s.tell(ctx, c, now)
			last = now
		}
		if !sleep(ctx, m.Wait()) {
			return
		}
	}
}

func (s *Set) tell(ctx context.Context, c health.Check, h health.Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		s.Tell(c, h)
	}
}
