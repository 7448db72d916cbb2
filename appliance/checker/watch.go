package checker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/health"
)

// Set is the checks that run. One that waits is an entry in a queue; a goroutine
// it has only while it looks.
type Set struct {
	// Tell is called with each standing that differs from the check's last one.
	// Once Want has come back it is not called for a check that is not wanted.
	Tell func(health.Check, health.Standing)
	// Runner runs commands. It is set before the first Want; nil: a shell of ours.
	Runner Runner

	look    func(context.Context, health.Check) (health.Verdict, string)
	tasks   sync.WaitGroup
	mu      sync.Mutex
	running map[health.Check]*running
	queue   queue
	timer   *time.Timer
	closed  bool
}

// running is a check at work.
type running struct {
	progress
	check health.Check
	due   time.Time
	look  *underWay // nil: there is none
	gone  bool      // not wanted any more
}

// underWay is one look.
type underWay struct {
	cancel context.CancelFunc
	late   *time.Timer
	hangs  bool // it counts as a failure, and takes no room
}

// progress is what a check that only changes its times keeps.
type progress struct {
	health.Machine
	last health.Standing
}

// NewSet makes a set in which nothing runs.
func NewSet(tell func(health.Check, health.Standing)) *Set {
	s := &Set{Tell: tell, running: map[health.Check]*running{}}
	s.look = func(ctx context.Context, c health.Check) (health.Verdict, string) {
		if s.Runner != nil {
			return look(ctx, c, s.Runner)
		}
		return Look(ctx, c)
	}
	files := unix.Rlimit{Cur: 1024}
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &files) // without an answer it is what every process has
	s.queue = newQueue(files.Cur)
	s.timer = time.AfterFunc(time.Hour, s.wake)
	return s
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
	stay := make(map[health.Check]bool, len(checks))
	var fresh []health.Check
	for _, c := range checks {
		if !stay[c] && s.running[c] == nil {
			fresh = append(fresh, c)
		}
		stay[c] = true
	}
	known := s.end(stay)
	now := time.Now()
	for i, c := range fresh {
		s.start(c, known[subject{c.Probe, c.Disable}], now.Add(spread(i, len(fresh))))
	}
	s.turn()
}

// subject is what checks look at, whenever they do.
type subject struct {
	health.Probe
	disable string
}

// end ends what does not stay, and gives what is known of it: of two that look at
// the same nothing, for they may differ.
func (s *Set) end(stay map[health.Check]bool) map[subject]progress {
	known, twice := map[subject]progress{}, map[subject]bool{}
	for c, r := range s.running {
		if stay[c] {
			continue
		}
		at := subject{c.Probe, c.Disable}
		_, twice[at] = known[at]
		known[at] = r.progress
		if r.gone = true; r.look != nil {
			r.look.cancel()
		}
		delete(s.running, c)
	}
	maps.DeleteFunc(known, func(at subject, _ progress) bool { return twice[at] })
	s.queue.drop()
	return known
}

// start is called with mu held.
func (s *Set) start(c health.Check, before progress, due time.Time) {
	r := &running{progress: before, check: c}
	r.Timing = c.Timing
	if r.last != (health.Standing{}) {
		s.Tell(c, r.last)
	}
	s.running[c] = r
	s.queue.add(r, due)
}

// Close ends all checks, and waits for that until ctx is done: a command that
// the kernel does not end would keep us for ever. None begins after that.
func (s *Set) Close(ctx context.Context) error {
	s.Want(nil)
	s.mu.Lock()
	s.closed = true
	s.timer.Stop()
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

func (s *Set) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn()
}

// turn begins the looks that are due, and sleeps until the next. It is called
// with mu held.
func (s *Set) turn() {
	if s.closed {
		return
	}
	now := time.Now()
	for _, r := range s.queue.take(now) {
		s.begin(r)
	}
	if due, some := s.queue.next(); some {
		s.timer.Reset(due.Sub(now))
	}
}

// tooLate is how long after its time a look may take to come back. What does not
// is in the kernel's hands, as a command is that reads from a disk which is gone.
const tooLate = time.Second

func (s *Set) begin(r *running) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &underWay{cancel: cancel}
	r.look = l
	l.late = time.AfterFunc(r.check.Timeout+tooLate, func() { s.hangs(r, l) })
	s.tasks.Go(func() {
		v, why := s.look(ctx, r.check)
		cancel()
		s.looked(r, v, why)
	})
}

// hangs counts a look that does not come back as one that has failed, again and
// again: the service is not well only because nobody can say that it is not. There
// is no other look until this one has come back.
func (s *Set) hangs(r *running, l *underWay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.look != l {
		return // it has, just now
	}
	if !l.hangs {
		l.hangs = true
		s.queue.done(r)
		defer s.turn()
	}
	if !r.gone {
		s.count(r, health.Fail, fmt.Sprintf("did not end within %s, and can't be ended", r.check.Timeout))
		l.late.Reset(r.Wait())
	}
}

// looked counts a verdict, unless it comes too late.
func (s *Set) looked(r *running, v health.Verdict, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.turn()
	l := r.look
	r.look = nil
	if l.late.Stop(); !l.hangs {
		s.queue.done(r)
	}
	if r.gone {
		return // the end of the look says nothing of the service
	}
	if !l.hangs {
		s.count(r, v, why)
	}
	s.queue.add(r, time.Now().Add(r.Wait()))
}

// count is called with mu held.
func (s *Set) count(r *running, v health.Verdict, why string) {
	r.Step(v)
	if now := r.Standing(why); now != r.last {
		r.last = now
		s.Tell(r.check, now)
	}
}
