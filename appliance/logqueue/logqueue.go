// Package logqueue is a log for which nobody waits: lines go through a bounded
// queue to a goroutine, which may wait for whoever reads them.
package logqueue

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// queueLen is how many lines may wait.
const queueLen = 4096

// Queue takes what is to be logged. Any goroutine may use it.
type Queue struct {
	lines chan func()
	say   func(dropped uint64) // on the goroutine, when there is room again
	ended chan struct{}

	mu     sync.Mutex
	fresh  uint64 // dropped, and nobody has been told
	all    uint64
	closed bool
}

// New begins a queue. say is called when lines were dropped, once there is room
// again; it logs that to where the lines go, and not through the queue.
func New(say func(dropped uint64)) *Queue {
	q := &Queue{lines: make(chan func(), queueLen), say: say, ended: make(chan struct{})}
	go q.run()
	return q
}

func (q *Queue) run() {
	defer close(q.ended)
	for f := range q.lines {
		f()
		if n := q.untold(); n > 0 {
			q.say(n)
		}
	}
}

func (q *Queue) untold() (n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, q.fresh = q.fresh, 0
	return n
}

// Put has f called on the goroutine, after all that was put before. It does not
// wait: where there is no room, f is dropped.
func (q *Queue) Put(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	select {
	case q.lines <- f:
	default:
		q.fresh++
		q.all++
	}
}

// Dropped is how many lines there was no room for.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all
}

// Close waits until all is written, for so long at most, and says whether it is.
// What is put from then on is dropped.
func (q *Queue) Close(limit time.Duration) bool {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	select {
	case <-q.ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// Writer is w through the queue: a handler of slog writes a line at once.
func (q *Queue) Writer(w io.Writer) io.Writer { return writer{q, w} }

type writer struct {
	q *Queue
	w io.Writer
}

func (w writer) Write(b []byte) (int, error) {
	line := bytes.Clone(b)
	w.q.Put(func() { _, _ = w.w.Write(line) }) // nobody is there to be told
	return len(b), nil
}
