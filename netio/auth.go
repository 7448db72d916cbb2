package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Auth is how segments of a peer are signed. The zero value is not at all.
type Auth struct {
	MD5 string // RFC 2385: 1 to 80 octets
	AO  AO     // RFC 5925
}

// AO is one TCP-AO key.
type AO struct {
	KeyID     uint8
	Algorithm string // the kernel's name: "hmac(sha1)", "cmac(aes128)", "hmac(sha256)"
	Key       string // "": none
}

// setAuth sets, changes or removes the keys of a peer or a range of peers on a
// socket that is bound to, or will connect from, an address like local.
func setAuth(fd int, local netip.Addr, peer netip.Prefix, a Auth) error {
	if a.AO.Key != "" {
		if err := ProbeAO(); err != nil {
			return err
		}
		return addAO(fd, peer, a.AO)
	}
	err := setMD5(fd, !local.Is4(), peer, a.MD5)
	if a.MD5 == "" && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOPROTOOPT)) {
		return nil // there was none
	}
	return err
}

// md5Prefix is the flag of tcp_md5sig that says that a prefix length is given.
const md5Prefix = 1

// setMD5 sets the key of a peer; an empty key removes it. On an IPv6 socket an
// IPv4 peer is v4-mapped: that is the address its segments come from there; the
// kernel counts its prefix in the bits of IPv4 all the same.
func setMD5(fd int, six bool, peer netip.Prefix, key string) error {
	if len(key) > unix.TCP_MD5SIG_MAXKEYLEN {
		return fmt.Errorf("TCP_MD5SIG for %s: a key of %d octets, at most %d", peer, len(key), unix.TCP_MD5SIG_MAXKEYLEN)
	}
	sig := unix.TCPMD5Sig{Keylen: uint16(len(key)), Prefixlen: uint8(peer.Bits())}
	copy(sig.Key[:], key)
	fillAddr(&sig.Addr, peer.Addr(), six)
	opt, name := unix.TCP_MD5SIG_EXT, "TCP_MD5SIG_EXT"
	sig.Flags = md5Prefix
	if peer.IsSingleIP() {
		opt, name, sig.Flags, sig.Prefixlen = unix.TCP_MD5SIG, "TCP_MD5SIG", 0, 0
	}
	if err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, opt, &sig); err != nil {
		return fmt.Errorf("%s for %s: %w", name, peer, err)
	}
	return nil
}

// fillAddr writes an address as the kernel's sockaddr.
func fillAddr(s *unix.SockaddrStorage, a netip.Addr, six bool) {
	if a.Is4() && !six {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(s))
		sa.Family, sa.Addr = unix.AF_INET, a.As4()
		return
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(s))
	sa.Family, sa.Addr = unix.AF_INET6, a.As16()
}

// ProbeMD5 says why this kernel can't do TCP-MD5, or nil.
func ProbeMD5() error {
	return probe("TCP-MD5 (CONFIG_TCP_MD5SIG)", func(fd int) error {
		return setMD5(fd, false, netip.MustParsePrefix("127.0.0.1/32"), "probe")
	})
}

// ProbeAO says why this kernel can't do TCP-AO, or nil. Linux has it from 6.7
// on, if it was built with it.
func ProbeAO() error {
	return probe("TCP-AO (Linux 6.7 with CONFIG_TCP_AO)", func(fd int) error {
		return addAO(fd, netip.MustParsePrefix("127.0.0.1/32"), AO{KeyID: 1, Algorithm: "hmac(sha1)", Key: "probe"})
	})
}

func probe(what string, try func(fd int) error) error {
	fd, err := newSocket(netip.IPv4Unspecified())
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := try(fd); err != nil {
		return fmt.Errorf("this kernel has no %s: %w", what, err)
	}
	return nil
}

// tcpAOAdd is struct tcp_ao_add of linux/tcp.h; TCP_AO_ADD_KEY takes it.
type tcpAOAdd struct {
	addr      unix.SockaddrStorage
	algorithm [64]byte
	ifindex   int32
	flags     uint32 // set_current:1, set_rnext:1, reserved
	reserved  uint16
	prefix    uint8
	sndid     uint8
	rcvid     uint8
	maclen    uint8
	keyflags  uint8
	keylen    uint8
	key       [80]byte
}

const tcpAOAddKey = 38

func addAO(fd int, peer netip.Prefix, k AO) error {
	if len(k.Key) > 80 {
		return fmt.Errorf("TCP_AO_ADD_KEY for %s: a key of %d octets, at most 80", peer, len(k.Key))
	}
	add := tcpAOAdd{prefix: uint8(peer.Bits()), sndid: k.KeyID, rcvid: k.KeyID, keylen: uint8(len(k.Key)), maclen: 12}
	copy(add.algorithm[:], k.Algorithm)
	copy(add.key[:], k.Key)
	fillAddr(&add.addr, peer.Addr(), peer.Addr().Is6())
	b := unsafe.Slice((*byte)(unsafe.Pointer(&add)), unsafe.Sizeof(add))
	if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, tcpAOAddKey, string(b)); err != nil {
		return fmt.Errorf("TCP_AO_ADD_KEY for %s: %w", peer, err)
	}
	return nil
}
