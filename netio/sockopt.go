package netio

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// SocketOptions are set on a socket before it connects or listens. The zero
// value is the system's defaults with DSCP CS6.
type SocketOptions struct {
	TTL         int           // of what we send; 0: the system's
	MinTTL      int           // of what we accept, others are dropped (RFC 5082); 0: any
	Device      string        // bind to this link only
	UserTimeout time.Duration // give up on unacknowledged data; 0: the system's
	DSCP        int           // 0 means CS6, as routing traffic is marked (RFC 4594 section 3.2)
}

const cs6 = 48

// newSocket makes a stream socket of an address's family.
func newSocket(a netip.Addr) (int, error) {
	domain := unix.AF_INET6
	if a.Is4() {
		domain = unix.AF_INET
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := acceptOptions(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// acceptOptions are those that every connection has.
func acceptOptions(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent); err != nil {
		return fmt.Errorf("TCP_NOTSENT_LOWAT: %w", err)
	}
	return nil
}

// option is one setsockopt with the name that people know it by.
type option struct {
	name          string
	level, opt, v int
	level6, opt6  int
}

func (o SocketOptions) apply(fd int, a netip.Addr) error {
	if o.Device != "" {
		if err := unix.BindToDevice(fd, o.Device); err != nil {
			return fmt.Errorf("SO_BINDTODEVICE %s: %w", o.Device, err)
		}
	}
	for _, s := range o.list() {
		if s.v == 0 {
			continue
		}
		level, opt := s.level, s.opt
		if !a.Is4() {
			level, opt = s.level6, s.opt6
		}
		if err := unix.SetsockoptInt(fd, level, opt, s.v); err != nil {
			return fmt.Errorf("%s %d: %w", s.name, s.v, err)
		}
	}
	return nil
}

func (o SocketOptions) list() []option {
	dscp := o.DSCP
	if dscp == 0 {
		dscp = cs6
	}
	return []option{
		{name: "DSCP (IP_TOS, IPV6_TCLASS)", level: unix.IPPROTO_IP, opt: unix.IP_TOS, v: dscp << 2, level6: unix.IPPROTO_IPV6, opt6: unix.IPV6_TCLASS},
		{name: "TTL (IP_TTL, IPV6_UNICAST_HOPS)", level: unix.IPPROTO_IP, opt: unix.IP_TTL, v: o.TTL, level6: unix.IPPROTO_IPV6, opt6: unix.IPV6_UNICAST_HOPS},
		{name: "TTL security (IP_MINTTL, IPV6_MINHOPCOUNT)", level: unix.IPPROTO_IP, opt: unix.IP_MINTTL, v: o.MinTTL, level6: unix.IPPROTO_IPV6, opt6: unix.IPV6_MINHOPCOUNT},
		{name: "TCP_USER_TIMEOUT", level: unix.IPPROTO_TCP, opt: unix.TCP_USER_TIMEOUT, v: int(o.UserTimeout / time.Millisecond), level6: unix.IPPROTO_TCP, opt6: unix.TCP_USER_TIMEOUT},
	}
}

// sockaddr makes the kernel's form of an address; a zone is a link.
func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
	}
	zone, err := zoneID(a.Addr().Zone())
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zone}, nil
}

// addrPort reads the kernel's form.
func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch s := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		a := netip.AddrFrom16(s.Addr).Unmap()
		if s.ZoneId != 0 {
			a = a.WithZone(zoneName(s.ZoneId))
		}
		return netip.AddrPortFrom(a, uint16(s.Port))
	}
	return netip.AddrPort{}
}

func zoneID(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := linkIndex(name)
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", name, err)
	}
	return i, nil
}
