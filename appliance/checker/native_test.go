package checker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"holdfast/appliance/health"
)

// probes are looks at the far host, %s being its address, and what they say: "" is
// that all is well.
var probes = []struct {
	health.Probe
	want string
}{
	{web("http://%s/ok"), ""},
	{web("http://%s/ok", "OK for holdfast of %s at /ok close true"), ""},
	{web("http://%s/ok", "NO"), `status 200, and "NO" is not in the body`},
	{web("http://%s/status/503"), "status 503, want 200-299"},
	{web("http://%s/status/302"), "status 302, want 200-299"},
	{status(302, 302, "http://%s/status/302"), ""},
	{status(302, 302, "http://%s/ok"), "status 200, want 302"},
	{web("http://%s/hints"), ""},
	{web("http://%s/hang"), "no answer within 100ms"},
	{web("http://%s/close"), "the connection was closed without an answer"},
	{web("http://%s/long", "x"), ""},
	{web("http://%s/long", "LATE"), `status 200, and "LATE" is not in the body`},
	{web("http://%s/head"), "the head of the answer is longer than 64 KiB"},
	{web("http://%s:81/"), "connection refused"},
	{web("http://%s:25/"), `malformed HTTP status code "no"`},
	{host("www.example.com", "http://%s/ok", "of www.example.com at"), ""},
	{named("http://www.example.com/ok?q=a%%20b", "of www.example.com at /ok?q=a%%20b"), ""},
	{web("https://%s/ok", "OK"), ""},
	{named("https://www.example.com/ok", "OK for holdfast of www.example.com"), ""},
	{host("www.example.com:444", "https://%s/ok"), ""},
	{host("www.example.org", "https://%s/ok"), "TLS: certificate is for www.example.com, %s, want www.example.org"},
	{web("https://%s:444/ok"), "TLS: certificate has expired"},
	{web("https://%s:445/ok"), "TLS: certificate is not valid before 2099-01-01T00:00:00Z"},
	{web("https://%s:446/ok"), "TLS: certificate is signed by an authority that this box does not know"},
	{insecure("https://%s:444/ok"), ""},
	{insecure("https://%s:446/ok"), ""},
	{web("https://%s:80/ok"), "TLS: first record does not look like a TLS handshake"},
	{web("https://%s:26/ok"), "no answer within 100ms"},

	{tcp(26, "", ""), ""},
	{tcp(6379, "PING\r\n", "+PONG"), ""},
	{tcp(6379, "PONG\r\n", "+PONG"), "no answer within 100ms"},
	{tcp(25, "", "554"), ""},
	{tcp(25, "", "220"), `said "554 no service\r\n", want "220"`},
	{tcp(27, "", "220"), "the connection was closed without an answer"},
	{tcp(28, "", ""), "connection refused"},

	{dns("example.com", 1, ""), ""},
	{dns("example.com", 1, "192.0.2.7"), ""},
	{dns("example.com", 1, "192.0.2.9"), `said 192.0.2.7, 192.0.2.8, want "192.0.2.9"`},
	{dns("EXAMPLE.com.", 28, "2001:0db8::7"), ""},
	{dns("example.com", 6, "2026"), ""},
	{dns("example.com", 2, "HOST.example.com"), ""},
	{dns("example.com", 5, "host."), ""},
	{dns("example.com", 12, "host"), ""},
	{dns("example.com", 15, "10 host"), ""},
	{dns("example.com", 33, "1 2 53 host"), ""},
	{dns("example.com", 16, "v=spf1 -all"), ""},
	{dns("example.com", 16, "ptr"), `said v=spf1 -all, want "ptr"`},
	{dns(".", 2, ""), ""},
	{dns("nobody.example.com", 1, ""), "NXDOMAIN"},
	{dns("broken.example.com", 1, ""), "SERVFAIL"},
	{dns("odd.example.com", 1, ""), "RCODE 9"},
	{dns("empty.example.com", 6, ""), "no record of type SOA"},
	{dns("silent.example.com", 1, ""), "no answer within 100ms"},
	{dns("liar.example.com", 1, "192.0.2.53"), ""},
	{dns("long.example.com", 16, "over TCP"), ""},
	{dns("cut.example.com", 16, ""), "the answer is cut short, over TCP too"},
	{at(dns("example.com", 1, ""), 5353), "connection refused"},

	{health.Probe{Kind: health.ICMP}, ""},
}

func web(url string, expect ...string) health.Probe {
	return health.Probe{Kind: health.HTTP, URL: url, Expect: strings.Join(expect, "")}
}

func status(low, high uint16, url string) health.Probe {
	return health.Probe{Kind: health.HTTP, URL: url, Low: low, High: high}
}

