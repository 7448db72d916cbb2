// Package netio is one epoll loop: sockets, deadlines, mailbox; non-blocking
// dial and listen; socket options with TCP-MD5, GTSM and bind-to-device.
//
// A turn: wait until something is ready or the next deadline; ring the alarms
// that are due; read the mailbox; serve the ready connections round robin, each
// within its budget, alarms checked after each. Nothing on the loop blocks.
package netio

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Budget is how many octets a connection may read and write in one turn.
type Budget struct{ Read, Write int }

// Loop owns file descriptors, deadlines and everything that its callbacks
// touch. All methods but Post, Turns and Run are for the loop's goroutine, or
// for before Run.
type Loop struct {
	Budget Budget
	// Heartbeat is how long a turn may sleep: whoever watches Turns sees an idle
	// loop make progress. A second, if nobody sets it.
	Heartbeat time.Duration

	log     *slog.Logger
	epoll   int
	mail    mailbox
	alarms  alarms
	now     time.Time
	turns   atomic.Uint64
	files   map[int32]file
	ready   []file // in the order of service
	queued  []file // spare for the next turn
	buffer  []byte // one read buffer for all connections
	stats   Stats
	closing int // connections that are being closed in order
}

// file is something that epoll can find ready.
type file interface {
	events(ev uint32) // what epoll saw
	serve() bool      // within budget; true: there is more to do
	abort()
}

// Stats is how the loop has served, since it was made.
type Stats struct {
	Turns   uint64
	Turn    Histogram // time from wake-up to sleep
	Mailbox Histogram // time from Post to call
	Panics  uint64    // handlers that panicked; each cost its own connection
}

// New makes a loop. log may be nil.
func New(log *slog.Logger) (*Loop, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &Loop{Budget: Budget{Read: 64 << 10, Write: 256 << 10}, Heartbeat: time.Second, log: log, epoll: ep, now: time.Now(),
		files: map[int32]file{}, buffer: make([]byte, 64<<10)}
	l.mail.eventfd = ev
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, ev, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(ev)}); err != nil {
		return nil, fmt.Errorf("epoll: eventfd: %w", err)
	}
	return l, nil
}

// Run turns until the context ends, on a thread of its own. Whatever is open
// then is aborted.
func (l *Loop) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := context.AfterFunc(ctx, func() { l.Post(func() {}) })
	defer stop()
	var events [128]unix.EpollEvent
	for ctx.Err() == nil {
		if err := l.turn(events[:]); err != nil {
			return err
		}
	}
	l.shut()
	return nil
}

// shut closes everything.
func (l *Loop) shut() {
	for _, f := range l.files {
		f.abort()
	}
	unix.Close(l.mail.eventfd)
	unix.Close(l.epoll)
}

// Now is the time of this turn, and never older than the last callback's start.
func (l *Loop) Now() time.Time { return l.now }

// Turns counts completed turns; any goroutine may ask. An idle loop completes
// one with every Heartbeat.
func (l *Loop) Turns() uint64 { return l.turns.Load() }

// Lingering is how many connections are being closed in order: their last
// words are on the way.
func (l *Loop) Lingering() int { return l.closing }

// Stats is a copy of the loop's counters.
func (l *Loop) Stats() Stats {
	l.stats.Turns = l.turns.Load()
	return l.stats
}

func (l *Loop) touch() { l.now = time.Now() }

func (l *Loop) turn(events []unix.EpollEvent) error {
	n, err := unix.EpollWait(l.epoll, events, l.sleep())
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	l.touch()
	start := l.now
	for _, ev := range events[:max(n, 0)] {
		if f, ok := l.files[ev.Fd]; ok {
			f.events(ev.Events)
		}
	}
	l.ring()
	l.read()
	l.serve()
	l.touch()
	l.stats.Turn.Add(l.now.Sub(start))
	l.turns.Add(1)
	return nil
}

// sleep is how long epoll may wait, in milliseconds, rounded up: a deadline
// that is rung too early would be rung for nothing.
func (l *Loop) sleep() int {
	if len(l.ready) > 0 || l.mail.pending() {
		return 0
	}
	d := l.Heartbeat
	if len(l.alarms) > 0 {
		d = min(d, time.Until(l.alarms[0].at))
	}
	return int(max(d+time.Millisecond-1, 0) / time.Millisecond)
}

// serve gives every ready connection one budget. Those with more to do are
// first served again after all others.
func (l *Loop) serve() {
	batch := l.ready
	l.ready = l.queued[:0]
	for i, f := range batch {
		batch[i] = nil
		if f.serve() {
			l.ready = append(l.ready, f)
		}
		l.touch()
		l.ring()
	}
	l.queued = batch[:0]
}

func (l *Loop) add(fd int, f file, events uint32) error {
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	l.files[int32(fd)] = f
	return nil
}

func (l *Loop) change(fd int, events uint32) {
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		l.log.Error("epoll", "error", err)
	}
}

// release is remove for a descriptor that stays open.
func (l *Loop) release(fd int) {
	delete(l.files, int32(fd))
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil); err != nil {
		l.log.Error("epoll", "error", err)
	}
}

func (l *Loop) remove(fd int) {
	delete(l.files, int32(fd))
	// A child between fork and exec has it too: a close alone would leave it in the
	// epoll set, and what happens to it would be taken for another one's.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	unix.Close(fd)
}
