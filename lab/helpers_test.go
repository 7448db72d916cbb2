package lab_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/sink"
)

// single, second and third are prefixes that helpers announce.
var (
	single = netip.MustParsePrefix("198.51.100.1/32")
	second = netip.MustParsePrefix("198.51.100.2/32")
	third  = netip.MustParsePrefix("198.51.100.3/32")
)

// play is a box whose helpers say what the test says, and a sink upstream with a
// hold time of 9 s.
type play struct {
	*lab.Lab
	box    *lab.Host
	daemon *lab.Box
	cast   map[string]*lab.Puppet
	lives  map[string]*lab.Life
	peer   *sink.Session
}

// perform starts a play. sections are what the neighbor's sections "api" say;
// each is of the helper that it is named after.
func perform(t testing.TB, engine lab.Engine, sections map[string]string) *play {
	t.Helper()
	l := lab.New(t)
	p := &play{Lab: l, box: l.Host("box"), cast: map[string]*lab.Puppet{}, lives: map[string]*lab.Life{}}
	upstream := l.Host("upstream")
	lab.Wire(p.box, "eth0", upstream, "eth0")
	p.box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	var processes, apis strings.Builder
	for name, section := range sections {
		p.cast[name] = p.box.Puppet(name)
		processes.WriteString(p.cast[name].Process())
		fmt.Fprintf(&apis, "\tapi %s { processes [ %s ]; %s }\n", name, name, section)
	}
	up := accept(t, upstream, "10.0.0.2", sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 9})
	p.daemon = p.box.Box(engine, fmt.Sprintf(`%sneighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	family { ipv4 unicast; }
%s	static { route 192.0.2.53/32 next-hop self; }
}
`, processes.String(), apis.String()))
	p.daemon.Start()
	for name, puppet := range p.cast {
		p.lives[name] = puppet.Live()
	}
	if p.peer = <-up; p.peer == nil {
		t.Fatal("no session")
	}
	t.Cleanup(func() { p.peer.Close() })
	p.await(0, sink.Announces(anycast))
	return p
}

// await waits for a message at or after index from, and gives its index.
func (p *play) await(from int, says func(sink.Frame) bool) (i int) {
	p.Helper()
	p.Until(soon, "a message", func() bool { _, i = p.peer.Find(from, says); return i >= 0 })
	return i
}

// does has a helper say a command, which must be answered with done.
func (p *play) does(name, command string) {
	p.Helper()
	p.lives[name].Say("%s\n", command)
	if a := p.lives[name].Answer(); !slices.Equal(a, []string{"done"}) {
		p.Fatalf("%s says %q and is answered %q", name, command, a)
	}
}

// only checks that the peer was told of one prefix since a number of messages,
// and of nothing else, and gives how many messages there are now.
func (p *play) only(from int, says func(sink.Frame) bool) int {
	p.Helper()
	at := p.await(from, says)
	for _, f := range p.peer.Frames()[from:at] {
		if f.Type != sink.Keepalive {
			p.Fatalf("the peer was told something else: %v: % x", f.Type, f.Body)
		}
	}
	return at + 1
}

// TestWithdrawnWatchdog: a route that is said behind "withdraw watchdog" in the same
// write is not told before that is at work, and is told when it is switched on.
func TestWithdrawnWatchdog(t *testing.T) {
	p := perform(t, lab.Holdfast, map[string]string{"one": ""})
	for i := range 5 {
		a, b := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + i)}), 32), netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 101, byte(10 + i)}), 32)
		p.lives["one"].Say("withdraw watchdog g%d\nannounce route %s next-hop self watchdog g%d\nannounce route %s next-hop self med %d\n", i, a, i, b, i)
		p.await(0, sink.Announces(b))
		if _, at := p.peer.Find(0, sink.Announces(a)); at >= 0 {
			t.Errorf("%s was told", a)
		}
		p.lives["one"].Say("announce watchdog g%d\n", i)
		p.await(0, sink.Announces(a))
	}
}

// TestHelperDies: a helper that is killed is started again, and its routes stay.
func TestHelperDies(t *testing.T) {
	t.Parallel()
	p := perform(t, lab.Holdfast, map[string]string{"mortal": "", "other": ""})
	p.does("mortal", "announce route "+single.String()+" next-hop self")
	now := p.await(0, sink.Announces(single)) + 1
	before := p.lives["mortal"]
	before.Signal(syscall.SIGKILL)
	p.lives["mortal"] = p.cast["mortal"].Live()
	p.does("other", "announce route "+second.String()+" next-hop self")
	now = p.only(now, sink.Announces(second))
	p.does("mortal", "withdraw route "+single.String()+" next-hop self")
	p.only(now, sink.Withdraws(single))
	if before.PID == p.lives["mortal"].PID {
		t.Error("it was not killed")
	}
}

