package helper

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"holdfast/bgp/api"
)

// Bounds of what a helper says.
const (
	readSize   = 256 << 10 // one read, in octets
	lineMax    = 1 << 20   // one command, in octets
	batchText  = 16 << 10  // the commands of a batch, in octets
	batchItems = 512
)

var errLong = fmt.Errorf("want a command of at most %d octets", lineMax)

// reader makes batches of the lines of a pipe. All that has arrived is handed
// over before more is waited for, so that a single line takes effect at once.
type reader struct {
	in io.Reader
	// parse is a Parser's Line.
	parse  func(*api.Batch, []byte) bool
	leaves bool // "bye" ends it
	// next waits for an empty batch; nil: nobody wants more.
	next func() *api.Batch
	give func(*api.Batch)

	batch *api.Batch
	text  int  // octets that went into batch
	sync  bool // of the batches to come
	buf   []byte
	have  int  // octets of an unfinished line at the start of buf
	skip  bool // the line at hand is too long: up to its end it is dropped
}

// run reads until the pipe ends, or nobody wants more.
func (r *reader) run() error {
	r.buf = make([]byte, readSize)
	for {
		n, err := r.in.Read(r.buf[r.have:])
		if !r.lines(r.buf[:r.have+n]) {
			return nil
		}
		r.flush()
		if errors.Is(err, io.EOF) {
			return nil // half a line is no command
		}
		if err != nil {
			return err
		}
	}
}

// lines parses the whole lines of b, which is the start of buf, and moves the
// rest to the start of buf.
func (r *reader) lines(b []byte) bool {
	from := r.have // there was no line end up to here
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			break
		}
		if !r.line(b[:from+i]) {
			return false
		}
		b, from = b[from+i+1:], 0
	}
	r.keep(b)
	return true
}

// line puts a command into the batch.
func (r *reader) line(line []byte) bool {
	if r.skip {
		r.skip = false
		return true
	}
	if !r.ready() {
		return false
	}
	if !r.parse(r.batch, line) { // it has to be alone
		if r.flush(); !r.ready() {
			return false
		}
		r.parse(r.batch, line)
	}
	r.text += len(line) + 1
	last := r.last()
	ends := r.leaves && last == api.Bye
	if ends || r.turns(last) || r.batch.Alone || r.text >= batchText || len(r.batch.Items) >= batchItems {
		r.flush()
	}
	return !ends
}

// last is what the last item asks for.
func (r *reader) last() api.Kind {
	if n := len(r.batch.Items); n > 0 {
		return r.batch.Items[n-1].Kind
	}
	return api.Nothing
}

// turns says whether the next commands are answered at another time than those
// of the batch at hand.
func (r *reader) turns(last api.Kind) bool {
	switch last {
	case api.SyncOn:
		r.sync = true
	case api.SyncOff:
		r.sync = false
	}
	return r.batch.Sync != r.sync
}

// ready gets a batch if there is none.
func (r *reader) ready() bool {
	if r.batch == nil {
		if r.batch, r.text = r.next(), 0; r.batch != nil {
			r.batch.Sync = r.sync
		}
	}
	return r.batch != nil
}

// flush hands over what there is.
func (r *reader) flush() {
	if r.batch != nil && r.batch.Commands > 0 {
		r.give(r.batch)
		r.batch = nil
	}
}

// keep moves an unfinished line to the start of the buffer, which grows up to
// the longest command, and goes back to its size when it may.
func (r *reader) keep(b []byte) {
	if r.skip {
		b = nil
	}
	if len(b) > lineMax {
		r.skip, b = true, nil
		if r.ready() {
			r.batch.Fail(errLong)
		}
	}
	if size := max(readSize, 2*len(b)); size > len(r.buf) || size < len(r.buf)/2 {
		grown := make([]byte, size)
		r.have, r.buf = copy(grown, b), grown
		return
	}
	r.have = copy(r.buf, b)
}
