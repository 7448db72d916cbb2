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
	spare   []letter
	eventfd int
	woken   bool // the eventfd has been written since the last take
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

// letters is how many are read in a turn before connections get theirs: a batch
// of a helper's commands is one letter and may take a millisecond.
const letters = 64

// read calls what was posted; what is posted meanwhile waits for the next turn.
func (l *Loop) read() {
	m := &l.mail
	m.mu.Lock()
	batch := m.queue
	n := min(len(batch), letters)
	rest := batch[n:]
	m.queue = append(m.spare[:0], rest...)
	m.spare = nil
	if len(m.queue) == 0 && m.woken {
		m.woken = false
		var b [8]byte
		unix.Read(m.eventfd, b[:])
	}
	m.mu.Unlock()
	for i := range batch[:n] {
		l.touch()
		l.stats.Mailbox.add(l.now.Sub(batch[i].at))
		batch[i].fn()
		l.ring()
	}
	clear(batch)
	m.mu.Lock()
	if m.spare == nil && cap(batch) <= 4096 {
		m.spare = batch[:0]
	}
	m.mu.Unlock()
}

// Pending says whether somebody has posted what has not been called yet.
func (l *Loop) Pending() bool { return l.mail.pending() }

// pending says whether letters are waiting.
func (m *mailbox) pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue) > 0
}
