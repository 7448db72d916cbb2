package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"holdfast/bgp/capture"
	"holdfast/bgp/event"
	"holdfast/bgp/offline"
)

// batch is messages of a capture on their way from the reader through a worker
// to the writer.
type batch struct {
	items []captured
	raw   []byte
	out   []byte
	said  []string // problems, each a line
	done  chan struct{}
}

// captured is a message; its octets are a part of the batch's.
type captured struct {
	capture.Message
	session *offline.Session
	counter uint64
	end     int
}

// batchSize is the octets of messages that travel together.
const batchSize = 256 << 10

// capture decodes a file: one reads, as many as there are processors decode, and
// one writes, in the order of the file.
func (d *decoding) capture(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	work, order := make(chan *batch), make(chan *batch, 2*runtime.GOMAXPROCS(0))
	pool := sync.Pool{New: func() any { return &batch{} }}
	go func() {
		read(f, d.paths, &pool, work, order)
		close(work)
		close(order)
	}()
	for range runtime.GOMAXPROCS(0) {
		go func() {
			w := &worker{decoding: d, decoders: map[*offline.Session]*offline.Decoder{}}
			for b := range work {
				w.decode(b)
				close(b.done)
			}
		}()
	}
	for b := range order {
		<-b.done
		if _, err := d.w.Write(b.out); err != nil {
			return err
		}
		for _, line := range b.said {
			d.fail(fmt.Errorf("%s: %s", path, line))
		}
		pool.Put(b)
	}
	return nil
}

// maxSaid is how many problems travel together.
const maxSaid = 1000

// read fills batches. With paths, routes of packets carry path identifiers where
// what was agreed on is not in the file.
func read(r io.Reader, paths bool, pool *sync.Pool, work, order chan<- *batch) {
	tracker := offline.NewTracker(paths)
	b := fresh(pool)
	send := func() {
		order <- b
		work <- b
		b = fresh(pool)
	}
	for m, bad := range capture.Messages(r) {
		if bad != nil {
			if b.said = append(b.said, bad.Error()); len(b.said) >= maxSaid {
				send()
			}
			continue
		}
		c := captured{Message: m}
		c.session, c.counter = tracker.Session(&m)
		b.raw = append(b.raw, m.Raw...)
		c.end = len(b.raw)
		if b.items = append(b.items, c); len(b.raw) >= batchSize {
			send()
		}
	}
	send()
}

func fresh(pool *sync.Pool) *batch {
	b := pool.Get().(*batch)
	b.items, b.raw, b.out, b.said, b.done = b.items[:0], b.raw[:0], b.out[:0], b.said[:0], make(chan struct{})
	return b
}

// worker decodes batches.
type worker struct {
	*decoding
	decoders map[*offline.Session]*offline.Decoder
	memory   event.Memory
}

// maxDecoders bounds what a worker remembers of sessions.
const maxDecoders = 4096

// decoder is the one of a session.
func (w *worker) decoder(s *offline.Session) *offline.Decoder {
	dec := w.decoders[s]
	if dec == nil {
		if len(w.decoders) >= maxDecoders {
			clear(w.decoders)
		}
		dec = offline.NewDecoder(s, w.decoding.decoders[0].Event, &w.memory)
		w.decoders[s] = dec
	}
	return dec
}

func (w *worker) decode(b *batch) {
	from := 0
	for i := range b.items {
		c := &b.items[i]
		raw := b.raw[from:c.end]
		from = c.end
		dec := w.decoder(c.session)
		dec.Time, dec.Counter = c.Time, c.counter-1
		var err error
		switch {
		case w.tree:
			b.out = dec.Tree(b.out, raw)
		case w.commands:
			if raw[18] == 2 {
				b.out, err = dec.Commands(b.out, raw)
			}
		default:
			if b.out, err = dec.JSON(b.out, raw); err == nil {
				b.out = append(b.out, '\n')
			}
		}
		if err != nil {
			b.said = append(b.said, fmt.Sprintf("record at octet %d: %s", c.Offset, err))
		}
		for _, p := range dec.Problems {
			b.said = append(b.said, fmt.Sprintf("record at octet %d: %s", c.Offset, p))
		}
	}
}
