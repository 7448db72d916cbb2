package source

import (
	"context"
	"io"
	"os"
	"time"
)

// input is what comes by a pipe, which nobody can be asked to stop reading: who waits
// for it stops waiting when the context ends, or when it brings nothing for long.
type input struct {
	ctx     context.Context
	from    io.ReadCloser
	stall   time.Duration
	pending chan chunk // of a read that goes on; nil: there is none
	rest    []byte
	err     error // behind the rest
}

type chunk struct {
	octets []byte
	err    error
}

// inputPatience is how many times as long as a connection a pipe may bring nothing:
// whoever fills it may be the one who waits for a connection.
const inputPatience = 10

// input reads a file as it is, which can be read twice, and all else with patience.
func (f Fetcher) input(ctx context.Context, from *os.File) io.ReadCloser {
	if st, err := from.Stat(); err == nil && st.Mode().IsRegular() {
		return from
	}
	return &input{ctx: ctx, from: from, stall: inputPatience * f.Stall}
}

// Read reads on.
func (i *input) Read(b []byte) (int, error) {
	if len(i.rest) == 0 && i.err == nil {
		i.rest, i.err = i.wait()
	}
	n := copy(b, i.rest)
	if i.rest = i.rest[n:]; len(i.rest) > 0 || n > 0 {
		return n, nil
	}
	return 0, i.err
}

// wait waits for more.
func (i *input) wait() ([]byte, error) {
	if i.pending == nil {
		got := make(chan chunk, 1)
		go func() {
			b := make([]byte, 64<<10)
			n, err := i.from.Read(b)
			got <- chunk{b[:n], err}
		}()
		i.pending = got
	}
	select {
	case c := <-i.pending:
		i.pending = nil
		return c.octets, c.err
	case <-i.ctx.Done():
		return nil, context.Cause(i.ctx)
	case <-time.After(i.stall):
		return nil, errStall
	}
}

// Close closes it; a read that goes on may go on until there is something to read.
func (i *input) Close() error { return i.from.Close() }
