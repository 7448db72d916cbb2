package helper

import (
	"context"
	"sync"
	"syscall"
	"time"

	"holdfast/bgp/api"
)

// inFlight is how many batches of a helper wait to be applied at once: one that
// is applied, one that waits, and one that is being filled. A helper that is
// faster than that waits in its pipe.
const inFlight = 3

// drainTime is how long what a dead helper has said is read. Its pipe is empty
// at once, unless somebody who outlives it holds it open.
const drainTime = time.Second

// session is one life of a helper.
type session struct {
	*helper
	child   *child
	free    chan *batch
	applied chan *batch
	over    chan struct{} // closed when nothing more will be applied
	ctx     context.Context
	ack     api.Ack
	scratch []byte
}

// batch is a batch with what its applier calls.
type batch struct {
	api.Batch
	done func()
}

// live starts the program and serves it until it has ended; the error says how
// it could not start, or how it ended.
func (h *helper) live(ctx context.Context) error {
	c, err := start(h.process)
	if err != nil {
		return err
	}
	defer c.close()
	s := &session{
		helper: h, child: c, ack: api.Ack(!h.process.NoAck && !h.options.NoAck),
		free: make(chan *batch, inFlight), applied: make(chan *batch, inFlight), over: make(chan struct{}),
		ctx: ctx,
	}
	for range inFlight {
		s.free <- s.newBatch()
	}
	h.born(c.cmd.Process.Pid, newQueue())
	defer context.AfterFunc(ctx, s.stop)()
	return s.serve()
}

func (s *session) newBatch() *batch {
	b := &batch{Batch: api.Batch{From: s.process.Name}}
	b.done = func() { s.applied <- b } // has room for all that there are
	return b
}

// serve runs what a life needs, and ends when all of it has.
func (s *session) serve() (err error) {
	var tasks sync.WaitGroup
	tasks.Go(func() { s.queue().pump(s.child.in, s.resumed) })
	tasks.Go(func() { tell(s.child.err, s.log) })
	tasks.Go(s.answer)
	tasks.Go(func() {
		err = s.child.wait()
		end := time.Now().Add(drainTime)
		_ = s.child.out.SetReadDeadline(end) // a pipe can always have one
		_ = s.child.err.SetReadDeadline(end)
		s.queue().close()
		s.child.in.Close()
	})
	s.read()
	s.settle()
	close(s.over)
	tasks.Wait()
	return err
}

// read gives the helper's commands to who applies them.
func (s *session) read() {
	r := reader{in: s.child.out, parser: &api.Parser{Version: s.options.Version}}
	var cur *batch
	r.next = func() *api.Batch {
		select {
		case cur = <-s.free:
			return &cur.Batch
		case <-s.ctx.Done():
			return nil
		}
	}
	r.give = func(b *api.Batch) { s.options.Apply(b, cur.done) }
	if err := r.run(); err != nil {
		s.log.Debug("helper's output ends", "error", err)
	}
	if r.batch != nil {
		s.free <- cur // nothing came into it
	}
}

// settle waits until all that was read has been applied and answered.
func (s *session) settle() {
	for range inFlight {
		select {
		case <-s.free:
		case <-s.ctx.Done():
			return
		}
	}
}

// answer acknowledges what was applied.
func (s *session) answer() {
	for {
		select {
		case <-s.over:
			return
		case b := <-s.applied:
			s.scratch, s.ack = b.AppendAnswers(s.scratch[:0], s.ack)
			s.count(&b.Batch)
			s.say(s.scratch)
			b.Reset()
			s.free <- b // has room for all that there are
		}
	}
}

// stop asks the helper to end, and after a while does not ask.
func (s *session) stop() {
	s.child.signal(syscall.SIGTERM)
	time.AfterFunc(s.options.Grace, func() { s.child.signal(syscall.SIGKILL) })
}
