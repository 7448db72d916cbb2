package netio

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// mailbox takes functions from other goroutines.
type mailbox struct {
	mu      sync.Mutex
	queue   []letter
	eventfd int
	woken   bool // the eventfd has been written since the last take

	taken []letter // out of the queue; the loop's, as head is
	head  int      // the next one to be called
}

type letter struct {
	fn func()
	at time.Time
}

// Post has fn called on the loop, in the order of the posts. It never blocks.
func (l *Loop) Post(fn func()) {
	m := &l.mail
	m.mu.Lock()
	m.queue = append(m.queue, letter{fn, time.Now()})
	wake := !m.woken
	m.woken = true
	m.mu.Unlock()
	if wake {
		unix.Write(m.eventfd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// readFor is how long letters are read in a turn before connections get theirs:
// one of them is called in any case, and may take a millisecond.
const readFor = 250 * time.Microsecond

// read calls what was posted; what is posted meanwhile waits for the next turn.
func (l *Loop) read() {
	m := &l.mail
	if m.head == len(m.taken) {
		m.take()
	}
	l.touch()
	for start := l.now; m.head < len(m.taken) && l.now.Sub(start) < readFor; l.touch() {
		next := m.taken[m.head]
		m.taken[m.head] = letter{} // nothing old is kept alive
		m.head++
		l.stats.Mailbox.Add(l.now.Sub(next.at))
		next.fn()
		l.ring()
	}
}

// lettersKept is for how many letters memory is kept.
const lettersKept = 4096

// take takes all letters out of the queue.
func (m *mailbox) take() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken, m.queue, m.head = m.queue, m.taken[:0], 0
	if cap(m.queue) > lettersKept {
		m.queue = nil
	}
	if m.woken {
		m.woken = false
		var b [8]byte
		unix.Read(m.eventfd, b[:])
	}
}

// Pending says whether somebody has posted what has not been called yet.
func (l *Loop) Pending() bool { return l.mail.pending() }

// pending says whether letters are waiting.
func (m *mailbox) pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head < len(m.taken) || len(m.queue) > 0
}
