package netio

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ListenOptions is one listening socket.
type ListenOptions struct {
	Addr   netip.AddrPort // an unspecified IPv6 address takes IPv6 only
	Socket SocketOptions
	Auth   map[netip.Prefix]Auth // keys of the peers that have one
	// Dual makes an unspecified IPv6 listener take IPv4 too, as v4-mapped peers.
	Dual bool
	// Kept is a socket that listens there already; its options stay.
	Kept *Kept
}

// Listener accepts connections.
type Listener struct {
	loop   *Loop
	fd     int
	addr   netip.AddrPort
	device string
	accept func(*Conn) Handler
	keys   map[netip.Prefix]Auth
	queued bool
}

// Listen begins to listen. accept is asked for the handler of each new
// connection, whose ends it may look at; nil refuses it.
func (l *Loop) Listen(o ListenOptions, accept func(*Conn) Handler) (*Listener, error) {
	if o.Kept != nil {
		return l.resume(o, accept)
	}
	fd, err := newSocket(o.Addr.Addr())
	if err != nil {
		return nil, err
	}
	ln := &Listener{loop: l, fd: fd, addr: o.Addr, device: o.Socket.Device, accept: accept, keys: map[netip.Prefix]Auth{}}
	if err := ln.open(o); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	return ln, nil
}

func (ln *Listener) open(o ListenOptions) error {
	if err := unix.SetsockoptInt(ln.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("SO_REUSEADDR: %w", err)
	}
	if o.Addr.Addr().Is6() {
		only := 1
		if o.Dual {
			only = 0
		}
		if err := unix.SetsockoptInt(ln.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return fmt.Errorf("IPV6_V6ONLY: %w", err)
		}
	}
	if err := o.Socket.apply(ln.fd, o.Addr.Addr()); err != nil {
		return err
	}
	sa, err := sockaddr(o.Addr)
	if err != nil {
		return err
	}
	if err := unix.Bind(ln.fd, sa); err != nil {
		return err
	}
	if err := ln.SetAuth(o.Auth); err != nil {
		return err
	}
	if err := unix.Listen(ln.fd, 128); err != nil {
		return err
	}
	if sa, err := unix.Getsockname(ln.fd); err == nil {
		ln.addr = addrPort(sa)
	}
	return ln.loop.add(ln.fd, ln, unix.EPOLLIN)
}

// Addr is where it listens.
func (ln *Listener) Addr() netip.AddrPort { return ln.addr }

// SetAuth makes the keys of the listener those of want: what is new or has
// changed is set, what is gone is removed. All is tried; the first error is
// given.
func (ln *Listener) SetAuth(want map[netip.Prefix]Auth) error {
	var first error
	keep := func(err error) bool {
		if err != nil && first == nil {
			first = err
		}
		return err == nil
	}
	for p := range ln.keys {
		if _, ok := want[p]; !ok && keep(setAuth(ln.fd, ln.addr.Addr(), p, Auth{})) {
			delete(ln.keys, p)
		}
	}
	for p, a := range want {
		if old, ok := ln.keys[p]; (!ok || old != a) && keep(setAuth(ln.fd, ln.addr.Addr(), p, a)) {
			ln.keys[p] = a
		}
	}
	return first
}

// Close stops listening.
func (ln *Listener) Close() error {
	if ln.fd >= 0 {
		_ = unix.Shutdown(ln.fd, unix.SHUT_RDWR) // a child between fork and exec would go on listening
		ln.loop.remove(ln.fd)
		ln.fd = -1
	}
	return nil
}

func (ln *Listener) abort() { ln.Close() }

func (ln *Listener) events(uint32) {
	if !ln.queued {
		ln.queued = true
		ln.loop.ready = append(ln.loop.ready, ln)
	}
}

// accepts in one turn.
const accepts = 16

func (ln *Listener) serve() (more bool) {
	ln.queued = false
	for range accepts {
		if ln.fd < 0 {
			return false
		}
		fd, sa, err := unix.Accept4(ln.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil { // none left, or one that has gone again: epoll tells
			return false
		}
		ln.take(fd, addrPort(sa))
	}
	return false
}

func (ln *Listener) take(fd int, from netip.AddrPort) {
	c := ln.loop.newConn(fd, nil, dialling)
	c.remote = from
	if sa, err := unix.Getsockname(fd); err == nil {
		c.local = addrPort(sa)
	}
	if c.handler = ln.accept(c); c.handler == nil {
		unix.Close(fd)
		return
	}
	if err := acceptOptions(fd); err != nil {
		ln.loop.log.Warn("accept", "remote", from, "error", err)
	}
	c.wanted = unix.EPOLLIN | unix.EPOLLRDHUP
	if err := ln.loop.add(fd, c, c.wanted); err != nil {
		unix.Close(fd)
		c.handler.Closed(c, err)
		return
	}
	c.begin()
}

// SetSocket sets options on a connection, such as those of the neighbor that
// an accepted one turned out to be.
func (c *Conn) SetSocket(o SocketOptions) error { return o.apply(c.fd, c.remote.Addr()) }