// TestHelperTalksRubbish: an error to the one who talks, and nothing else.
func TestHelperTalksRubbish(t *testing.T) {
	t.Parallel()
	p := perform(t, lab.Holdfast, map[string]string{"mad": "", "other": ""})
	p.does("mad", "announce route "+single.String()+" next-hop self")
	now := p.await(0, sink.Announces(single)) + 1
	start := time.Now()
	mad := p.lives["mad"]

	mad.Say("%s\n", strings.Repeat("x", 10<<20))
	if a := mad.Answer(); len(a) != 2 || a[0] != "error: want a command of at most 1048576 octets" || a[1] != "error" {
		t.Errorf("10 MB of a line are answered %q", a)
	}
	octets, r := make([]byte, 64<<10), rand.NewChaCha8([32]byte{4})
	r.Read(octets)
	heard := listen(mad)
	mad.Say("%s\nannounce route %s next-hop self\n", octets, third)
	now = p.only(now, sink.Announces(third))
	p.Until(soon, "binary is an error", func() bool { return heard.line("error") })
	p.does("other", "announce route "+second.String()+" next-hop self")
	now = p.only(now, sink.Announces(second))

	for _, half := range []string{"withdraw route " + third.String() + " next-hop self", strings.Repeat("y", 10<<20)} {
		mad.Say("%s", half)
		mad.Close()
		mad = p.cast["mad"].Live()
	}
	p.lives["mad"] = mad
	p.does("other", "withdraw route "+second.String()+" next-hop self")
	now = p.only(now, sink.Withdraws(second))
	p.does("mad", "withdraw route "+single.String()+" next-hop self")
	p.only(now, sink.Withdraws(single))
	alive(t, "only", p.peer, start)
	t.Logf("memory: %d MiB", p.daemon.Memory())
}

