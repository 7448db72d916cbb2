package lab_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/lab"
)

// nameServer answers every question for an address, on a host, until it is closed.
func nameServer(h *lab.Host, at string) io.Closer {
	h.Helper()
	var c net.PacketConn
	if err := h.Do(func() (err error) {
		c, err = net.ListenPacket("udp", at)
		return err
	}); err != nil {
		h.Fatalf("%v", err)
	}
	h.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response = true
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 80}},
			}}
			if answer, err := m.Pack(); err == nil {
				c.WriteTo(answer, from)
			}
		}
	}()
	return c
}

// TestGateWithNativeChecks: the daemon asks a name server and a web server by
// itself, and another host for an echo; when one of them fails, the prefix goes,
// and comes back with it.
func TestGateWithNativeChecks(t *testing.T) {
	const often = "interval 200ms; fast-interval 50ms; rise 2; fall 2;"
	s := tell(t, func(s *story) string {
		return s.gated(usual+
			`check dns { to 192.0.2.53; name example.com; expect 192.0.2.80; `+often+` }
			check http { url http://192.0.2.53/health; expect "OK"; `+often+` }
			check tcp { to 192.0.2.53:80; from 192.0.2.53; `+often+` }
			check icmp { to 10.0.0.2; link eth0; timeout 2s; `+often+` }`, "")
	})
	names := nameServer(s.box, "192.0.2.53:53")
	s.daemon.Start()
	s.explains(`check http http://192.0.2.53/health expect "OK" failed 2 of 2: connection refused`)
	var web net.Listener
	if err := s.box.Do(func() (err error) {
		web, err = net.Listen("tcp", "192.0.2.53:80")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { web.Close() })
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "OK") }))
	s.announced()
	before, _ := s.daemon.Status()
	names.Close()
	s.withdrawn()
	s.explains(`check dns 192.0.2.53 example.com A expect "192.0.2.80" failed 2 of 2: connection refused`)
	s.received(true, before.Receipts.Withdraws+1)
	nameServer(s.box, "192.0.2.53:53")
	s.announced()
	ignore := func(yes string) { s.upstream.Run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all="+yes) }
	ignore("1")
	s.withdrawn()
	s.explains(`check icmp 10.0.0.2 link eth0 failed 2 of 2: no answer within 2s`)
	ignore("0")
	s.announced()
}

// explains waits until the gate is closed for that reason.
func (s *story) explains(why string) {
	s.Helper()
	s.Until(soon, why, func() bool { return strings.Contains(s.explain(), why) })
}

// received waits until the upstream's n-th acknowledgement of a withdraw, or of a
// degrade, is in the daemon's status.
func (s *story) received(withdrawn bool, n int) {
	s.Helper()
	s.Until(soon, "a receipt", func() bool {
		st, _ := s.daemon.Status()
		r := st.Receipts
		count := r.Degrades
		if withdrawn {
			count = r.Withdraws
		}
		return count == n && r.Lost == 0 && r.Last.Neighbor == "10.0.0.2" && r.Last.Group == "dns" && r.Last.Withdrawn == withdrawn && r.Last.Took > 0
	})
}
