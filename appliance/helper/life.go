package helper

import (
	"context"
	"sync"
	"syscall"
	"time"

	"holdfast/bgp/api"
)

// lives starts the program again and again, with back-off, until ctx is done.
func (h *helper) lives(ctx context.Context, live func(context.Context) error) {
	var b backoff
	for ctx.Err() == nil && !h.last.Load() {
		b.started(time.Now())
		err := live(ctx)
		h.pid.Store(0)
		if ctx.Err() != nil {
			return
		}
		if h.process.NoRespawn || h.last.Load() {
			h.log.Warn("helper has ended", "error", err)
			h.ended(err, 0)
			return
		}
		wait := b.wait(time.Now())
		h.log.Warn("helper has ended, and is started again", "error", err, "in", wait)
		h.ended(err, wait)
		pause(ctx, wait)
	}
}

// ended tells whoever wants to know that a life is over.
func (h *helper) ended(err error, again time.Duration) {
	if f := h.options.Ended; f != nil {
		f(h.process.Name, err, again)
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

// drainTime is how long what a dead helper has said is read. Its pipe is empty
// at once, unless somebody who outlives it holds it open.
const drainTime = time.Second

// live starts the program and serves it until it has ended; the error says how
// it could not start, or how it ended.
func (h *helper) live(ctx context.Context) error {
	c, err := start(h.process, h.options.Start)
	if err != nil {
		h.queue().close()
		return err
	}
	defer c.close()
	h.born(c)
	quit := make(chan struct{})
	defer context.AfterFunc(ctx, func() { h.stop(c, quit) })()
	return h.serve(c, quit)
}

// serve runs what a life needs, and ends when all of it has.
func (h *helper) serve(c *child, quit <-chan struct{}) (err error) {
	s := session{options: h.options, log: h.log, from: h.process.Name, parse: h.options.parser().Line, in: c.out,
		queue: h.queue(), say: h.say, applied: h.count, ack: api.Ack(!h.process.NoAck && !h.options.NoAck), quit: quit}
	var tasks sync.WaitGroup
	tasks.Go(func() { s.queue.pump(c.in, h.resumed) })
	tasks.Go(func() { tell(c.err, h.log) })
	tasks.Go(func() {
		err = c.Wait()
		end := time.Now().Add(drainTime)
		_ = c.out.SetReadDeadline(end) // a pipe can always have one
		_ = c.err.SetReadDeadline(end)
		s.queue.close()
		c.in.Close()
	})
	s.run()
	tasks.Wait()
	return err
}

// stop asks the helper to end, and after a while does not ask. What it says
// until then, its last withdraws, is still heard.
func (h *helper) stop(c *child, quit chan struct{}) {
	c.Signal(syscall.SIGTERM)
	time.AfterFunc(h.options.Grace, func() {
		c.Signal(syscall.SIGKILL)
		close(quit)
	})
}

// born notes a new life. What happened between two of them nobody is told; what
// happened before the first one waits for it.
func (h *helper) born(c *child) {
	if old := h.queue(); old.over() {
		h.before.Add(old.lost())
		h.out.Store(newQueue())
	}
	unit := c.Unit()
	h.unit.Store(&unit)
	h.pid.Store(int64(c.PID()))
	h.starts.Add(1)
	h.log.Info("helper started", "pid", c.PID(), "unit", unit)
}

func (h *helper) queue() *queue { return h.out.Load() }

func (h *helper) lost() uint64 {
	return h.before.Load() + h.queue().lost()
}

// say queues lines for the helper, and hear an event.
func (h *helper) say(lines []byte) bool {
	ok, first := h.queue().put(lines)
	h.note(first)
	return ok
}

func (h *helper) hear(e Event) bool {
	ok, first := h.queue().hear(e)
	h.note(first)
	return ok
}

// note logs once that the helper does not read, until it has read all again.
func (h *helper) note(first bool) {
	if first {
		h.log.Warn("helper does not read what it is told; what there is no room for is dropped")
	}
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
