package checker

import (
	"container/heap"
	"slices"
	"time"

	"holdfast/appliance/health"
)

// queue is when which check is looked at: in the order in which they are due, and
// no more of them at once than there is room for. It takes time as an argument.
type queue struct {
	later   byTime
	natives lane
	execs   lane
}

// lane is the looks of one sort. Where there is no room for all that are due, the
// checks that are about to change come first: of the others nothing new is
// expected.
type lane struct {
	room, busy    int
	urgent, usual []*running
}

// Room for looks at once. A look over a socket costs little while it waits, and
// each waits for its timeout if the network is gone: with less room ten thousand
// of them would wait for each other. A process costs more.
const (
	roomForNatives = 4096
	roomForExecs   = 32
)

// newQueue makes one for a process that may have so many files.
func newQueue(files uint64) queue {
	return queue{natives: lane{room: int(min(roomForNatives, max(files/2, 1)))}, execs: lane{room: roomForExecs}}
}

// The first looks of checks that begin together are spread: pace is between two
// of them, unless that would take them all more than wholeSpread.
const (
	pace        = 500 * time.Microsecond
	wholeSpread = 5 * time.Second
)

// spread is when the i-th of n checks that begin together is looked at first.
func spread(i, n int) time.Duration {
	return time.Duration(i) * min(pace, wholeSpread/time.Duration(max(n, 1)))
}

func (q *queue) lane(r *running) *lane {
	if r.check.Kind == health.Exec {
		return &q.execs
	}
	return &q.natives
}

// add has a check looked at when it is due.
func (q *queue) add(r *running, due time.Time) {
	r.due = due
	heap.Push(&q.later, r)
}

// take gives the checks whose looks begin now.
func (q *queue) take(now time.Time) (begin []*running) {
	for len(q.later) > 0 && !q.later[0].due.After(now) {
		r := heap.Pop(&q.later).(*running)
		l := q.lane(r)
		if s := r.State(); s == health.Rising || s == health.Falling {
			l.urgent = append(l.urgent, r)
		} else {
			l.usual = append(l.usual, r)
		}
	}
	for _, l := range []*lane{&q.natives, &q.execs} {
		begin = l.take(begin)
	}
	return begin
}

func (l *lane) take(begin []*running) []*running {
	for _, waiting := range []*[]*running{&l.urgent, &l.usual} {
		n := min(len(*waiting), l.room-l.busy)
		begin = append(begin, (*waiting)[:n]...)
		l.busy += n
		*waiting = slices.Delete(*waiting, 0, n)
	}
	return begin
}

// done makes room again after a look.
func (q *queue) done(r *running) { q.lane(r).busy-- }

// drop forgets checks that wait and are not wanted any more.
func (q *queue) drop() {
	gone := func(r *running) bool { return r.gone }
	q.later = slices.DeleteFunc(q.later, gone)
	heap.Init(&q.later)
	for _, l := range []*lane{&q.natives, &q.execs} {
		l.urgent, l.usual = slices.DeleteFunc(l.urgent, gone), slices.DeleteFunc(l.usual, gone)
	}
}

// next is when the next check is due; false: none is, until a look is through.
func (q *queue) next() (time.Time, bool) {
	if len(q.later) == 0 {
		return time.Time{}, false
	}
	return q.later[0].due, true
}

// byTime is a heap of checks, the one that is due next first.
type byTime []*running

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for package heap, as Pop is.
func (h *byTime) Push(x any) { *h = append(*h, x.(*running)) }

// Pop takes the last one.
func (h *byTime) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return r
}
