package netio

import (
	"container/heap"
	"time"
)

// Alarm calls a function on the loop once its time has come. It belongs to the
// loop.
type Alarm struct {
	loop  *Loop
	at    time.Time
	index int // in the heap; -1: not set
	fn    func(now time.Time)
}

// At makes an alarm; a zero time makes one that is not set. Loop only.
func (l *Loop) At(t time.Time, fn func(now time.Time)) *Alarm {
	a := &Alarm{loop: l, index: -1, fn: fn}
	a.Reset(t)
	return a
}

// Reset sets the alarm to another time; a zero time stops it.
func (a *Alarm) Reset(t time.Time) {
	switch {
	case t.IsZero():
		a.Stop()
	case a.index < 0:
		a.at = t
		heap.Push(&a.loop.alarms, a)
	case !t.Equal(a.at):
		a.at = t
		heap.Fix(&a.loop.alarms, a.index)
	}
}

// Stop makes sure that the function is not called.
func (a *Alarm) Stop() {
	if a.index >= 0 {
		heap.Remove(&a.loop.alarms, a.index)
	}
}

// alarms is a heap, the next one first.
type alarms []*Alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *alarms) Push(x any) {
	a := x.(*Alarm)
	a.index = len(*h)
	*h = append(*h, a)
}
func (h *alarms) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.index = -1
	return a
}

// ring calls the alarms whose time has come. An alarm that is set again to a
// time that has come as well waits for the next turn.
func (l *Loop) ring() {
	for n := len(l.alarms); n > 0 && len(l.alarms) > 0 && !l.alarms[0].at.After(l.now); n-- {
		a := heap.Pop(&l.alarms).(*Alarm)
		a.fn(l.now)
	}
}
