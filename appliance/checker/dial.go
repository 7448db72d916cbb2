package checker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/health"
)

// within gives a look its time, and says in an operator's words why it failed.
func within(ctx context.Context, c health.Check, native func(context.Context, health.Probe) error) error {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := native(limited, c.Probe); err != nil {
		return errors.New(reason(err, c))
	}
	return nil
}

// reason is why a look failed. It is the same text as long as it is the same
// reason: each new one is told.
func reason(err error, c health.Check) string {
	var errno syscall.Errno
	switch {
	case late(err):
		return fmt.Sprintf("no answer within %s", c.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	case errors.As(err, &errno):
		return kernelSays(err, errno, c.Probe)
	}
	return err.Error()
}

func late(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// kernelSays is what the kernel said, or what it means where that is hard to see.
func kernelSays(err error, errno syscall.Errno, p health.Probe) string {
	bind := false
	if call := (*os.SyscallError)(nil); errors.As(err, &call) {
		bind = call.Syscall == "bind"
	}
	switch {
	case errno == syscall.EADDRNOTAVAIL && bind:
		return fmt.Sprintf("%s is not on this box", p.From)
	case errno == syscall.EADDRNOTAVAIL:
		return "no port of this box is left for it"
	case errno == syscall.ENODEV && p.Link != "":
		return fmt.Sprintf("link %s does not exist", p.Link)
	}
	return errno.Error()
}

// dial opens a connection as the probe wants it, over "tcp" or "udp", which ends
// with ctx. Each look has one of its own: it shows that a new client is served.
func dial(ctx context.Context, network string, p health.Probe) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error { return prepare(c, p) }}
	if p.From.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.From, 0))
		if network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.From, 0))
		}
	}
	conn, err := d.DialContext(ctx, network, p.Where().String())
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Connections that end in order leave their ports in TIME_WAIT for a minute
		// (RFC 9293 section 3.6.1): a check of each second would hold sixty of them.
		// A reset leaves nothing.
		tcp.SetLinger(0)
	}
	return &looking{conn, until(ctx, conn)}, nil
}

// looking is a connection that ends with its look.
type looking struct {
	net.Conn
	stop func() bool
}

func (l *looking) Close() error {
	l.stop()
	return l.Conn.Close()
}

// until has whatever waits on a connection come back when ctx is done.
func until(ctx context.Context, conn interface{ SetDeadline(time.Time) error }) (stop func() bool) {
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

// prepare is what a socket needs before it has an address.
func prepare(c syscall.RawConn, p health.Probe) (err error) {
	failed := c.Control(func(fd uintptr) { err = steer(int(fd), p) })
	return errors.Join(failed, err)
}

// steer binds a socket to the probe's link: SO_BINDTODEVICE decides where routes
// would.
func steer(fd int, p health.Probe) error {
	if p.From.IsValid() {
		// The port is chosen when the other end is known, and may be one that
		// connections to others have; kernels that can't do so choose it now.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}
	if p.Link == "" {
		return nil
	}
	return os.NewSyscallError("setsockopt", unix.BindToDevice(fd, p.Link))
}

// enough is how much of an answer is read.
const enough = 64 << 10

// find reads until what was wanted has come, and says whether it has; said is how
// the answer begins.
func find(r io.Reader, what string) (found bool, said string, err error) {
	var b []byte
	chunk := make([]byte, 2048)
	for len(b) < enough {
		n, err := r.Read(chunk)
		from := max(0, len(b)-len(what))
		b = append(b, chunk[:n]...)
		switch {
		case strings.Contains(string(b[from:]), what):
			return true, "", nil
		case errors.Is(err, io.EOF), err != nil && len(b) > 0:
			return false, opening(b), nil
		case err != nil:
			return false, "", err
		}
	}
	return false, opening(b), nil
}

// opening is the beginning of an answer, for a line of text.
func opening(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
