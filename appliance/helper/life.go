package helper

import (
	"context"
	"time"

	"holdfast/bgp/api"
)

// lives starts the program again and again, with back-off, until ctx is done.
func (h *helper) lives(ctx context.Context, live func(context.Context) error) {
	var b backoff
	for ctx.Err() == nil {
		b.started(time.Now())
		err := live(ctx)
		h.pid.Store(0)
		if ctx.Err() != nil {
			return
		}
		if h.process.NoRespawn {
			h.log.Warn("helper has ended", "error", err)
			return
		}
		wait := b.wait(time.Now())
		h.log.Warn("helper has ended, and is started again", "error", err, "in", wait)
		pause(ctx, wait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// born notes a new life.
func (h *helper) born(pid int, q *queue) {
	if old := h.out.Swap(q); old != nil {
		h.before.Add(old.lost())
	}
	h.pid.Store(int64(pid))
	h.starts.Add(1)
	h.log.Info("helper started", "pid", pid)
}

func (h *helper) queue() *queue { return h.out.Load() }

func (h *helper) lost() uint64 {
	n := h.before.Load()
	if q := h.queue(); q != nil {
		n += q.lost()
	}
	return n
}

// say queues lines for the helper; that it does not read is logged once, until
// it reads again.
func (h *helper) say(lines []byte) bool {
	q := h.queue()
	if q == nil {
		return true
	}
	ok, first := q.put(lines)
	if first {
		h.log.Warn("helper does not read what it is told; further lines are dropped", "waiting", queueMax)
	}
	return ok
}

func (h *helper) resumed(lost uint64) {
	h.log.Warn("helper reads again", "lines lost", lost)
}

// count notes a batch that was applied.
func (h *helper) count(b *api.Batch) {
	h.commands.Add(uint64(b.Commands))
	last := -1
	for i := range b.Items {
		if it := &b.Items[i]; it.Err != nil && it.Command != last {
			last = it.Command
			h.errors.Add(1)
		}
	}
}
