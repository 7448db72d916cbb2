package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// protocol marks the addresses that we add (IFA_PROTO, Linux 5.18): a later
// life of the daemon knows them by it. No other user of the number is known.
const protocol = 0xbf

const ifaProto = 11 // linux/if_addr.h; x/sys has no name for it

// errInterrupted is a listing during which something changed.
var errInterrupted = errors.New("the listing was interrupted")

// socket asks the kernel.
type socket struct{ c *netlink.Conn }

func dial() (*socket, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return &socket{c}, nil
}

// list is the whole truth, read again until nothing changed meanwhile.
func (s *socket) list() (Snapshot, error) {
	for try := 0; ; try++ {
		snap, err := s.once()
		if !errors.Is(err, errInterrupted) || try == 5 {
			return snap, err
		}
	}
}

func (s *socket) once() (Snapshot, error) {
	var snap Snapshot
	names := map[int]string{}
	err := s.dump(unix.RTM_GETLINK, unix.SizeofIfInfomsg, func(b []byte) error {
		l, err := parseLink(b)
		if err == nil {
			names[l.Index] = l.Name
			snap.Links = append(snap.Links, l)
		}
		return err
	})
	if err != nil {
		return snap, fmt.Errorf("list links: %w", err)
	}
	err = s.dump(unix.RTM_GETADDR, unix.SizeofIfAddrmsg, func(b []byte) error {
		a, index, err := parseAddr(b)
		name, ok := names[index]
		if err != nil {
			return err
		}
		if !ok {
			return errInterrupted // its link has come meanwhile
		}
		a.Link = name
		snap.Addrs = append(snap.Addrs, a)
		return nil
	})
	if err != nil {
		return snap, fmt.Errorf("list addresses: %w", err)
	}
	snap.sort()
	return snap, nil
}

// dump asks for all of a kind; size is the length of the request's fixed part.
func (s *socket) dump(kind netlink.HeaderType, size int, f func([]byte) error) error {
	msgs, err := s.c.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Dump}, Data: make([]byte, size)})
	if err != nil {
		return err
	}
	for _, m := range msgs {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return errInterrupted
		}
		if len(m.Data) < size {
			return fmt.Errorf("a message of %d octets, want %d", len(m.Data), size)
		}
		if err := f(m.Data); err != nil {
			return err
		}
	}
	return nil
}

func parseLink(b []byte) (Link, error) {
	flags := binary.NativeEndian.Uint32(b[8:])
	l := Link{Index: int(int32(binary.NativeEndian.Uint32(b[4:]))), Up: flags&unix.IFF_UP != 0,
		Running: flags&unix.IFF_RUNNING != 0 && flags&unix.IFF_LOWER_UP != 0}
	d, err := netlink.NewAttributeDecoder(b[unix.SizeofIfInfomsg:])
	if err != nil {
		return l, err
	}
	for d.Next() {
		if d.Type() == unix.IFLA_IFNAME {
			l.Name = d.String()
		}
	}
	return l, d.Err()
}

func parseAddr(b []byte) (a Addr, index int, err error) {
	bits, flags := int(b[1]), uint32(b[2])
	index = int(binary.NativeEndian.Uint32(b[4:]))
	d, err := netlink.NewAttributeDecoder(b[unix.SizeofIfAddrmsg:])
	if err != nil {
		return a, index, err
	}
	var local, addr netip.Addr
	for d.Next() {
		switch d.Type() {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(d.Bytes())
		case unix.IFA_ADDRESS:
			addr, _ = netip.AddrFromSlice(d.Bytes())
		case unix.IFA_LABEL:
			a.Label = d.String()
		case unix.IFA_FLAGS:
			flags = d.Uint32()
		case ifaProto:
			a.Ours = d.Uint8() == protocol
		}
	}
	if !local.IsValid() { // IPv6 has no other end
		local = addr
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	a.Tentative = flags&unix.IFA_F_TENTATIVE != 0
	return a, index, d.Err()
}

// change adds or removes an address.
func (s *socket) change(c Change) error {
	index, err := s.index(c.Link)
	if err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	kind, flags := netlink.HeaderType(unix.RTM_DELADDR), netlink.Request|netlink.Acknowledge
	if c.Add {
		kind, flags = unix.RTM_NEWADDR, flags|netlink.Create|netlink.Excl
	}
	b, err := addrMessage(c, index)
	if err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	_, err = s.c.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: flags}, Data: b})
	switch {
	case c.Add && errors.Is(err, unix.EEXIST), !c.Add && errors.Is(err, unix.EADDRNOTAVAIL):
		return nil // it is as it should be
	case err != nil:
		return fmt.Errorf("%s: %w", c, err)
	}
	return nil
}

func addrMessage(c Change, index int) ([]byte, error) {
	a := c.Prefix.Addr()
	head := make([]byte, unix.SizeofIfAddrmsg)
	head[0], head[1] = unix.AF_INET, byte(c.Prefix.Bits())
	if a.Is6() {
		head[0] = unix.AF_INET6
	}
	if c.Add && a.IsLoopback() {
		head[3] = unix.RT_SCOPE_HOST
	}
	binary.NativeEndian.PutUint32(head[4:], uint32(index))
	e := netlink.NewAttributeEncoder()
	e.Bytes(unix.IFA_LOCAL, a.AsSlice())
	e.Bytes(unix.IFA_ADDRESS, a.AsSlice())
	if c.Add {
		if c.Label != "" {
			e.String(unix.IFA_LABEL, c.Label)
		}
		if !c.Foreign {
			e.Uint8(ifaProto, protocol)
		}
		if a.Is6() { // nobody else may have an anycast address: do not ask
			e.Uint32(unix.IFA_FLAGS, unix.IFA_F_NODAD)
		}
	}
	attrs, err := e.Encode()
	return append(head, attrs...), err
}

func (s *socket) index(name string) (int, error) {
	index := 0
	err := s.dump(unix.RTM_GETLINK, unix.SizeofIfInfomsg, func(b []byte) error {
		l, err := parseLink(b)
		if l.Name == name {
			index = l.Index
		}
		return err
	})
	if err == nil && index == 0 {
		err = fmt.Errorf("there is no link %s", name)
	}
	return index, err
}
