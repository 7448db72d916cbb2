package netio

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Kept is a listening socket that outlives the process which opened it. Who
// connects meanwhile waits in the kernel.
type Kept struct {
	FD     int            `json:"-"` // whoever has it closes it
	Addr   netip.AddrPort `json:"address"`
	Device string         `json:"device,omitempty"`
	// Keyed are the peers that have a key on the socket: the kernel does not
	// tell, and a key that nobody removes stays.
	Keyed []netip.Prefix `json:"keyed,omitempty"`
}

// Keep takes the socket of a listener off the loop without closing it, and ends
// the listener. ok is false, and nothing is done, if a peer has a TCP-AO key: Linux
// has no way to change such a key that we know.
func (ln *Listener) Keep() (k Kept, ok bool) {
	if ln.fd < 0 {
		return k, false
	}
	for p, a := range ln.keys {
		if a.AO.Key != "" {
			return Kept{}, false
		}
		k.Keyed = append(k.Keyed, p)
	}
	k.FD, k.Addr, k.Device = ln.fd, ln.addr, ln.device
	ln.loop.release(ln.fd)
	ln.fd = -1
	return k, true
}

// Matches says whether a descriptor is the socket that k describes, which it may
// not be if somebody else has given it to us.
func (k Kept) Matches(fd int) bool {
	sa, err := unix.Getsockname(fd)
	if err != nil || addrPort(sa) != k.Addr {
		return false
	}
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || listens == 0 {
		return false
	}
	device, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	return err == nil && device == k.Device
}

// Close closes a socket that nobody wants.
func (k Kept) Close() { unix.Close(k.FD) }

// unknown is a key that differs from every other: one that a socket has had from
// a life before.
var unknown = Auth{MD5: "\x00"}

// resume goes on with a socket that was kept.
func (l *Loop) resume(o ListenOptions, accept func(*Conn) Handler) (*Listener, error) {
	k := o.Kept
	ln := &Listener{loop: l, fd: k.FD, addr: k.Addr, device: k.Device, accept: accept, keys: map[netip.Prefix]Auth{}}
	for _, p := range k.Keyed {
		ln.keys[p] = unknown
	}
	err := unix.SetNonblock(k.FD, true)
	if err == nil {
		err = ln.SetAuth(o.Auth)
	}
	if err == nil {
		err = l.add(k.FD, ln, unix.EPOLLIN)
	}
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("listen on %s again: %w", o.Addr, err)
	}
	return ln, nil
}
