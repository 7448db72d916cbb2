package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"holdfast/lab"
)

// The two ends of the wire, and the anycast prefixes: the second has a service.
var (
	boxAddr      = netip.MustParseAddr("10.0.0.1")
	upstreamAddr = netip.MustParseAddr("10.0.0.2")
	prefix       = netip.MustParsePrefix("192.0.2.53/32")
	web          = netip.MustParsePrefix("192.0.2.80/32")
)

const config = `
appliance { drain { wait 5s; } }
watchdog { device sim:%s; timeout 3s; }

watchdog dns {
	link eth0;
	address 192.0.2.53/32 on lo;
	neighbor 10.0.0.2;
	file %s absent;
	hold-down 1s;
}

watchdog web {
	address 192.0.2.80/32 on lo;
	check tcp { to 192.0.2.80:80; interval 300ms; fast-interval 100ms; timeout 1s; rise 2; fall 2; }
	on-failure { med 500 for 6s; withdraw; }
	hold-down 1s;
}

neighbor 10.0.0.2 {
	router-id 10.0.0.1;
	local-address 10.0.0.1;
	local-as 65001;
	peer-as 65002;
	hold-time 9;
	md5-password "correct-horse";
	family { ipv4 unicast; }
	api { processes [ lab ]; }
	static {
		route 192.0.2.53/32 next-hop self community [ 65001:53 ] watchdog dns;
		route 192.0.2.80/32 next-hop self community [ 65001:80 ] watchdog web;
	}
}
`

// cast is who plays.
type cast struct {
	*stage
	*lab.Lab
	host     *lab.Host
	box      *lab.Box
	upstream lab.Peer
	service  io.Closer
	disable  string // path of the file that takes the box out
	steps    int
	began    time.Time // of the step
}

// tell is the story.
func tell(s *stage, keep bool) {
	c := setUp(s)
	c.starts()
	c.losesItsAddress()
	c.getsItBack()
	c.losesItsService()
	c.isDrained()
	c.freezes()
	c.stops()
	if keep {
		c.stay()
		return
	}
	fmt.Println(s.paint(green, "\nEvery step happened. Nothing is left running."))
}

func setUp(s *stage) *cast {
	l := lab.New(s)
	box, upstream := l.Host("box"), l.Host("upstream")
	c := &cast{stage: s, Lab: l, host: box, disable: l.Dir + "/dns.disable"}
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", boxAddr.String()+"/24")
	box.Address("lo", prefix.String(), web.String())
	upstream.Address("eth0", upstreamAddr.String()+"/24")
	c.serve()
	c.box = box.Box(lab.Watched, fmt.Sprintf(config, box.Device(), c.disable))
	c.upstream = lab.BIRD(upstream, lab.Session{Local: upstreamAddr, Remote: boxAddr, LocalAS: 65002, RemoteAS: 65001, Password: "correct-horse"})
	lab.Binary(s)
	fmt.Println(s.paint(bold, "A box (Holdfast) and its upstream router (BIRD), each in a network namespace of its own."))
	fmt.Println("The session has a TCP-MD5 password; the box has a simulated hardware watchdog of 3 s.")
	return c
}

// step begins a step of the story.
func (c *cast) step(format string, args ...any) {
	if c.terminal { // somebody watches: let him read the last one
		time.Sleep(2 * time.Second)
	}
	c.steps++
	fmt.Println(c.paint(bold, fmt.Sprintf("\n%d. %s", c.steps, fmt.Sprintf(format, args...))))
	c.began = time.Now()
}

// sees waits until the upstream sees something, and says so with the time that
// it took.
func (c *cast) sees(what string, cond func() bool) {
	c.Until(20*time.Second, "upstream: "+what, cond)
	c.say("upstream: %-52s %6.2f s", what, time.Since(c.began).Seconds())
}

func (c *cast) say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

func (c *cast) announced(p netip.Prefix) bool {
	_, ok := c.upstream.Route(p)
	return ok
}

// gone waits until a prefix is not there any more; text says more about that.
func (c *cast) gone(p netip.Prefix, text string) {
	c.sees(p.String()+text, func() bool { return !c.announced(p) })
}

// shows waits for a prefix and prints what the upstream's table has.
func (c *cast) shows(p netip.Prefix) {
	c.sees(p.String()+" is announced", func() bool { return c.announced(p) })
	r, _ := c.upstream.Route(p)
	c.say("          via %s, as-path %s, community %s", r.NextHop, r.ASPath, strings.Join(r.Communities, " "))
}

