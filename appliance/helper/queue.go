package helper

import (
	"io"
	"sync"
)

// queueMax bounds what waits for a helper that does not read, in octets.
const queueMax = 1 << 20

// queue holds what a helper is to be told. Putting never blocks: what does not
// fit is dropped and counted, because a helper that does not read must cost
// nobody else anything (it used to freeze ExaBGP).
type queue struct {
	mu      sync.Mutex
	more    sync.Cond
	room    sync.Cond // for who waits
	buf     []byte
	last    bool // nothing more is put
	closed  bool
	dropped uint64 // lines, since the queue was last empty
	total   uint64 // lines dropped altogether
}

func newQueue() *queue {
	q := &queue{}
	q.more.L, q.room.L = &q.mu, &q.mu
	return q
}

// put adds whole lines, or none of them; first says that these are the first
// that are dropped since the helper has last read all.
func (q *queue) put(lines []byte) (ok, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(lines) == 0 {
		return true, false
	}
	if len(q.buf)+len(lines) > queueMax {
		first = q.dropped == 0
		n := count(lines)
		q.dropped += n
		q.total += n
		return false, first
	}
	q.buf = append(q.buf, lines...)
	q.more.Signal()
	return true, false
}

// wait adds whole lines once there is room for them, as in an empty queue there
// always is; false: nobody will read them.
func (q *queue) wait(lines []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) > 0 && len(q.buf)+len(lines) > queueMax && !q.closed {
		q.room.Wait()
	}
	if q.closed {
		return false
	}
	q.buf = append(q.buf, lines...)
	q.more.Signal()
	return true
}

func count(lines []byte) (n uint64) {
	for _, c := range lines {
		if c == '\n' {
			n++
		}
	}
	return n
}

// lost is how many lines were dropped altogether.
func (q *queue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// finish ends pump when all that was put is written.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = true
	q.more.Signal()
}

// close ends pump, once what it writes is written or its writer is closed.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
	q.room.Broadcast()
}

// gone says whether somebody closed the queue, rather than that all is written.
func (q *queue) gone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// pump writes what is put until the queue is closed or the helper is.
// resumed is told how many lines were lost, each time the helper reads again.
func (q *queue) pump(w io.Writer, resumed func(lost uint64)) {
	var spare []byte
	for {
		b, lost, ok := q.take(spare)
		if !ok {
			return
		}
		if lost > 0 {
			resumed(lost)
		}
		if _, err := w.Write(b); err != nil {
			q.close() // nobody will read this any more
			return
		}
		spare = b
	}
}

// take waits for lines and gives all of them, with spare to fill instead.
func (q *queue) take(spare []byte) (b []byte, lost uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) == 0 && !q.closed && !q.last {
		q.more.Wait()
	}
	if q.closed || len(q.buf) == 0 {
		return nil, 0, false
	}
	q.room.Broadcast()
	if cap(spare) > 64<<10 {
		spare = nil // a burst's memory is not kept for ever
	}
	b, q.buf = q.buf, spare[:0]
	lost, q.dropped = q.dropped, 0
	return b, lost, true
}
