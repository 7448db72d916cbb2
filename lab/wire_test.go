package lab_test

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/sink"
)

// scene is a box and an upstream that is a sink, which sees each message. The box has a second link,
// eth1, that serves its clients.
type scene struct {
	*lab.Lab
	box      *lab.Box
	upstream *lab.Host
	listener net.Listener
}

// sinkOptions are the sink's.
var sinkOptions = sink.Options{AS: peerAS, ID: netip.MustParseAddr(lab.RouterID), HoldTime: 9}

// towardsSink is the box's side of the session.
const towardsSink = `
neighbor 10.0.0.2 {
	router-id 192.0.2.1;
	local-address 10.0.0.1;
	local-as 65001;
	peer-as 65002;
	hold-time 9;
	family { ipv4 unicast; ipv6 unicast; }
	api { processes [ lab ]; }
	static { route 192.0.2.53/32 next-hop self watchdog dns; }
}
`

// newScene sets the scene and starts the box with a simulated watchdog. DEVICE and DIR in the
// configuration are the simulated watchdog's socket and the lab's folder.
func newScene(t *testing.T, config string) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{Lab: lab.New(t)}
	box, clients := s.Host("box"), s.Host("clients")
	s.upstream = s.Host("upstream")
	lab.Wire(box, "eth0", s.upstream, "eth0")
	lab.Wire(box, "eth1", clients, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	s.upstream.Address("eth0", "10.0.0.2/24")
	s.listen()
	config = strings.NewReplacer("DEVICE", box.Device(), "DIR", s.Dir).Replace(config)
	s.box = box.Box(lab.Watched, config)
	s.box.Start()
	return s
}

// listen opens the sink's socket.
func (s *scene) listen() {
	s.Helper()
	err := s.upstream.Do(func() (err error) {
		s.listener, err = sink.Listen(netip.AddrPortFrom(peer4, 179), sinkOptions)
		return err
	})
	if err != nil {
		s.Fatalf("listen on the upstream: %v", err)
	}
	s.Cleanup(func() { s.listener.Close() })
}

// meet is the next session that the box opens.
func (s *scene) meet() *sink.Session {
	s.Helper()
	s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(soon))
	session, err := sink.Accept(s.listener, sinkOptions)
	if err != nil {
		s.Fatalf("no session with the box: %v", err)
	}
	s.Cleanup(func() { session.Reset() })
	return session
}

// gets waits for a message at or after index from, and gives the index after
// it.
func (s *scene) gets(session *sink.Session, from int, what string, says func(sink.Frame) bool) int {
	s.Helper()
	index := -1
	s.Until(soon, what, func() bool {
		_, index = session.Find(from, says)
		return index >= 0
	})
	return index + 1
}

// announced and withdrawn wait for what the upstream is told of the prefix.
func (s *scene) announced(session *sink.Session, from int) int {
	s.Helper()
	return s.gets(session, from, "the prefix is announced", sink.Announces(anycast))
}

func (s *scene) withdrawn(session *sink.Session, from int) int {
	s.Helper()
	return s.gets(session, from, "the prefix is withdrawn", sink.Withdraws(anycast))
}

// holds says whether the box has the prefix's address.
func (s *scene) holds() bool {
	return strings.Contains(s.box.IP("address show dev lo"), anycast.String())
}

// The gate of the stories, under a simulated watchdog, and the address that
// the box holds itself.
const (
	dog   = "watchdog { device sim:DEVICE; timeout 3s; }\n"
	gate  = "watchdog dns { link eth1; address 192.0.2.53/32 on lo; file DIR/disable absent; hold-down 0s; }\n"
	holds = "appliance { address 192.0.2.53/32 on lo; }\n"
)

// TestConditions: what is bad for a gate withdraws, and when it is good again
// the prefix comes back.
func TestConditions(t *testing.T) {
	for name, story := range map[string]struct{ bad, good func(*scene) }{
		"link": {
			func(s *scene) { s.box.IP("link set eth1 down") },
			func(s *scene) { s.box.IP("link set eth1 up") },
		},
		"carrier": { // the other end of the wire
			func(s *scene) { s.run("clients", "link set eth0 down") },
			func(s *scene) { s.run("clients", "link set eth0 up") },
		},
		"address": {
			func(s *scene) { s.box.IP("address del 192.0.2.53/32 dev lo") },
			func(s *scene) { s.box.IP("address add 192.0.2.53/32 dev lo") },
		},
		"file": {
			func(s *scene) { s.File("disable", "") },
			func(s *scene) { os.Remove(s.Dir + "/disable") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, dog+gate+towardsSink)
			s.box.IP("address add 192.0.2.53/32 dev lo")
			up := s.meet()
			at := s.announced(up, 0)
			for range 3 {
				story.bad(s)
				at = s.withdrawn(up, at)
				story.good(s)
				at = s.announced(up, at)
			}
			if err := up.Err(); err != nil {
				t.Errorf("the session ended: %v", err)
			}
		})
	}
}

// run runs ip(8) on another host.
func (s *scene) run(host, line string) {
	s.Helper()
	ns := strings.TrimSuffix(s.box.NS, "box") + host
	s.box.Run(append([]string{"ip", "-n", ns}, strings.Fields(line)...)...)
}

// TestStopWaits: the withdraw is acknowledged before anything else goes.
func TestStopWaits(t *testing.T) {
	s := newScene(t, dog+gate+holds+"appliance { stop-timeout 60s; }\n"+towardsSink)
	up := s.meet()
	at := s.announced(up, 0)
	// The upstream's kernel hears the box, and can not answer.
	s.upstream.IP("route add blackhole 10.0.0.1/32")
	s.box.Signal(syscall.SIGTERM)
	at = s.withdrawn(up, at)
	if !s.holds() {
		t.Error("the address went before the withdraw was acknowledged")
	}
	if _, i := up.Find(at, func(f sink.Frame) bool { return f.Type == sink.Notification }); i >= 0 {
		t.Error("the NOTIFICATION did not wait for the acknowledgement")
	}
	s.upstream.IP("route del blackhole 10.0.0.1/32")
	s.gets(up, at, "cease, administrative shutdown", func(f sink.Frame) bool {
		return f.Type == sink.Notification && f.Body[0] == 6 && f.Body[1] == 2
	})
	if err := s.box.Wait(soon); err != nil {
		t.Errorf("the box did not stop in order: %v", err)
	}
	if s.holds() {
		t.Error("the address is left behind")
	}
}