func (c *cast) starts() {
	c.step("Both start. The box may announce %s once its gate is open.", prefix)
	c.upstream.Start()
	c.box.Start()
	c.sees("session established", c.upstream.Established)
	c.shows(prefix)
}

func (c *cast) losesItsAddress() {
	c.step("The address is removed from the box.")
	c.box.IP("address del " + prefix.String() + " dev lo")
	c.gone(prefix, " is withdrawn")
	c.explain()
}

// explain prints what the box itself says about the prefix.
func (c *cast) explain() {
	c.say("box, asked to explain %s:", prefix)
	for line := range strings.Lines(c.box.Explain(prefix)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			c.say("    %s", line)
		}
	}
}

func (c *cast) getsItBack() {
	c.step("The address is back; the gate has a hold-down of 1 s.")
	c.box.Address("lo", prefix.String())
	c.shows(prefix)
}

// serve has the service listen on the box.
func (c *cast) serve() {
	var l net.Listener
	if err := c.host.Do(func() (err error) { l, err = net.Listen("tcp", "192.0.2.80:80"); return err }); err != nil {
		c.stage.Fatalf("the service: %v", err)
	}
	c.service = l
	c.stage.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

func (c *cast) losesItsService() {
	c.step("The service of %s ends. Its gate has a ladder: MED 500 for 6 s, then withdraw.", web)
	c.service.Close()
	c.sees("MED 500, for others to take over", func() bool { r, ok := c.upstream.Route(web); return ok && r.MED == "500" })
	c.gone(web, " is withdrawn")
	c.step("The service is back.")
	c.serve()
	c.shows(web)
}

func (c *cast) isDrained() {
	c.step("Somebody says: holdfast drain dns --for 12s --reason cabling")
	c.box.Run(lab.Binary(c.stage), "drain", "dns", "--for", "12s", "--reason", "cabling", "--socket", c.box.Socket())
	c.sees("community 65535:0, GRACEFUL_SHUTDOWN", func() bool {
		r, ok := c.upstream.Route(prefix)
		return ok && slices.Contains(r.Communities, "65535:0")
	})
	c.gone(prefix, " is withdrawn")
	c.shows(prefix)
}

func (c *cast) freezes() {
	before, ok := c.box.Status()
	if !ok {
		c.stage.Fatalf("the box does not answer \"holdfast status\"")
	}
	c.step("The daemon (process %d) is frozen: it can do nothing any more.", before.PID)
	if err := syscall.Kill(before.PID, syscall.SIGSTOP); err != nil {
		c.stage.Fatalf("freeze process %d: %v", before.PID, err)
	}
	c.gone(prefix, " is gone: the watchdog reset the box")
	c.sees("session established again", c.upstream.Established)
	c.shows(prefix)
	after, _ := c.box.Status()
	if after.PID == before.PID {
		c.stage.Fatalf("the daemon is still process %d: there was no reset", after.PID)
	}
	c.say("box:      the daemon is process %d now", after.PID)
}

func (c *cast) stops() {
	c.step("The box is told to stop (SIGTERM).")
	c.box.Signal(syscall.SIGTERM)
	c.gone(prefix, " is withdrawn")
	c.sees("session ended", func() bool { return !c.upstream.Established() })
	if err := c.box.Wait(10 * time.Second); err != nil {
		c.stage.Fatalf("the box did not stop in order: %v", err)
	}
	if !strings.Contains(c.box.IP("address show dev lo"), prefix.String()) {
		c.stage.Fatalf("the address went away")
	}
	c.say("box:      ended with status 0, watchdog stopped; the address is still there")
}

// stay starts the box again and says how to play with it.
func (c *cast) stay() {
	c.step("The box starts again, and stays.")
	c.box.Start()
	c.shows(prefix)
	c.kept = true
	remove := c.Keep()
	box, binary := c.box.NS, lab.Binary(c.stage)
	upstream := strings.TrimSuffix(box, "box") + "upstream"
	fmt.Printf(`
It runs on, without the service of %[9]s, which was part of this program. Play with it:
  %[1]s status --socket %[2]s
  %[1]s explain %[3]s --socket %[2]s
  %[1]s top --socket %[2]s
  %[1]s drain --for 1m --socket %[2]s
  birdc -s %[4]s/upstream-bird.ctl show route all
  ip -n %[5]s address del %[3]s dev lo         # and: address add
  ip -n %[5]s link set eth0 down               # and: up
  touch %[6]s                     # and: rm
  ip netns exec %[7]s tcpdump -ni eth0 port 179
  less %[4]s/box-holdfast.log
End it:
  %[8]s
`, binary, c.box.Socket(), prefix, c.Dir, box, c.disable, upstream, remove, web)
}
