package netio

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// forked is what a child between fork and exec has of a descriptor.
func forked(t *testing.T, fd int) {
	t.Helper()
	child, err := unix.Dup(fd)
	if err != nil {
		t.Error(err)
	}
	t.Cleanup(func() { unix.Close(child) })
}

// TestForkedListener: nobody listens any more, and the port is free, although a child
// has the socket.
func TestForkedListener(t *testing.T) {
	r := run(t)
	ln, _ := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	at := ln.Addr()
	r.do(func() {
		forked(t, ln.fd)
		ln.Close()
		again, err := r.Listen(ListenOptions{Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())}, func(*Conn) Handler { return &side{} })
		if err != nil {
			t.Error(err)
			return
		}
		again.Close()
	})
}

// seen counts what the loop is told of a descriptor.
type seen struct{ told int }

func (s *seen) events(uint32) { s.told++ }
func (s *seen) serve() bool   { return false }
func (s *seen) abort()        {}

// TestForkedConnection: what happens to a connection that is gone, and that a child
// has, is not taken for another one's with the same number.
func TestForkedConnection(t *testing.T) {
	r := run(t)
	var ends [2][2]int
	for i := range ends {
		var err error
		if ends[i], err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	}
	gone, next := ends[0], &seen{}
	r.do(func() {
		err := r.add(gone[0], &seen{}, unix.EPOLLIN)
		forked(t, gone[0])
		r.remove(gone[0])
		if err == nil {
			err = unix.Dup3(ends[1][0], gone[0], unix.O_CLOEXEC)
		}
		if err == nil {
			err = r.add(gone[0], next, unix.EPOLLIN)
		}
		if err != nil {
			t.Error(err)
		}
		unix.Close(gone[1]) // the other end hangs up
	})
	for range 3 { // turns
		r.do(func() {})
	}
	r.do(func() {
		if next.told != 0 {
			t.Errorf("it was told %d times", next.told)
		}
		r.remove(gone[0])
	})
	unix.Close(ends[1][0])
	unix.Close(ends[1][1])
}
