package appliance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/appliance/helper"
	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/capability"
	"holdfast/bgp/event"
	"holdfast/bgp/wire"
)

// chain is a daemon at work, from the words of a helper to the octets that its
// neighbors read, and to the events of which helpers are told.
type chain struct {
	*asked
	commands *os.File // of the helper "one"
	answers  *os.File
	lines    *bufio.Reader

	listeners map[string]*net.TCPListener // by address
	sessions  map[string]net.Conn
	frames    map[string][][]byte // what they read
	told      map[string][]told   // by helper; the loop's
	in        chan struct{}       // a message was received
	stopped   bool
}

// chainConf has an external neighbor of which "one" is told in text, and "two" in
// JSON, and an internal one of which nobody is told.
const chainConf = `process one { run /bin/sh %[1]s/one; encoder text; }
process two { run /bin/cat; encoder json; }
neighbor 127.0.0.2 {
	router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001; %[2]s
	api { processes [ one two ]; send { parsed; update; notification; refresh; operational; } receive { parsed; update; notification; refresh; operational; } }
}
neighbor 127.0.0.3 {
	router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65000;
	family { ipv4 unicast; ipv6 unicast; bgp-ls bgp-ls-vpn; } api { processes [ one ]; }
}
`

// chainWords are the first neighbor's, if nothing else is said.
const chainWords = "family { ipv4 unicast; ipv6 unicast; ipv4 flow; bgp-ls bgp-ls-vpn; } capability { route-refresh; operational; }"

// mark is an End-of-RIB that nobody asks for: what was said before it, has come.
var mark = wire.AppendEOR(nil, bgp.BGPLSVPN)

// chainTime is when everything happens.
var chainTime = time.Unix(1, 500_000_000)

// newChain has all sessions up, and all that is told at their start read.
func newChain(t *testing.T, words string) *chain {
	t.Helper()
	c := &chain{listeners: map[string]*net.TCPListener{}, sessions: map[string]net.Conn{}, frames: map[string][][]byte{},
		told: map[string][]told{}, in: make(chan struct{}, 100)}
	port := 0
	for n := 2; n <= 4; n++ {
		at := net.IPv4(127, 0, 0, byte(n))
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: at, Port: port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		c.listeners[at.String()], port = l, l.Addr().(*net.TCPAddr).Port
	}
	folder := t.TempDir()
	c.asked = prepared(t, fmt.Sprintf(chainConf, folder, words), uint16(port))
	c.helper(folder)
	c.d.herald.source = event.Source{Host: "box", PID: 7, PPID: 1}
	c.d.herald.hear = c.hear
	c.begin()
	c.settle()
	return c
}

// helper makes the program of "one": what it says and hears goes through pipes.
func (c *chain) helper(folder string) {
	c.Helper()
	pipe := func(name string) *os.File {
		name = filepath.Join(folder, name)
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			c.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			c.Fatal(err)
		}
		c.Cleanup(func() { f.Close() })
		return f
	}
	c.commands, c.answers = pipe("commands"), pipe("answers")
	c.lines = bufio.NewReader(c.answers)
	c.write(filepath.Join(folder, "one"), fmt.Sprintf("cat %[1]s/commands & exec cat >%[1]s/answers\n", folder))
}

// hear is the herald's: it keeps what helpers are told, each message by itself.
func (c *chain) hear(name string, e helper.Event) bool {
	t := e.(*told)
	r := *t.report
	r.Time = chainTime
	for rest := r.Message; r.Kind == event.Update; {
		n := wire.FrameLen(rest)
		if r.Message, rest = rest[:n], rest[n:]; len(rest) == 0 {
			break
		}
		c.keep(name, t.teller, r)
	}
	c.keep(name, t.teller, r)
	return true
}

func (c *chain) keep(name string, t *event.Teller, r event.Report) {
	if slices.Equal(r.Message, mark) {
		return
	}
	c.told[name] = append(c.told[name], told{report: &r, counter: uint64(len(c.told[name])) + 1, teller: t})
	if name == "two" && r.Direction == event.In {
		c.in <- struct{}{}
	}
}

// events are the lines that a helper is told since it was last asked, which begin
// with a count of 1.
func (c *chain) events(name string) string {
	c.Helper()
	var b []byte
	c.loop(func() {
		for _, t := range c.told[name] {
			b = t.AppendTo(b)
		}
		delete(c.told, name)
	})
	return string(b)
}

