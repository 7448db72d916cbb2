package helper

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// What may wait for a helper that does not read, in octets.
const (
	answersMax = 1 << 20
	eventsMax  = 32 << 20
)

// What a helper is given at once, in octets.
const (
	eventsAtOnce = 16 << 10 // of reports; their lines are longer, where they have many
	writeAtOnce  = 64 << 10 // of lines
)

// Event is something that a helper is told of, which may be several events in a
// row. It becomes words when the helper reads them, on the helper's goroutine.
type Event interface {
	AppendTo(b []byte) []byte // whole lines
	Size() int                // about how much memory it holds, in octets
	Events() uint64           // how many are lost if it is
}

// queue holds what a helper is to be told, in two lanes: answers, which are
// lines, go before events. Putting never blocks: what does not fit is dropped and
// counted, because a helper that does not read must cost nobody else anything
// (it used to freeze ExaBGP).
type queue struct {
	mu      sync.Mutex
	more    sync.Cond
	room    sync.Cond // for who waits
	last    bool      // nothing more is put
	buf     []byte    // answers
	events  []Event   // from head on
	head    int
	size    int // of events, in octets
	closed  bool
	stuck   bool   // somebody has waited for room in vain
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
	if len(q.buf)+len(lines) > answersMax {
		return false, q.drop(count(lines))
	}
	q.buf = append(q.buf, lines...)
	q.more.Signal()
	return true, false
}

// wait adds whole lines once there is room for them, as in an empty queue there
// always is; false: nobody reads them, for he is gone or has read nothing for
// long. He may himself wait for us to read what he says, and so is waited for
// once, until he has read something.
func (q *queue) wait(lines []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.full(lines) && !q.closed && !q.stuck {
		t := time.AfterFunc(patience, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.stuck = true
			q.room.Broadcast()
		})
		q.room.Wait()
		t.Stop()
	}
	switch {
	case q.closed:
		return false
	case q.full(lines):
		q.drop(count(lines))
		return false
	}
	q.buf = append(q.buf, lines...)
	q.more.Signal()
	return true
}

// full says whether there is no room for lines.
func (q *queue) full(lines []byte) bool {
	return len(q.buf) > 0 && len(q.buf)+len(lines) > answersMax
}

// hear adds an event, or drops it, as put does.
func (q *queue) hear(e Event) (ok, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := e.Size()
	if q.closed {
		return true, false
	}
	if q.size+n > eventsMax {
		return false, q.drop(e.Events())
	}
	if q.head > len(q.events)/2 && len(q.events) == cap(q.events) { // before it grows
		q.events, q.head = moved(q.events, q.head), 0
	}
	q.events = append(q.events, e)
	q.size += n
	q.more.Signal()
	return true, false
}

// moved has what follows the head at the front.
func moved(events []Event, head int) []Event {
	n := copy(events, events[head:])
	clear(events[n:])
	return events[:n]
}

// drop counts lines, and says whether they are the first since the queue was
// last empty.
func (q *queue) drop(lines uint64) (first bool) {
	first = q.dropped == 0
	q.dropped += lines
	q.total += lines
	return first
}

func count(lines []byte) uint64 { return uint64(bytes.Count(lines, []byte{'\n'})) }

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

// waiting is what the helper is still to read: answers in lines, events in
// reports.
func (q *queue) waiting() (items uint64, octets int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return count(q.buf) + uint64(len(q.events)-q.head), len(q.buf) + q.size
}

// over says whether the queue is closed.
func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// empty says whether nothing waits.
func (q *queue) empty() bool { return len(q.buf) == 0 && q.head == len(q.events) }

// close ends pump, once what it writes is written or its writer is closed.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.buf, q.events, q.head, q.size = nil, nil, 0, 0
	q.more.Broadcast()
	q.room.Broadcast()
}

// pump writes what is put until the queue is closed or the helper is.
// resumed is told how many lines were lost, each time the helper has read all
// that was not.
func (q *queue) pump(w io.Writer, resumed func(lost uint64)) {
	var t taken
	for q.take(&t) {
		if t.lost > 0 {
			resumed(t.lost)
		}
		if t.write(w) != nil {
			q.close() // nobody will read this any more
		}
	}
}

// taken is what pump has in hand.
type taken struct {
	answers []byte
	events  []Event
	lost    uint64
	text    []byte // of events
}

// write gives the helper everything, in few writes.
func (t *taken) write(w io.Writer) error {
	if len(t.answers) > 0 {
		if _, err := w.Write(t.answers); err != nil {
			return err
		}
	}
	t.text = t.text[:0]
	for i, e := range t.events {
		t.text = e.AppendTo(t.text)
		if len(t.text) < writeAtOnce && i < len(t.events)-1 {
			continue
		}
		if _, err := w.Write(t.text); err != nil {
			return err
		}
		t.text = kept(t.text)
	}
	return nil
}

// kept is a buffer to use again: a burst's memory is not kept for ever.
func kept(b []byte) []byte {
	if cap(b) > 4*writeAtOnce {
		return nil
	}
	return b[:0]
}

// take waits until there is something, and gives all answers, and a few events.
func (q *queue) take(t *taken) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(t.events) // what was told is not kept alive
	t.events = t.events[:0]
	for q.empty() && !q.closed && !q.last {
		q.more.Wait()
	}
	if q.closed || q.empty() {
		return false
	}
	q.stuck = false
	q.room.Broadcast()
	t.answers, q.buf = q.buf, kept(t.answers)
	q.takeEvents(t)
	t.lost = 0
	if q.empty() {
		t.lost, q.dropped = q.dropped, 0
	}
	return true
}

func (q *queue) takeEvents(t *taken) {
	for size := 0; q.head < len(q.events) && size < eventsAtOnce; q.head++ {
		e := q.events[q.head]
		q.events[q.head] = nil
		t.events = append(t.events, e)
		size += e.Size()
		q.size -= e.Size()
	}
	if q.head == len(q.events) {
		q.events, q.head = q.events[:0], 0
		if cap(q.events) > eventsKept {
			q.events = nil
		}
	}
}

// eventsKept is how much room for events is kept when none is there.
const eventsKept = 1024
