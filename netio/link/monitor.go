package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Stats is how often the kernel woke us, and how often we looked.
type Stats struct{ Wakeups, Listings, Overruns uint64 }

// Monitor keeps a view of links and addresses.
type Monitor struct {
	log                         *slog.Logger
	buffer                      int // of the socket, in octets
	idle                        atomic.Int64
	wake                        chan struct{}
	wakeups, listings, overruns atomic.Uint64
	last                        Snapshot
	known                       bool
}

// New makes a monitor; log may be nil.
func New(log *slog.Logger) *Monitor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Monitor{log: log, buffer: 4 << 20, wake: make(chan struct{}, 1)}
	m.idle.Store(int64(idleList))
	return m
}

// Stats may be asked by any goroutine.
func (m *Monitor) Stats() Stats {
	return Stats{m.wakeups.Load(), m.listings.Load(), m.overruns.Load()}
}

// Fresh counts listings: while it moves, the view is what the kernel says. It
// moves every now and then when nothing happens (see SetIdle), and at once when
// something does.
func (m *Monitor) Fresh() uint64 { return m.listings.Load() }

// SetIdle is how often the truth is listed although nothing woke us: for whoever
// watches Fresh, at once. Any goroutine may call it.
func (m *Monitor) SetIdle(d time.Duration) {
	m.idle.Store(int64(d))
	m.poke()
}

func (m *Monitor) poke() {
	select {
	case m.wake <- struct{}{}:
	default: // it is awake
	}
}

const (
	// idleList is the default of SetIdle.
	idleList = 5 * time.Second
	// The first change is listed at once. As long as more keep coming, listings
	// are kept apart by a gap that grows: a storm costs ten of them a second.
	firstGap = 20 * time.Millisecond
	lastGap  = 100 * time.Millisecond
	// reopen is the pause before a socket that has failed is opened again.
	reopen = 100 * time.Millisecond
)

// Run lists, and gives each snapshot that differs from the one before to f, on
// its own goroutine, until the context ends. Nothing that happens to its
// sockets ends it.
func (m *Monitor) Run(ctx context.Context, f func(Snapshot)) error {
	for ctx.Err() == nil {
		err := m.watch(ctx, f)
		if ctx.Err() != nil {
			break
		}
		m.log.Warn("netlink", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(reopen):
		}
	}
	return nil
}

// watch is Run with one pair of sockets.
func (m *Monitor) watch(ctx context.Context, f func(Snapshot)) error {
	events, err := m.subscribe()
	if err != nil {
		return err
	}
	defer events.Close()
	ask, err := dial()
	if err != nil {
		return err
	}
	defer ask.c.Close()
	failed := make(chan error, 1)
	go func() { failed <- m.listen(events) }()
	gap := firstGap
	var woken time.Time // when a wake-up was last followed by a listing
	for {
		if err := m.look(ask, f); err != nil {
			return err
		}
		idle := time.NewTimer(time.Duration(m.idle.Load()))
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-idle.C:
		case <-m.wake:
			if since := time.Since(woken); since > 2*lastGap {
				gap = firstGap
			} else {
				sleep(ctx, gap-since)
				gap = min(2*gap, lastGap)
			}
			woken = time.Now()
		}
		idle.Stop()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// look lists once.
func (m *Monitor) look(ask *socket, f func(Snapshot)) error {
	s, err := ask.list()
	if err != nil {
		return err
	}
	if !m.known || !s.Same(m.last) {
		s.Gen = m.last.Gen + 1
		m.last, m.known = s, true
		f(s)
	}
	m.listings.Add(1)
	return nil
}

func (m *Monitor) subscribe() (*netlink.Conn, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR})
	if err != nil {
		return nil, fmt.Errorf("netlink: subscribe: %w", err)
	}
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, m.buffer) != nil {
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, m.buffer)
			}
		})
	}
	return c, nil
}

// listen turns messages into wake-ups. An overrun is one as well: the listing
// that follows knows what was lost.
func (m *Monitor) listen(events *netlink.Conn) error {
	for {
		_, err := events.Receive()
		switch {
		case err == nil:
			m.wakeups.Add(1)
		case errors.Is(err, unix.ENOBUFS):
			m.overruns.Add(1)
		case errors.Is(err, os.ErrClosed):
			return err
		default:
			return fmt.Errorf("netlink: receive: %w", err)
		}
		m.poke()
	}
}
