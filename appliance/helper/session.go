package helper

import (
	"io"
	"log/slog"
	"slices"
	"sync"

	"holdfast/bgp/api"
)

// inFlight is how many batches of a session wait to be applied at once: one that
// is applied, one that waits, and one that is being filled. Who is faster than
// that waits in his pipe.
const inFlight = 3

// session is commands in, answers out: with a helper over its pipes, or with a
// client over a socket or named pipes. It ends when in does, or after quit.
type session struct {
	options *Options
	log     *slog.Logger
	from    string                        // the helper's name; "": a client's commands reach every neighbor
	parse   func(*api.Batch, []byte) bool // Line of a parser of its own
	in      io.Reader
	queue   *queue            // what the other side is to read
	say     func([]byte) bool // puts answers into it
	applied func(*api.Batch)  // is told of each batch, before it is answered
	leaves  bool              // "bye" ends it
	ack     api.Ack
	quit    <-chan struct{} // nobody applies anything any more

	free    chan *batch
	given   chan *batch // in the order in which they are answered
	scratch []byte
}

// batch is a batch with what its applier calls.
type batch struct {
	api.Batch
	ready chan struct{}
	done  func()
}

// run serves the session until all that was read has been answered.
func (s *session) run() {
	s.free, s.given = make(chan *batch, inFlight), make(chan *batch, inFlight)
	for range inFlight {
		s.free <- s.newBatch()
	}
	var answers sync.WaitGroup
	answers.Go(s.answer)
	s.read()
	close(s.given)
	answers.Wait()
}

func (s *session) newBatch() *batch {
	b := &batch{Batch: api.Batch{From: s.from, Say: s.queue.wait}, ready: make(chan struct{}, 1)}
	b.done = func() { b.ready <- struct{}{} } // has room: it is called once for each use
	return b
}

// read gives the commands to who applies them.
func (s *session) read() {
	var cur *batch
	r := reader{in: s.in, parse: s.parse, leaves: s.leaves}
	r.next = func() *api.Batch {
		if cur = s.take(); cur == nil {
			return nil
		}
		return &cur.Batch
	}
	r.give = func(*api.Batch) {
		if cur.Alone || len(cur.Items) >= api.AtOnce || clears(cur) {
			s.alone(cur)
		} else {
			s.give(cur)
		}
	}
	if err := r.run(); err != nil {
		s.log.Debug("commands end", "error", err)
	}
}

// clears says whether a batch takes several turns of the loop, in which a later one
// would overtake what is said behind "clear adj-rib out".
func clears(b *batch) bool {
	return slices.ContainsFunc(b.Items, func(it api.Item) bool { return it.Kind == api.ClearOut })
}

// take waits for an empty batch; nil: there will be none.
func (s *session) take() *batch {
	select {
	case b := <-s.free:
		return b
	case <-s.quit:
		return nil
	}
}

// give hands a batch over. It is answered in its turn, although one that waits
// for the neighbors may be applied after a later one that does not.
func (s *session) give(b *batch) {
	s.given <- b // has room for all that there are
	s.options.Apply(&b.Batch, b.done)
}

// alone hands a batch over when all before it have been answered, for it may
// answer by itself, and waits until it is done.
func (s *session) alone(b *batch) {
	var ours []*batch
	for range inFlight - 1 {
		ours = append(ours, s.take())
	}
	s.give(b)
	for _, b := range append(ours, s.take()) {
		if b != nil {
			s.free <- b
		}
	}
}

// answer acknowledges what was applied.
func (s *session) answer() {
	for b := range s.given {
		select {
		case <-b.ready:
		case <-s.quit:
			return
		}
		s.scratch, s.ack = b.AppendAnswers(s.scratch[:0], s.ack)
		s.applied(&b.Batch)
		s.say(s.scratch)
		b.Reset()
		s.free <- b // has room for all that there are
	}
}