// TestHelperStops: a helper that is stopped, while answers and events are for
// it, costs nobody anything; when it goes on it is told whole lines.
func TestHelperStops(t *testing.T) {
	t.Parallel()
	p := perform(t, lab.Holdfast, map[string]string{"sleeper": "neighbor-changes; receive { parsed; update; }", "other": ""})
	start, sleeper := time.Now(), p.lives["sleeper"]
	sleeper.Say("%s", strings.Repeat("#\n", 400_000))
	sleeper.Signal(syscall.SIGSTOP)
	const tables, size = 5, 500_000 // more than may wait
	for range tables {
		for m := range table(size) {
			if err := p.peer.Send(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.does("other", "announce route "+single.String()+" next-hop self")
	now := p.await(0, sink.Announces(single)) + 1
	for range 5 { // the hold time is three of them
		now = p.await(now, func(f sink.Frame) bool { return f.Type == sink.Keepalive }) + 1
	}
	p.does("other", "withdraw route "+single.String()+" next-hop self")
	p.only(now, sink.Withdraws(single))
	alive(t, "only", p.peer, start)
	sleeper.Signal(syscall.SIGCONT)
	heard := listen(sleeper)
	p.Until(soon, "it is answered again, and told what happens now", func() bool {
		sleeper.Say("bogus\n")
		if err := p.peer.Send(sink.Message(sink.Update, behind)); err != nil {
			t.Fatal(err)
		}
		return heard.line("error") && heard.word(behindText)
	})
	routes := 0
	for _, line := range heard.all() {
		switch {
		case json.Valid([]byte(line)):
			routes += strings.Count(line, `"nlri"`)
		case line != "done" && line != "error" && !strings.HasPrefix(line, "error: "):
			t.Fatalf("told half a line: %q", line)
		}
	}
	if routes == 0 || routes >= tables*size {
		t.Errorf("it was told of %d routes of %d, so nothing is shown", routes, tables*size)
	}
	t.Logf("it was told %d lines and %d routes of %d", len(heard.all()), routes, tables*size)
	within(t, p.daemon, eventsBound)
}

// eventsBound is what a box may need that has many events for a helper, in MiB.
const eventsBound = 256

// TestHelperLivesThroughReload: a reload that changes one helper of two, and
// adds a route, leaves the other one its process, its pipes and its routes.
func TestHelperLivesThroughReload(t *testing.T) {
	t.Parallel()
	p := perform(t, lab.Holdfast, map[string]string{"same": "", "changed": ""})
	p.does("same", "announce route "+single.String()+" next-hop self")
	now := p.await(0, sink.Announces(single)) + 1
	old, err := os.ReadFile(p.daemon.Conf)
	if err != nil {
		t.Fatal(err)
	}
	p.File("box.conf", strings.NewReplacer("box.changed;", "box.changed anew;",
		"route 192.0.2.53/32 next-hop self;", "route 192.0.2.53/32 next-hop self; route "+second.String()+" next-hop self;").Replace(string(old)))
	p.lives["same"].Say("reload\n")
	if a := p.lives["same"].Answer(); a[len(a)-1] != "done" {
		t.Errorf("reload is answered %q", a)
	}
	now = p.only(now, sink.Announces(second))
	before := p.lives["changed"].PID
	p.lives["changed"] = p.cast["changed"].Live()
	if p.lives["changed"].PID == before {
		t.Error("the helper that was changed is the same process")
	}
	p.does("changed", "announce route "+third.String()+" next-hop self")
	now = p.only(now, sink.Announces(third))
	p.does("same", "withdraw route "+single.String()+" next-hop self")
	p.only(now, sink.Withdraws(single))
	p.lives["same"].Signal(0)
}

// TestHelperIsTakenOut: a reload takes out a helper, which withdraws as it ends: its
// route goes, and one that another helper has said since stays.
func TestHelperIsTakenOut(t *testing.T) {
	s := tell(t, func(s *story) string { return s.gated(usual, "") })
	section := "process ending { run " + s.File("ending", fmt.Sprintf(`#!/bin/sh
trap 'echo withdraw route %[1]s next-hop self; echo withdraw route %[2]s next-hop self; exit' TERM
echo "announce route %[1]s next-hop self"
echo "announce route %[2]s next-hop self"
while read line; do :; done
`, single, second)) + "; encoder text; }\n"
	s.rewrite("[ lab ]", "[ lab ending ]")
	s.rewrite("appliance", section+"appliance")
	s.daemon.Start()
	med := func(p netip.Prefix, want string) func() bool {
		return func() bool { r, ok := s.bird.Route(p); return ok && r.MED == want }
	}
	s.Until(soon, "the helper's route", med(single, ""))
	s.Until(soon, "its other route", med(second, ""))
	s.daemon.Command("announce route %s next-hop self med 7", second)
	s.Until(soon, "another helper's route", med(second, "7"))
	s.rewrite("[ lab ending ]", "[ lab ]")
	s.rewrite(section, "")
	s.daemon.Signal(syscall.SIGHUP)
	s.Until(soon, "the route of who was taken out has gone", func() bool { _, ok := s.bird.Route(single); return !ok })
	s.daemon.Command("announce route %s next-hop self", third)
	s.Until(soon, "a route behind that", med(third, ""))
	if !med(second, "7")() {
		t.Error("it took another helper's route along")
	}
}

// ear is what a helper hears while the test does something else.
type ear struct {
	mu    sync.Mutex
	lines []string
}

// listen reads what a life is told until it ends.
func listen(l *lab.Life) *ear {
	e := &ear{}
	l.SetReadDeadline(time.Time{})
	go func() {
		in := bufio.NewScanner(l)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			e.mu.Lock()
			e.lines = append(e.lines, in.Text())
			e.mu.Unlock()
		}
	}()
	return e
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.lines)
}

// line says whether a line was heard.
func (e *ear) line(text string) bool { return slices.Contains(e.all(), text) }

// word says whether a line was heard that has a text in it.
func (e *ear) word(text string) bool {
	return slices.ContainsFunc(e.all(), func(line string) bool { return strings.Contains(line, text) })
}

// table is UPDATEs that announce n prefixes, four in each, as a full table has
// them, with attributes that differ.
func table(n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := 0; i < n; i += 4 {
			attributes := []byte{0x40, 1, 1, 0, 0x40, 2, 14, 2, 3, 0, 0, 0xfd, 0xea, 1, byte(i >> 18), byte(i >> 10), byte(i >> 2), 0, 0, 0x1b, 0x1b,
				0x40, 3, 4, 10, 0, 0, 2, 0xc0, 8, 8, 0xfd, 0xea, 0, 1, 0xfd, 0xea, byte(i >> 12), byte(i >> 4)}
			body := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(len(attributes)))
			body = append(body, attributes...)
			for j := i; j < min(i+4, n); j++ {
				body = append(body, 24, byte(20+j>>16), byte(j>>8), byte(j))
			}
			if !yield(sink.Message(sink.Update, body)) {
				return
			}
		}
	}
}
