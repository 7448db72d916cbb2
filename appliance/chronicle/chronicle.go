// Package chronicle is what has happened on this box, in a ring that survives a
// reboot and a power cut.
//
// Whoever tells it something does not wait: the entry is in memory at once, and
// a goroutine writes it to the file. What does not fit into its queue is counted,
// and the count is an entry too.
package chronicle

import (
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// Entry is one thing that happened.
type Entry struct {
	Seq    uint64            `json:"seq"` // of this box's entries, in the order of which they happened
	At     time.Time         `json:"at"`
	Boot   string            `json:"boot,omitempty"` // the kernel's id of the boot in which it happened
	Kind   string            `json:"kind"`           // "gate", "session", "configuration", "drain", "watchdog", "start", "stop", …
	Object string            `json:"object,omitempty"`
	Text   string            `json:"text"`             // "closed: link eth1 is down"
	Fields map[string]string `json:"fields,omitempty"` // of the object concerned
}

// Lost is the kind of an entry about others that were not written.
const Lost = "history"

// Query asks for entries; what it does not say is not looked at.
type Query struct {
	After  uint64    `json:"after,omitempty"` // sequence numbers above it
	Since  time.Time `json:"since,omitzero"`
	Kinds  []string  `json:"kinds,omitempty"` // one of them
	Object string    `json:"object,omitempty"`
	Last   int       `json:"last,omitempty"` // at most so many, the newest
}

// Of is the entries that are asked for, in their order.
func (q Query) Of(all []Entry) []Entry {
	found := []Entry{}
	for _, e := range all {
		if e.Seq > q.After && !e.At.Before(q.Since) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) && (q.Object == "" || e.Object == q.Object) {
			found = append(found, e)
		}
	}
	if q.Last > 0 {
		found = found[max(len(found)-q.Last, 0):]
	}
	return found
}

// DefaultSize is that of the file, in octets: some five thousand entries.
const DefaultSize = 1 << 20

// queueLen is how many entries may wait for the file.
const queueLen = 1024

// What a text and a field may have at most, in octets, and an entry of fields.
const (
	textMax   = 1024
	fieldMax  = 256
	fieldsMax = 8
)

// Chronicle is the entries of a box. Any goroutine may use it.
type Chronicle struct {
	boot string
	now  func() time.Time

	mu      sync.Mutex
	kept    []Entry // the newest; no element is changed once it is in
	size    int     // what those take, about
	seq     uint64  // of the newest
	pending []Entry // for the file
	lost    int     // that did not fit into pending
	wake    chan struct{}
	file    *file // nil: memory only
}

// New keeps entries in memory only.
func New(boot string) *Chronicle {
	return &Chronicle{boot: boot, now: time.Now, wake: make(chan struct{}, 1)}
}

// Open goes on with the file at a path, or begins one. A file that is none of
// ours is put aside, with ".bad" behind its name, and aside says so. With an
// error, which leaves the file as it is, the chronicle is in memory only.
func Open(path, boot string) (c *Chronicle, aside string, err error) {
	c = New(boot)
	f, all, aside, err := openFile(path, DefaultSize)
	if err != nil {
		return c, aside, err
	}
	c.file = f
	for _, e := range all {
		c.keep(e)
	}
	return c, aside, nil
}

// Record notes that something happened. It says when and in which boot, unless
// the entry does.
func (c *Chronicle) Record(e Entry) {
	e = trim(e)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.At.IsZero() {
		e.At = c.now()
	}
	if e.Boot == "" {
		e.Boot = c.boot
	}
	e.Seq = c.seq + 1
	c.keep(e)
	switch {
	case c.file == nil:
		return
	case len(c.pending) >= queueLen:
		c.lost++
	default:
		c.pending = append(c.pending, e)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// keep remembers an entry, and forgets the oldest of those that are too many.
// With mu held, or before anybody knows of c.
func (c *Chronicle) keep(e Entry) {
	c.kept, c.seq = append(c.kept, e), e.Seq
	for c.size += weight(e); c.size > DefaultSize; c.kept = c.kept[1:] {
		c.size -= weight(c.kept[0])
	}
}

// weight is about what an entry takes.
func weight(e Entry) int {
	n := 150 + len(e.Text)
	for k, v := range e.Fields {
		n += len(k) + len(v) + 8
	}
	return n
}

// Entries is what is asked for. Who tells does not wait for who asks.
func (c *Chronicle) Entries(q Query) []Entry {
	c.mu.Lock()
	all := c.kept
	c.mu.Unlock()
	return q.Of(all)
}

// Newest is the newest entry; the zero Entry if there is none.
func (c *Chronicle) Newest() (e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.kept); n > 0 {
		e = c.kept[n-1]
	}
	return e
}

// take is what waits for the file, and what says how much did not fit.
func (c *Chronicle) take() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	es := c.pending
	c.pending = nil
	if c.lost > 0 {
		e := Entry{Seq: c.seq + 1, At: c.now(), Boot: c.boot, Kind: Lost, Text: lostText(c.lost)}
		c.lost = 0
		c.keep(e)
		es = append(es, e)
	}
	return es
}

// trim cuts what is too long, at a letter's end.
func trim(e Entry) Entry {
	e.Text, e.Object = cut(e.Text, textMax), cut(e.Object, fieldMax)
	if len(e.Fields) == 0 {
		return e
	}
	fields := make(map[string]string, len(e.Fields))
	for k, v := range e.Fields {
		if len(fields) < fieldsMax {
			fields[cut(k, fieldMax)] = cut(v, fieldMax)
		}
	}
	e.Fields = fields
	return e
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
