package fsm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
	"holdfast/lab/golden"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func config() Config {
	return Config{LocalAS: 65000, PeerAS: 65001, ID: 0x0a000001, HoldTime: 9 * time.Second,
		Capabilities: []capability.Capability{capability.ForFamily(bgp.IPv4Unicast), capability.ForASN(65000)}}
}

// settings applies "passive", "hold=90s", "local-as=auto" … of a script's first
// line.
func settings(c *Config, line string) {
	for _, w := range strings.Fields(line) {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "passive":
			c.Passive = true
		case "hold":
			c.HoldTime, _ = time.ParseDuration(v)
		case "id":
			c.ID, _ = bgp.ParseID(v)
		case "local-as":
			a, _ := strconv.Atoi(v)
			c.LocalAS = bgp.ASN(a)
		case "peer-as":
			a, _ := strconv.Atoi(v)
			c.PeerAS = bgp.ASN(a)
		}
	}
}

// open makes the neighbor's OPEN of "as=… id=… hold=… family=…".
func open(words []string) *wire.Open {
	o := &wire.Open{Version: 4, AS: 65001, ID: 0x0a000002, HoldTime: 9 * time.Second}
	f := bgp.IPv4Unicast
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "as":
			a, _ := strconv.Atoi(v)
			o.AS = bgp.ASN(a)
		case "id":
			o.ID, _ = bgp.ParseID(v)
		case "hold":
			o.HoldTime, _ = time.ParseDuration(v)
		case "family":
			f = bgp.IPv6Unicast
		}
	}
	o.Capabilities = []capability.Capability{capability.ForFamily(f), capability.ForASN(o.AS)}
	return o
}

func event(words []string) Event {
	ev := Event{}
	if len(words) > 1 {
		n, _ := strconv.Atoi(words[1])
		ev.Conn = Conn(n)
	}
	kinds := map[string]Kind{"start": Start, "stop": Stop, "tick": Tick, "connected": Connected, "dial-failed": DialFailed,
		"accepted": Accepted, "open": Opened, "keepalive": Keepalive, "update": Update, "refresh": Refresh,
		"notification": Notification, "bad": Bad, "lost": Lost}
	kind, ok := kinds[words[0]]
	if !ok {
		panic(words[0])
	}
	ev.Kind = kind
	switch kind {
	case Start:
		ev.Patient = len(words) > 1
	case Stop:
		ev.Subcode, ev.Conn, ev.Text = uint8(ev.Conn), 0, strings.Join(words[2:], " ")
	case Opened:
		ev.Open = open(words[2:])
	case DialFailed:
		ev.Err = errors.New("connection refused")
	case Lost:
		ev.Err = errors.New("EOF")
	case Notification:
		ev.Notification = wire.Shutdown(wire.AdminShutdown, "bye")
	case Bad:
		ev.Bad = &wire.Error{Code: 3, Subcode: 1, Offset: 23, Disposition: wire.Reset, Reason: "attributes run past the message"}
	}
	return ev
}

func describe(e Effect) string {
	s := map[Kind]string{Dial: "dial", CancelDial: "cancel-dial", Send: "send", Close: "close", Up: "up", Down: "down", Failed: "failed", Moved: "moved"}[e.Kind]
	if e.Conn != 0 {
		s += fmt.Sprintf(" %d", e.Conn)
	}
	switch e.Kind {
	case Send:
		s += " " + message(e.Frame)
	case Moved:
		s += fmt.Sprintf(" %s %s", e.From, e.To)
	case Up:
		n := e.Session.Negotiated
		s += fmt.Sprintf(" hold %s, asn4 %v, %v", n.HoldTime, n.ASN4, n.Families)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func message(b []byte) string {
	n, t, err := wire.Frame(b, bgp.MaxMessage)
	if err != nil || n != len(b) {
		return fmt.Sprintf("BROKEN %x", b)
	}
	switch t {
	case wire.TypeNotification:
		return "NOTIFICATION " + wire.ParseNotification(b).String()
	case wire.TypeOpen:
		o, err := wire.ParseOpen(b)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("OPEN as %s hold %s", o.AS, o.HoldTime)
	}
	return t.String()
}

// play runs a script: each line a time since the start, and an event; "until
// T" ticks at every deadline up to T.
func play(script string) string {
	head, rest, _ := strings.Cut(strings.TrimSpace(script), "\n")
	c := config()
	settings(&c, head)
	m := New(c)
	var out strings.Builder
	step := func(now time.Time, ev Event) {
		for _, e := range m.Step(now, ev) {
			fmt.Fprintf(&out, "    %-6s %s\n", now.Sub(epoch), describe(e))
		}
	}
	for line := range strings.Lines(rest) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		fmt.Fprintf(&out, "%s\n", strings.TrimSpace(line))
		at, err := time.ParseDuration(words[0])
		if err != nil {
			panic(line)
		}
		now := epoch.Add(at)
		if words[1] == "until" {
			for d := m.Deadline(); !d.IsZero() && !d.After(now); d = m.Deadline() {
				step(d, Event{Kind: Tick})
			}
			continue
		}
		step(now, event(words[1:]))
	}
	return out.String()
}

func TestScripts(t *testing.T) {
	golden.Files(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) {
		a.Files = []txtar.File{a.Files[0], {Name: "effects", Data: []byte(play(string(a.Files[0].Data)))}}
	})
}