// say is a line of the helper, and what it is answered: what a ping is answered
// behind it is the end of it, and that of a second one says whether pings are
// acknowledged.
func (c *chain) say(line string) (answers string) {
	c.Helper()
	if strings.HasSuffix(line, "restart") {
		return c.restart(line)
	}
	fmt.Fprintf(c.commands, "%s\nsession ping text\nsession ping text\n", line)
	if strings.HasSuffix(line, "ping text") {
		answers = c.line()
	}
	for l := c.line(); !strings.HasPrefix(l, "pong "); l = c.line() {
		answers += l
	}
	if c.line() == "done\n" {
		c.line()
		c.line()
	}
	return answers
}

// restart is a line that has helpers live anew: whether one that said it still
// reads its answer is chance, so it is somebody else who says it.
func (c *chain) restart(line string) string {
	c.Helper()
	life := c.life()
	var out bytes.Buffer
	b := &api.Batch{Say: func(lines []byte) bool { out.Write(lines); return true }}
	(&api.Parser{}).Line(b, []byte(line))
	c.do(b)
	c.await("another life", func() bool { now := c.life(); return now != 0 && now != life })
	answer, _ := b.AppendAnswers(nil, true)
	return out.String() + string(answer)
}

// await waits for what nobody tells the test of.
func (c *chain) await(what string, so func() bool) {
	c.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); {
		if time.Now().After(end) {
			c.Fatalf("there is not %s", what)
		}
	}
}

func (c *chain) line() string {
	c.Helper()
	c.answers.SetReadDeadline(time.Now().Add(20 * time.Second))
	l, err := c.lines.ReadString('\n')
	if err != nil {
		c.Fatal(l, err)
	}
	return l
}

// life is the helper's process.
func (c *chain) life() int {
	all := c.d.helperStatus() // by name
	return all[0].PID
}

// settle has all neighbors read what they are told, and come again where their
// session ends.
func (c *chain) settle() {
	c.Helper()
	for again := true; again; {
		again = false
		for _, at := range slices.Sorted(maps.Keys(c.listeners)) {
			if c.sessions[at] == nil && c.configured(at) != "" {
				c.meet(at)
			}
			if c.sessions[at] != nil && !c.drain(at) {
				again = true
			}
		}
	}
}

// configured is the state of a neighbor that there should be a session with.
func (c *chain) configured(at string) (state string) {
	c.Helper()
	c.loop(func() {
		if vs, _ := c.d.speaker.Neighbors(named(at)); len(vs) > 0 && !c.stopped {
			state = vs[0].State
		}
	})
	return state
}

// meet brings a session up. The neighbor offers what it is offered.
func (c *chain) meet(at string) {
	c.Helper()
	c.listeners[at].SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := c.listeners[at].Accept()
	if err != nil {
		c.Fatal(at, err)
	}
	c.Cleanup(func() { conn.Close() })
	c.sessions[at] = conn
	open, bad := wire.ParseOpen(c.read(at))
	if bad != nil {
		c.Fatal(bad)
	}
	open.ID++
	if at != "127.0.0.3" {
		open.AS = 65001
		for i := range open.Capabilities {
			if open.Capabilities[i].Code == capability.ASN4 {
				open.Capabilities[i] = capability.ForASN(open.AS)
			}
		}
	}
	conn.Write(wire.AppendKeepalive(wire.AppendOpen(nil, *open)))
	c.read(at)
	c.await("a session with "+at, func() bool { return c.configured(at) == "ESTABLISHED" })
	c.until(at, mark) // a session begins with one of its own
}

// read reads a message, nil at the end.
func (c *chain) read(at string) []byte {
	c.Helper()
	conn := c.sessions[at]
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, wire.HeaderLen)
	_, err := io.ReadFull(conn, b)
	if err == nil {
		b = append(b, make([]byte, wire.FrameLen(b)-wire.HeaderLen)...)
		_, err = io.ReadFull(conn, b[wire.HeaderLen:])
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return nil
	case err != nil:
		c.Fatal(at, err)
	}
	return b
}

// drain notes all that a neighbor is told, up to the mark; false: or up to the end
// of its session.
func (c *chain) drain(at string) bool {
	c.Helper()
	b := &api.Batch{Items: []api.Item{{Kind: api.EOR, Family: bgp.BGPLSVPN, Peers: named(at)}}}
	c.do(b)
	if b.Items[0].Err != nil {
		return c.until(at, nil)
	}
	return c.until(at, mark)
}

// until notes messages up to one that is not noted; false: or up to the end.
func (c *chain) until(at string, last []byte) bool {
	c.Helper()
	for {
		m := c.read(at)
		switch {
		case m == nil:
			c.sessions[at].Close()
			delete(c.sessions, at)
			c.frames[at] = append(c.frames[at], nil)
			return false
		case slices.Equal(m, last):
			return true
		case wire.Type(m[18]) != wire.TypeKeepalive && !slices.Equal(m, mark):
			c.frames[at] = append(c.frames[at], m)
		}
	}
}
