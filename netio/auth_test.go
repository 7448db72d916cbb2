package netio

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// server listens on the loop, with keys, and counts who came.
func server(t *testing.T, r running, at string, dual bool, keys map[netip.Prefix]Auth, o SocketOptions) (*Listener, *int) {
	t.Helper()
	came := 0
	var ln *Listener
	r.do(func() {
		var err error
		ln, err = r.Listen(ListenOptions{Addr: netip.MustParseAddrPort(at), Auth: keys, Dual: dual, Socket: o},
			func(*Conn) Handler { came++; return &side{} })
		if err != nil {
			t.Error(err)
		}
	})
	return ln, &came
}

// try dials and says whether the connection came about. One that is not wanted is
// not waited for long.
func try(t *testing.T, r running, want bool, o DialOptions) (bool, error) {
	t.Helper()
	s := &side{}
	o.Timeout = 300 * time.Millisecond
	if want {
		o.Timeout = 15 * time.Second
	}
	r.do(func() {
		if _, err := r.Dial(o, s); err != nil {
			t.Error(err)
		}
	})
	r.waitFor("an outcome", func() bool { return s.opened || s.err != nil })
	r.do(func() {
		if s.opened {
			s.conn.Abort(nil)
		}
	})
	return s.opened, s.err
}

func TestMD5Matrix(t *testing.T) {
	key := func(k string) Auth { return Auth{MD5: k} }
	for _, c := range []struct {
		name, listen, dial, peer string
		dual                     bool
	}{
		{"IPv4", "127.0.0.1:0", "127.0.0.1", "127.0.0.1/32", false},
		{"IPv4, any address", "0.0.0.0:0", "127.0.0.1", "127.0.0.1/32", false},
		{"IPv4, range", "127.0.0.1:0", "127.0.0.1", "127.0.0.0/8", false},
		{"IPv6", "[::1]:0", "::1", "::1/128", false},
		{"IPv6, range", "[::]:0", "::1", "::/64", false},
		{"v4-mapped", "[::]:0", "127.0.0.1", "127.0.0.1/32", true},
		{"v4-mapped, range", "[::]:0", "127.0.0.1", "127.0.0.0/24", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t)
			peer := netip.MustParsePrefix(c.peer)
			ln, _ := server(t, r, c.listen, c.dual, map[netip.Prefix]Auth{peer: key("one")}, SocketOptions{})
			to := netip.AddrPortFrom(netip.MustParseAddr(c.dial), ln.Addr().Port())
			check := func(when, with string, want bool) {
				t.Helper()
				got, err := try(t, r, want, DialOptions{Remote: to, Auth: key(with)})
				if got != want {
					t.Errorf("%s, with key %q: connected %v, %v", when, with, got, err)
				}
				if with != "" && !got && (!errors.Is(err, ErrNoAnswer) || !strings.HasSuffix(err.Error(), "MD5?")) {
					t.Errorf("%s, with key %q: %v", when, with, err)
				}
			}
			set := func(keys map[netip.Prefix]Auth) {
				t.Helper()
				r.do(func() {
					if err := ln.SetAuth(keys); err != nil {
						t.Error(err)
					}
				})
			}
			check("at first", "one", true)
			check("at first", "two", false)
			check("at first", "", false)
			set(map[netip.Prefix]Auth{peer: key("two")})
			check("changed", "one", false)
			check("changed", "two", true)
			set(nil)
			check("removed", "two", false)
			check("removed", "", true)
			set(map[netip.Prefix]Auth{peer: key("three")})
			check("added", "three", true)
		})
	}
}

// TestGTSM: what comes with a TTL below the least is dropped (RFC 5082).
func TestGTSM(t *testing.T) {
	for listen, dial := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1"} {
		r := run(t)
		ln, _ := server(t, r, listen, false, nil, SocketOptions{MinTTL: 255, TTL: 255})
		to := netip.AddrPortFrom(netip.MustParseAddr(dial), ln.Addr().Port())
		for ttl, want := range map[int]bool{255: true, 64: false} {
			if got, err := try(t, r, want, DialOptions{Remote: to, Socket: SocketOptions{TTL: ttl}}); got != want {
				t.Errorf("%s with TTL %d: connected %v, %v", dial, ttl, got, err)
			}
		}
		if got, _ := try(t, r, true, DialOptions{Remote: to, Socket: SocketOptions{TTL: 255, MinTTL: 255}}); !got {
			t.Errorf("%s: GTSM on both sides does not connect", dial)
		}
	}
}

func TestSocketOptionsArrive(t *testing.T) {
	r := run(t)
	ln, came := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	s := &side{}
	r.do(func() {
		_, err := r.Dial(DialOptions{Remote: ln.Addr(), Local: netip.MustParseAddr("127.0.0.9"),
			Socket: SocketOptions{Device: "lo", UserTimeout: 7 * time.Second, TTL: 33}}, s)
		if err != nil {
			t.Error(err)
		}
	})
	r.waitFor("open", func() bool { return s.opened && *came == 1 })
	r.do(func() {
		if s.conn.Local().Addr() != netip.MustParseAddr("127.0.0.9") {
			t.Errorf("local address %s", s.conn.Local())
		}
		for name, o := range map[string][3]int{
			"DSCP": {unix.IPPROTO_IP, unix.IP_TOS, cs6 << 2}, "TTL": {unix.IPPROTO_IP, unix.IP_TTL, 33},
			"user timeout": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 7000}, "no delay": {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			"not sent": {unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent},
		} {
			if v, err := unix.GetsockoptInt(s.conn.fd, o[0], o[1]); err != nil || v != o[2] {
				t.Errorf("%s is %d, want %d, %v", name, v, o[2], err)
			}
		}
	})
}

func TestListenErrors(t *testing.T) {
	r := run(t)
	ln, _ := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	r.do(func() {
		for at, want := range map[string]string{ln.Addr().String(): "address already in use", "203.0.113.7:179": "cannot assign requested address"} {
			_, err := r.Listen(ListenOptions{Addr: netip.MustParseAddrPort(at)}, func(*Conn) Handler { return nil })
			if err == nil || !strings.Contains(err.Error(), "listen on "+at) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	})
}

// BenchmarkPost is a function from another goroutine to the loop and back.
func BenchmarkPost(b *testing.B) {
	l, err := New(nil)
	if err != nil {
		b.Fatal(err)
	}
	go l.Run(b.Context())
	done := make(chan struct{}, 1)
	for b.Loop() {
		l.Post(func() { done <- struct{}{} })
		<-done
	}
}