// FuzzMachine throws events at a machine in any order. It must not panic; at
// most one connection is established; every connection that it was given is
// closed or still its own; and a machine that was started always waits for
// something.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 0x43, 0x46, 0x47, 2, 2, 0x4c}, false)
	f.Add([]byte{0, 0x45, 0x46, 0x43, 0x86, 0x47, 0x87}, true)
	f.Fuzz(func(t *testing.T, script []byte, passive bool) {
		c := config()
		c.Passive = passive
		m := New(c)
		given, gone := map[Conn]bool{}, map[Conn]bool{}
		now := epoch
		for _, b := range script {
			ev := fuzzEvent(b, given, gone)
			if ev.Kind == Tick {
				if d := m.Deadline(); d.After(now) {
					now = d
				}
			}
			for _, e := range m.Step(now, ev) {
				if e.Kind == Close {
					if gone[e.Conn] {
						t.Fatalf("connection %d is closed twice", e.Conn)
					}
					gone[e.Conn] = true
				}
			}
			up := 0
			for _, x := range m.tracks {
				if x.state == Established {
					up++
				}
				if gone[x.conn] || !given[x.conn] {
					t.Fatalf("connection %d is kept", x.conn)
				}
			}
			if up > 1 {
				t.Fatal("two sessions")
			}
			if len(m.tracks) == 0 && m.started && !m.dialing && !passive && m.Deadline().IsZero() {
				t.Fatal("started, and waits for nothing")
			}
			for c := range given {
				if !gone[c] && m.track(c) == nil {
					t.Fatalf("connection %d is forgotten", c)
				}
			}
		}
	})
}

// fuzzEvent makes an event of an octet: what happens, and to which of four
// connections. A number is a connection's once.
func fuzzEvent(b byte, given, gone map[Conn]bool) Event {
	names := []string{"start", "stop", "tick", "connected", "dial-failed", "accepted", "open", "keepalive", "update", "refresh", "notification", "bad", "lost"}
	name := names[int(b&0xf)%len(names)]
	c := Conn(b >> 6)
	if name == "connected" || name == "accepted" {
		c = Conn(len(given) + 1)
		given[c] = true
	}
	ev := event([]string{name, fmt.Sprint(c), ""})
	if name == "stop" {
		ev = Event{Kind: Stop, Subcode: wire.AdminShutdown}
	}
	if name == "open" && b&0x20 != 0 {
		ev.Open.ID = 0x0a000000
	}
	if name == "lost" && given[c] {
		gone[c] = true
	}
	return ev
}

func TestKeepaliveTickDoesNotAllocate(t *testing.T) {
	m := New(config())
	for _, ev := range []Event{{Kind: Start}, {Kind: Connected, Conn: 1}, {Kind: Opened, Conn: 1, Open: open(nil)}, {Kind: Keepalive, Conn: 1}} {
		m.Step(epoch, ev)
	}
	now := epoch
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(3 * time.Second)
		m.Step(now, Event{Kind: Tick})
		m.Step(now, Event{Kind: Keepalive, Conn: 1})
	}); n != 0 || m.State() != Established {
		t.Errorf("%v allocations, %s", n, m.State())
	}
}
