package checker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"holdfast/appliance/health"
)

// echo is what is sent and comes back (RFC 792, RFC 4443 section 4).
type echo struct {
	v6      bool
	id, seq int
	data    []byte // that nobody else sends
	raw     bool   // the socket gets all messages, with IPv4's header before them
}

// lookICMP sends one echo request, and waits for its reply.
func lookICMP(ctx context.Context, p health.Probe) error {
	f, raw, err := pingSocket(p)
	if err != nil {
		return err
	}
	defer f.Close()
	defer until(ctx, f)()
	e := echo{v6: p.Target.Addr().Is6(), raw: raw, id: int(rand.Uint32N(1 << 16)), seq: 1}
	e.data = binary.BigEndian.AppendUint64([]byte("holdfast"), rand.Uint64())
	request, err := e.request()
	if err != nil {
		return err
	}
	if _, err := f.Write(request); err != nil {
		return err
	}
	b := make([]byte, 2048)
	for {
		n, err := f.Read(b)
		if err != nil || e.isReply(b[:n]) {
			return err
		}
	}
}

func (e echo) protocol() int {
	if e.v6 {
		return unix.IPPROTO_ICMPV6
	}
	return unix.IPPROTO_ICMP
}

func (e echo) request() ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.data}}
	if e.v6 {
		m.Type = ipv6.ICMPTypeEchoRequest // the kernel fills in its checksum
	}
	return m.Marshal(nil)
}

// isReply says whether this is what comes back. A ping socket's id is the
// kernel's, which looks at it by itself.
func (e echo) isReply(b []byte) bool {
	if e.raw && !e.v6 {
		if len(b) < 20 || len(b) < int(b[0]&15)*4 {
			return false
		}
		b = b[int(b[0]&15)*4:]
	}
	m, err := icmp.ParseMessage(e.protocol(), b)
	if err != nil || m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply || m.Code != 0 {
		return false
	}
	reply, ok := m.Body.(*icmp.Echo)
	return ok && (reply.ID == e.id || !e.raw) && reply.Seq == e.seq && bytes.Equal(reply.Data, e.data)
}

// pingSocket is a socket for echoes to the probe's target: one that anybody may
// have whose group is in net.ipv4.ping_group_range, or else a raw one.
func pingSocket(p health.Probe) (f *os.File, raw bool, err error) {
	f, err = icmpSocket(unix.SOCK_DGRAM, p)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		f, err = icmpSocket(unix.SOCK_RAW, p)
		raw = true
	}
	if errors.Is(err, unix.EPERM) {
		err = errors.New("this takes CAP_NET_RAW, or our group in net.ipv4.ping_group_range")
	}
	return f, raw, err
}

func icmpSocket(kind int, p health.Probe) (*os.File, error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if p.Target.Addr().Is6() {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "icmp")
	err = steer(fd, p)
	if err == nil && p.From.IsValid() {
		err = os.NewSyscallError("bind", unix.Bind(fd, sockaddr(fd, p.From)))
	}
	if err == nil {
		err = os.NewSyscallError("connect", unix.Connect(fd, sockaddr(fd, p.Target.Addr())))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sockaddr is an address for a socket. A link-local one is told with its link,
// which is the socket's: ping sockets do not take it without.
func sockaddr(fd int, a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	s := &unix.SockaddrInet6{Addr: a.As16()}
	if a.IsLinkLocalUnicast() {
		if link, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX); err == nil {
			s.ZoneId = uint32(link)
		}
	}
	return s
}
