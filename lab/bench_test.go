package lab_test

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"holdfast/lab"
	"holdfast/lab/sink"
)

// BenchmarkAddressToWithdraw is the promise as a figure: the time from the
// kernel's answer to the removal of an address to the withdraw's last octet at
// the neighbor, over a veth.
func BenchmarkAddressToWithdraw(b *testing.B) {
	l := lab.New(b)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", "10.0.0.1/24")
	upstream.Address("eth0", "10.0.0.2/24")
	box.Address("lo", "192.0.2.53/32")
	o := sink.Options{AS: 65002, ID: netip.MustParseAddr("192.0.2.254"), HoldTime: 9}
	up := accept(b, upstream, "10.0.0.2", o)
	daemon := box.Box(lab.Holdfast, fmt.Sprintf(`appliance { control-socket %s; }
watchdog dns { address 192.0.2.53/32 on lo; }
neighbor 10.0.0.2 { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	family { ipv4 unicast; } static { route 192.0.2.53/32 next-hop self watchdog dns; } }
`, filepath.Join(l.Dir, "box.ctl")))
	daemon.Start()
	s := <-up
	if s == nil {
		b.Fatal("no session")
	}
	defer s.Close()
	seen := 0 // frames that are over
	await := func(says func(sink.Frame) bool) (at time.Time) {
		l.Until(soon, "a frame", func() bool {
			f, i := s.Find(seen, says)
			if i >= 0 {
				at, seen = f.At, i+1
			}
			return i >= 0
		})
		return at
	}
	change := func(how func(netlink.Link, *netlink.Addr) error) (at time.Time) {
		err := box.Do(func() error {
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			a, err := netlink.ParseAddr("192.0.2.53/32")
			if err == nil {
				err = how(lo, a)
			}
			at = time.Now()
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return at
	}
	await(sink.Announces(anycast))
	var took []time.Duration
	for b.Loop() {
		gone := change(netlink.AddrDel)
		took = append(took, await(sink.Withdraws(anycast)).Sub(gone))
		change(netlink.AddrAdd)
		await(sink.Announces(anycast))
		time.Sleep(250 * time.Millisecond) // what comes right behind another change is listed later, on purpose
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}

// BenchmarkHundredHelpers is what a hundred helpers, each with a thousand
// commands a second, do to the turns of the loop: spread over the time, and all
// of them at the same moments. The turns are counted in buckets that double, so
// that a figure says at most twice what it was.
func BenchmarkHundredHelpers(b *testing.B) {
	for name, pause := range map[string]time.Duration{"spread": time.Millisecond, "at-once": 0} {
		b.Run(name, func(b *testing.B) { hundredHelpers(b, pause) })
	}
}

func hundredHelpers(b *testing.B, pause time.Duration) {
	const helpers, rounds = 100, 100
	sections := map[string]string{}
	for i := range helpers {
		sections[fmt.Sprintf("h%d", i)] = ""
	}
	p := perform(b, lab.Holdfast, sections)
	var lives []*lab.Life
	for _, life := range p.lives {
		go io.Copy(io.Discard, life)
		lives = append(lives, life)
	}
	time.Sleep(10 * time.Second) // idle, but for the timers
	idle, _ := p.daemon.Status()
	start, round := time.Now(), 0
	for b.Loop() {
		for range rounds {
			chatter(lives, round, pause)
			round++
			time.Sleep(time.Until(start.Add(time.Duration(round) * time.Second / 10)))
		}
	}
	took := time.Since(start)
	busy, _ := p.daemon.Status()
	gap, _ := p.peer.Gap(start)
	b.ReportMetric(float64(round*helpers*100)/took.Seconds(), "commands/s")
	b.ReportMetric(float64(idle.Loop.P99), "idle-turn-µs-p99")
	b.ReportMetric(float64(busy.Loop.P50), "busy-turn-µs-p50")
	b.ReportMetric(float64(busy.Loop.P99), "busy-turn-µs-p99")
	b.ReportMetric(float64(busy.Loop.Max), "turn-µs-max")
	b.ReportMetric(gap.Seconds(), "s-between-keepalives")
	b.ReportMetric(0, "ns/op")
}

// chatter has each helper say a hundred commands, with a pause behind each
// helper: a thousand routes of its own, and each of them anew in every tenth
// round.
func chatter(lives []*lab.Life, round int, pause time.Duration) {
	start := time.Now()
	for h, life := range lives {
		var text []byte
		for i := range 100 {
			k := round%10*100 + i
			text = fmt.Appendf(text, "announce route 10.%d.%d.%d/32 next-hop 10.0.0.1 med %d\n", h, k>>8, k&255, round/10)
		}
		life.Say("%s", text)
		time.Sleep(time.Until(start.Add(time.Duration(h+1) * pause)))
	}
}