func host(name, url string, expect ...string) health.Probe {
	p := web(url, expect...)
	p.Host = name
	return p
}

// named is a URL whose host is a name: the target is said beside it.
func named(url string, expect ...string) health.Probe {
	port := uint16(80)
	if strings.HasPrefix(url, "https") {
		port = 443
	}
	return at(web(url, expect...), port)
}

func insecure(url string) health.Probe {
	p := web(url)
	p.Insecure = true
	return p
}

func tcp(port uint16, send, expect string) health.Probe {
	return at(health.Probe{Kind: health.TCP, Send: send, Expect: expect}, port)
}

func dns(name string, t uint16, expect string) health.Probe {
	return at(health.Probe{Kind: health.DNS, Name: name, Type: t, Expect: expect}, 53)
}

// at is a port of a target that is known later.
func at(p health.Probe, port uint16) health.Probe {
	p.Target = netip.AddrPortFrom(netip.Addr{}, port)
	return p
}

// fill puts the far host into a probe.
func fill(p health.Probe, host string) health.Probe {
	to := netip.MustParseAddr(host)
	if to.Is6() {
		host = "[" + host + "]"
	}
	said := func(s string) string {
		if p.Kind == health.HTTP {
			return strings.ReplaceAll(strings.ReplaceAll(s, "%s", host), "%%", "%")
		}
		return s
	}
	p.URL, p.Expect = said(p.URL), said(p.Expect)
	if p.Kind != health.HTTP || p.Target != (netip.AddrPort{}) {
		p.Target = netip.AddrPortFrom(to, p.Target.Port())
	}
	return p
}

// seen is what a look says, "" if all is well. A long one is given up only if
// that is what is asked for.
func seen(p health.Probe, want string) string {
	c := health.Check{Probe: p, Timeout: time.Minute}
	if strings.HasPrefix(want, "no answer") {
		c.Timeout = 100 * time.Millisecond
	}
	_, why := Look(context.Background(), c)
	return why
}

func TestNativeLooks(t *testing.T) {
	for _, there := range []string{"192.0.2.2", "2001:db8::2"} {
		beside(t, func(w *far) {
			w.web(there)
			w.lines(there)
			w.dns(there)
			for _, c := range probes {
				p, want := fill(c.Probe, there), strings.ReplaceAll(c.want, "%s", there)
				if got := seen(p, want); got != want {
					t.Errorf("%s: %q, want %q", p, got, want)
				}
			}
		})
	}
}

// TestBoundLooks: sockets have the address and the link that were asked for.
func TestBoundLooks(t *testing.T) {
	beside(t, func(w *far) {
		for _, there := range []string{"192.0.2.2", "2001:db8::2", "fe80::2"} {
			if there == "fe80::2" {
				there += "%eth9"
			}
			each(w.listen(netip.AddrPortFrom(netip.MustParseAddr(there), 7).String()), func(c net.Conn) { fmt.Fprint(c, "from ", c.RemoteAddr()) })
		}
		for _, c := range []struct{ to, from, link, expect, want string }{
			{"192.0.2.2", "", "", "from 192.0.2.1:", ""},
			{"192.0.2.2", "192.0.2.1", "eth0", "from 192.0.2.1:", ""},
			{"192.0.2.2", "198.51.100.1", "", "from 198.51.100.1:", "no answer within 100ms"}, // there is no way back
			{"192.0.2.2", "192.0.2.9", "", "", "192.0.2.9 is not on this box"},
			{"192.0.2.2", "", "eth7", "", "link eth7 does not exist"},
			{"192.0.2.2", "", "eth1", "", "no answer within 100ms"}, // nobody is there
			{"2001:db8::2", "2001:db8::1", "eth0", "from [2001:db8::1]:", ""},
			{"2001:db8::2", "2001:db8::9", "", "", "2001:db8::9 is not on this box"},
			{"fe80::2", "fe80::1", "eth0", "from [fe80::1%", ""},
			{"fe80::2", "", "eth0", "from [fe80::", ""}, // it has one of the kernel's, too
		} {
			p := health.Probe{Kind: health.TCP, Target: netip.AddrPortFrom(netip.MustParseAddr(c.to), 7), Link: c.link, Expect: c.expect}
			if c.from != "" {
				p.From = netip.MustParseAddr(c.from)
			}
			if got := seen(p, c.want); got != c.want {
				t.Errorf("%s: %q, want %q", p, got, c.want)
			}
			if p.Kind, p.Expect = health.ICMP, ""; c.expect == "" || c.want == "" {
				if got := seen(p, c.want); got != c.want {
					t.Errorf("%s: %q, want %q", p, got, c.want)
				}
			}
		}
	})
}

