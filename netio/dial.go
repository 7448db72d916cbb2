package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoAnswer is a connection attempt that nothing answered. With a key on the
// socket the usual cause is that the peer has another one: the kernel on either
// side drops the segment and says nothing.
var ErrNoAnswer = errors.New("no answer to SYN")

// DialOptions is one outgoing connection.
type DialOptions struct {
	Remote netip.AddrPort
	Local  netip.Addr // invalid: the system chooses
	Socket SocketOptions
	Auth   Auth
	// Timeout bounds the attempt; 0 means 30 s.
	Timeout time.Duration
}

// Dial begins to connect. What is wrong with the options or the addresses of
// this box is an error at once; everything later is told to h.Closed.
func (l *Loop) Dial(o DialOptions, h Handler) (*Conn, error) {
	fd, err := newSocket(o.Remote.Addr())
	if err != nil {
		return nil, err
	}
	if err := prepareDial(fd, o); err != nil {
		unix.Close(fd)
		return nil, err
	}
	to, err := sockaddr(o.Remote)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	if err := unix.Connect(fd, to); err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", o.Remote, err)
	}
	c := l.newConn(fd, h, dialling)
	c.remote, c.auth = o.Remote, o.Auth
	c.wanted = unix.EPOLLOUT
	if err := l.add(fd, c, c.wanted); err != nil {
		unix.Close(fd)
		return nil, err
	}
	wait := o.Timeout
	if wait == 0 {
		wait = 30 * time.Second
	}
	c.timer = l.At(l.now.Add(wait), func(time.Time) { c.Abort(c.noAnswer()) })
	return c, nil
}

func prepareDial(fd int, o DialOptions) error {
	if err := o.Socket.apply(fd, o.Remote.Addr()); err != nil {
		return err
	}
	if err := setAuth(fd, o.Remote.Addr(), netip.PrefixFrom(o.Remote.Addr(), o.Remote.Addr().BitLen()), o.Auth); err != nil {
		return err
	}
	if !o.Local.IsValid() {
		return nil
	}
	from, err := sockaddr(netip.AddrPortFrom(o.Local, 0))
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, from); err != nil {
		return fmt.Errorf("bind to local address %s: %w", o.Local, err)
	}
	return nil
}

func (l *Loop) newConn(fd int, h Handler, s connState) *Conn {
	return &Conn{loop: l, handler: h, fd: fd, state: s, fill: fillMost, progress: l.now}
}

// noAnswer is the error of a dial that timed out.
func (c *Conn) noAnswer() error {
	if c.auth.MD5 != "" {
		return fmt.Errorf("%w from %s, MD5?", ErrNoAnswer, c.remote)
	}
	return fmt.Errorf("%w from %s", ErrNoAnswer, c.remote)
}

// connected ends the dial, one way or the other.
func (c *Conn) connected() {
	errno, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err == nil && unix.Errno(errno) == unix.ETIMEDOUT:
		c.Abort(c.noAnswer())
		return
	case err == nil && errno != 0:
		err = unix.Errno(errno)
	}
	if err != nil {
		c.Abort(fmt.Errorf("connect to %s: %w", c.remote, err))
		return
	}
	c.timer.Stop()
	c.begin()
}

// begin makes an established connection live.
func (c *Conn) begin() {
	c.state = open
	c.readable, c.writable = false, true
	c.progress = c.loop.now
	if sa, err := unix.Getsockname(c.fd); err == nil {
		c.local = addrPort(sa)
	}
	c.guard(func() { c.handler.Opened(c) })
	if c.state != open {
		return
	}
	if c.write() && c.state == open && c.hungry {
		c.enqueue()
	}
	c.watch()
}
