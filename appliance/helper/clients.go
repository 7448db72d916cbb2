package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"holdfast/bgp/api"
)

// Bounds of clients.
const (
	maxClients = 64
	patience   = 30 * time.Second // with somebody who does not read
	writeSize  = 64 << 10         // octets that have patience's time
)

// client is somebody who says commands for all neighbors and is no helper.
type client struct {
	io.ReadWriteCloser
	stays bool // "bye" does not end the session: the next client is in the same one
}

// talk is a session with a client, until the client has gone or ctx is done. It
// reads no more from a client that does not read its answers, so that none of
// them is lost.
func (h *Helpers) talk(ctx context.Context, c client) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	q := newQueue()
	s := session{options: &h.options, log: h.options.Log, parse: h.options.parser().Line, in: c, queue: q, say: q.wait,
		applied: func(*api.Batch) {}, leaves: !c.stays, ack: true, quit: ctx.Done()}
	var pump sync.WaitGroup
	pump.Go(func() {
		q.pump(c, func(uint64) {})
		if q.over() {
			c.Close() // it does not read, so it is not heard
		}
	})
	s.run()
	q.finish()
	pump.Wait()
}

// Accept is a session with each client that connects, until ctx is done; the
// listener is closed then.
func (h *Helpers) Accept(ctx context.Context, l *net.UnixListener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	places := make(chan struct{}, maxClients)
	for {
		c, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			h.options.Log.Warn("API socket", "error", err) // of descriptors there may be more later
			pause(ctx, time.Second)
			continue
		}
		select {
		case places <- struct{}{}:
			clients.Go(func() {
				h.talk(ctx, client{ReadWriteCloser: paced{c}})
				<-places
			})
		default:
			fmt.Fprintf(paced{c}, "error: there are %d clients already\nerror\n", maxClients)
			c.Close()
		}
	}
}

// slow is a stream whose writes can be given up.
type slow interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
}

// paced is a stream that is given up when it takes nothing for a while.
type paced struct{ slow }

// Write writes in parts, each of which has its time.
func (p paced) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		if err = p.SetWriteDeadline(time.Now().Add(patience)); err == nil {
			m, err = p.slow.Write(b[n:min(n+writeSize, len(b))])
		}
		n += m
	}
	return n, err
}