// TestLinkThatGoesDown: whatever is bound to it says so.
func TestLinkThatGoesDown(t *testing.T) {
	beside(t, func(w *far) {
		there := "192.0.2.2"
		w.web(there)
		w.lines(there)
		w.dns(there)
		l, err := netlink.LinkByName("eth0")
		w.must(err)
		for _, change := range []struct {
			do   func(netlink.Link) error
			want string
		}{{netlink.LinkSetUp, ""}, {netlink.LinkSetDown, "network is unreachable"}, {netlink.LinkSetUp, ""}} {
			w.must(change.do(l))
			for _, p := range []health.Probe{web("http://%s/ok"), tcp(26, "", ""), dns("example.com", 1, ""), {Kind: health.ICMP}} {
				p = fill(p, there)
				p.Link = "eth0"
				if got := seen(p, change.want); got != change.want {
					t.Errorf("%s: %q, want %q", p, got, change.want)
				}
			}
		}
	})
}

// TestPingSockets: with and without the right to a raw socket, in both ways.
func TestPingSockets(t *testing.T) {
	beside(t, func(w *far) {
		const groups = "/proc/sys/net/ipv4/ping_group_range" // of this thread's namespace
		for _, c := range []struct {
			groups string
			raw    bool
		}{{"1 0", true}, {"0 2147483647", false}} {
			w.must(os.WriteFile(groups, []byte(c.groups), 0))
			for _, to := range []string{"192.0.2.2", "2001:db8::2", "127.0.0.1", "::1", "fe80::2"} {
				p := fill(health.Probe{Kind: health.ICMP}, to)
				if to == "fe80::2" {
					p.From, p.Link = netip.MustParseAddr("fe80::1"), "eth0"
				}
				f, raw, err := pingSocket(p)
				w.must(err)
				f.Close()
				if got := seen(p, ""); got != "" || raw != c.raw {
					t.Errorf("%s: %q, raw %t, want %t", p, got, raw, c.raw)
				}
			}
			if p := fill(health.Probe{Kind: health.ICMP}, "192.0.2.3"); seen(p, "no answer") != "no answer within 100ms" {
				t.Error("somebody who is not there answers")
			}
		}
	})
}

// TestLooksEnd: a look ends with its context, whatever it waits for, and its
// verdict counts for nothing then.
func TestLooksEnd(t *testing.T) {
	beside(t, func(w *far) {
		there := "192.0.2.2"
		w.web(there)
		w.lines(there)
		w.dns(there)
		for _, p := range []health.Probe{web("http://%s/hang"), web("https://%s:26/"), tcp(26, "", "x"), dns("silent.example.com", 1, ""), {Kind: health.ICMP}} {
			p = fill(p, there)
			if p.Kind == health.ICMP {
				p.Target = netip.MustParseAddrPort("192.0.2.3:0")
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			if v, _ := Look(ctx, health.Check{Probe: p, Timeout: time.Hour}); v != health.Fail {
				t.Errorf("%s passes", p)
			}
		}
	})
}

// FuzzAnswered: whoever sends what, an answer is looked at in bounded time, and
// passes only with our id.
func FuzzAnswered(f *testing.F) {
	for _, c := range probes {
		if c.Kind != health.DNS {
			continue
		}
		q, err := ask(7, c.Probe)
		if err != nil {
			f.Fatal(err)
		}
		for _, tcp := range []bool{false, true} {
			for _, a := range zone(q, tcp) {
				f.Add(a, c.Name, c.Type, c.Expect)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, name string, kind uint16, expect string) {
		p := health.Probe{Kind: health.DNS, Name: name, Type: kind, Expect: expect}
		if answered(b, 7, p) == nil && (len(b) < 12 || b[0] != 0 || b[1] != 7 || b[2]&0x80 == 0) {
			t.Errorf("%x passes", b)
		}
	})
}

// FuzzEcho: only what we sent comes back.
func FuzzEcho(f *testing.F) {
	all := []echo{{data: []byte("1234")}, {raw: true, id: 9, data: []byte("1234")}, {v6: true, raw: true, id: 9, data: []byte("1234")}}
	for i, e := range all {
		b, err := e.request()
		if err != nil {
			f.Fatal(err)
		}
		b[0] = map[bool]byte{false: 0, true: 129}[e.v6]
		if e.raw && !e.v6 {
			b = append(append([]byte{0x45}, make([]byte, 19)...), b...)
		}
		if !e.isReply(b) {
			f.Errorf("%x is no reply", b)
		}
		f.Add(b, uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		if e := all[int(which)%len(all)]; e.isReply(b) && !strings.HasSuffix(string(b), "1234") {
			t.Errorf("%x is a reply", b)
		}
	})
}
