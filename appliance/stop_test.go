package appliance

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"holdfast/appliance/desired"
	"holdfast/appliance/helper"
	"holdfast/bgp/api"
	"holdfast/bgp/wire"
)

// TestAHelperThatGoesOnAnnouncingDoesNotOutliveTheStop: what it says while the
// daemon stops reaches nobody.
func TestAHelperThatGoesOnAnnouncingDoesNotOutliveTheStop(t *testing.T) {
	c := newChain(t, chainWords)
	go io.Copy(io.Discard, c.answers)
	go func() {
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(c.commands, "announce route 10.%d.%d.%d/32 next-hop 10.0.0.9\nwithdraw route 10.%[1]d.%d.%d/32\nannounce route 10.%[1]d.%[2]d.%[3]d/32 next-hop 10.0.0.8\n",
				n>>16&255, n>>8&255, n&255, (n-9)>>8&255, (n-9)&255); err != nil {
				return
			}
		}
	}()
	for len(c.frames["127.0.0.2"]) < 200 {
		c.frames["127.0.0.2"] = append(c.frames["127.0.0.2"], c.read("127.0.0.2"))
	}
	c.stop("test")
	for _, at := range []string{"127.0.0.2", "127.0.0.3"} {
		known := map[netip.Prefix]bool{}
		for _, m := range c.frames[at] {
			if m == nil || wire.Type(m[18]) != wire.TypeUpdate {
				continue
			}
			hearUpdate(known, m[wire.HeaderLen:])
		}
		if len(known) > 0 {
			t.Errorf("%s still knows of %d routes", at, len(known))
		}
	}
}

// hearUpdate keeps the IPv4 routes of an UPDATE.
func hearUpdate(known map[netip.Prefix]bool, b []byte) {
	gone := int(b[0])<<8 | int(b[1])
	attrs := int(b[2+gone])<<8 | int(b[3+gone])
	each := func(b []byte, f func(netip.Prefix)) {
		for len(b) > 0 {
			n := (int(b[0]) + 7) / 8
			var a [4]byte
			copy(a[:], b[1:1+n])
			f(netip.PrefixFrom(netip.AddrFrom4(a), int(b[0])))
			b = b[1+n:]
		}
	}
	each(b[2:2+gone], func(p netip.Prefix) { delete(known, p) })
	each(b[4+gone+attrs:], func(p netip.Prefix) { known[p] = true })
}

// TestNothingBeginsOnceTheDaemonStops: a reload that comes late would start
// helpers and checks, and add addresses, that nobody ends.
func TestNothingBeginsOnceTheDaemonStops(t *testing.T) {
	a := newAsked(t, askedConf)
	a.d.shutdown("test", a.d.factsNow())
	if err := a.d.Reload(); err == nil {
		t.Error("a reload while the daemon stops has no error")
	}
	a.d.helpers.Reconcile([]helper.Process{{Name: "late", Run: []string{"/bin/sleep", "1000"}}})
	if n := len(a.d.helperStatus()); n > 0 {
		t.Errorf("%d helpers were started", n)
	}
}

// TestHelpersThatDieLeaveNothingOpen: descriptors of lives that are over.
func TestHelpersThatDieLeaveNothingOpen(t *testing.T) {
	a := newAsked(t, askedConf)
	life := func(last int) int {
		for {
			if pid := a.d.helperStatus()[0].PID; pid != 0 && pid != last {
				return pid
			}
			runtime.Gosched()
		}
	}
	pid, before := life(0), 0
	for n := range 100 {
		if n == 10 {
			before = openFiles(t)
		}
		a.d.helpers.Restart()
		pid = life(pid)
	}
	if after := openFiles(t); after > before+3 {
		t.Errorf("%d open files, %d before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestNamesByHandAreBounded: each of them is looked at with every decision.
func TestNamesByHandAreBounded(t *testing.T) {
	a := newAsked(t, askedConf)
	say := func(on string, n int) error {
		b := &api.Batch{From: "one"}
		(&api.Parser{}).Line(b, fmt.Appendf(nil, "%s watchdog name%d", on, n))
		a.do(b)
		return b.Items[0].Err
	}
	for n := range manualMax - 1 {
		if err := a.d.manual.say(fmt.Sprint("name", n), true); err != nil {
			t.Fatal(n, err)
		}
	}
	if err := say("announce", manualMax-1); err != nil {
		t.Error(err)
	}
	if err := say("announce", manualMax); err == nil {
		t.Error("one name too many is no error")
	}
	if err := say("withdraw", 7); err != nil {
		t.Errorf("a name that is known: %v", err)
	}
	in, _, _ := a.d.reconciler.look()
	if n := len(in.Manual); n != manualMax || in.Manual["name7"] != desired.Withdrawn {
		t.Errorf("%d names, name7 is %v", n, in.Manual["name7"])
	}
}
