// Package sink is a BGP peer that is as slow, or as rude, as a test wants, and
// that notes when each message came. It shares no code with what it tests.
package sink

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Message types (RFC 4271 §4.1, RFC 2918).
const (
	Open         = 1
	Update       = 2
	Notification = 3
	Keepalive    = 4
	Refresh      = 5
)

// Options are what the socket and the OPEN say.
type Options struct {
	AS       uint32
	ID       netip.Addr // router identifier
	HoldTime uint16     // seconds
	// ReadBuffer is the kernel's receive buffer in octets, so that a slow
	// reader's kernel does not read for it; 0 leaves the system's.
	ReadBuffer int
	// Password is the TCP-MD5 password for sessions with Peer; "" is none.
	Password string
	Peer     netip.Addr
}

// Listen opens a listening socket for one address. To listen on another host,
// call it in lab.Host.Do.
func Listen(at netip.AddrPort, o Options) (net.Listener, error) {
	c := net.ListenConfig{Control: o.control}
	return c.Listen(context.Background(), "tcp", at.String())
}

// Dial connects from one address to another. To connect from another host,
// call it in lab.Host.Do.
func Dial(from netip.Addr, to netip.AddrPort, o Options) (net.Conn, error) {
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	d := net.Dialer{LocalAddr: local, Control: o.control}
	return d.Dial("tcp", to.String())
}

// control sets what must be set before a connection exists.
func (o Options) control(_, _ string, c syscall.RawConn) (err error) {
	outer := c.Control(func(fd uintptr) {
		if o.ReadBuffer > 0 {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, o.ReadBuffer)
		}
		if o.Password != "" {
			err = errors.Join(err, o.setPassword(int(fd)))
		}
	})
	return errors.Join(outer, err)
}

// setPassword fills a struct tcp_md5sig as linux/tcp.h has it.
func (o Options) setPassword(fd int) error {
	var sig unix.TCPMD5Sig
	if o.Peer.Is4() {
		sig.Addr.Family = unix.AF_INET
		a := o.Peer.As4()
		copy(sockaddr(&sig)[2:], a[:])
	} else {
		sig.Addr.Family = unix.AF_INET6
		a := o.Peer.As16()
		copy(sockaddr(&sig)[6:], a[:])
	}
	sig.Keylen = uint16(copy(sig.Key[:], o.Password))
	return unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
}

// sockaddr is what follows the family in the address: the port first.
func sockaddr(sig *unix.TCPMD5Sig) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&sig.Addr.Data)), len(sig.Addr.Data))
}

// frame makes a message of a type and a body.
func frame(kind byte, body []byte) []byte {
	b := make([]byte, 16, 19+len(body))
	for i := range b {
		b[i] = 0xff
	}
	b = binary.BigEndian.AppendUint16(b, uint16(19+len(body)))
	return append(append(b, kind), body...)
}

// open is an OPEN for IPv4 and IPv6 unicast and four-octet AS numbers.
func (o Options) open() []byte {
	short := uint16(23456) // RFC 6793: AS_TRANS
	if o.AS < 1<<16 {
		short = uint16(o.AS)
	}
	caps := []byte{1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4}
	caps = binary.BigEndian.AppendUint32(caps, o.AS)
	body := binary.BigEndian.AppendUint16([]byte{4}, short)
	body = binary.BigEndian.AppendUint16(body, o.HoldTime)
	id := o.ID.As4()
	body = append(append(body, id[:]...), byte(2+len(caps)), 2, byte(len(caps)))
	return frame(Open, append(body, caps...))
}

// readFrame reads one message: its type and what follows the header.
func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var head [19]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(head[16:])) - len(head)
	if n < 0 {
		return 0, nil, fmt.Errorf("message of %d octets", n+len(head))
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head[18], body, err
}
