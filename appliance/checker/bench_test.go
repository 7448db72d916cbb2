package checker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/netio"
)

// servesWord in the environment makes a process of this test the services that a
// benchmark looks at: what they cost is not ours.
const servesWord = "CHECKER_SERVES"

// serveAll says at which ports of 127.0.0.1 there is TCP, HTTP and DNS, and serves
// until its input ends.
func serveAll() int {
	var ports []any
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		return l
	}
	each(listen(), func(c net.Conn) { io.Copy(io.Discard, c) })
	go http.Serve(listen(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "OK") }))
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			for _, answer := range zone(b[:n], false) {
				udp.WriteTo(answer, from)
			}
		}
	}()
	fmt.Println(append(ports, udp.LocalAddr().(*net.UDPAddr).Port)...)
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// services starts them, and gives probes of each sort.
func services(b *testing.B) []health.Probe {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), servesWord+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); c.Wait() })
	var tcp, web, dns uint16
	if _, err := fmt.Fscan(bufio.NewReader(out), &tcp, &web, &dns); err != nil {
		b.Fatal(err)
	}
	at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port) }
	return []health.Probe{
		{Kind: health.TCP, Target: at(tcp)},
		{Kind: health.HTTP, URL: fmt.Sprintf("http://127.0.0.1:%d/health", web), Expect: "OK"},
		{Kind: health.DNS, Target: at(dns), Name: "example.com", Type: 1, Expect: "192.0.2.7"},
	}
}

// checked is n checks that differ, with intervals of 1 to 10 seconds, ten of them
// a gate.
func checked(probes []health.Probe, n int) (checks []health.Check, s *settings.Settings) {
	s = settings.Default()
	for i := range n {
		c := health.DefaultCheck
		c.Probe, c.Timeout = probes[i%len(probes)], 2*time.Second
		c.Interval = time.Duration(1+i/len(probes)%10) * time.Second
		c.Disable = fmt.Sprintf("/nonexistent/%d", i) // nobody else's
		checks = append(checks, c)
		if i%10 == 0 {
			s.Gates = append(s.Gates, settings.Gate{Name: fmt.Sprint("gate", i/10)})
		}
		g := &s.Gates[len(s.Gates)-1]
		g.Conditions = append(g.Conditions, settings.Condition{Kind: settings.Healthy, Check: c})
	}
	return checks, s
}

// box is what a daemon does with news of checks, and a loop that has work each
// millisecond, as one with many sessions.
type box struct {
	loop  *netio.Loop
	in    desired.Inputs
	plan  desired.Plan
	gates map[any][]string
	told  int
	took  time.Duration // to decide
}

func (x *box) tell(c health.Check, h health.Standing) {
	begin := time.Now()
	x.in.Checks[c], x.in.Now = h, begin
	x.plan.Renew(x.in, x.gates[c])
	x.in.Memory = x.plan.Memory
	x.told++
	x.took += time.Since(begin)
}

// stats is a copy of the loop's.
func (x *box) stats() (s netio.Stats) {
	done := make(chan struct{})
	x.loop.Post(func() { s = x.loop.Stats(); close(done) })
	<-done
	return s
}

// p99 is that of what a histogram has more than it had before.
func p99(before, after netio.Histogram) float64 {
	news := after.Since(before)
	return float64(news.Quantile(0.99).Nanoseconds()) / 1000
}

func newBox(b *testing.B, s *settings.Settings) *box {
	loop, err := netio.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); loop.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended })
	loop.Post(func() {
		var a *netio.Alarm
		a = loop.At(loop.Now(), func(now time.Time) { a.Reset(now.Add(time.Millisecond)) })
	})
	go func() {
		for sleep(ctx, time.Millisecond) {
			loop.Post(func() {})
		}
	}()
	in := desired.Inputs{Settings: s, Now: time.Now(), Checks: map[health.Check]health.Standing{}}
	plan := desired.Compute(in)
	in.Memory = plan.Memory
	return &box{loop: loop, in: in, plan: plan, gates: desired.Facts(s)}
}

func cpu() time.Duration {
	var r unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// rss is the resident memory in MiB.
func rss() float64 {
	debug.FreeOSMemory()
	b, _ := os.ReadFile("/proc/self/statm")
	var size, resident int
	fmt.Sscan(string(b), &size, &resident)
	return float64(resident*os.Getpagesize()) / (1 << 20)
}

// sample is what has been used up so far.
type sample struct {
	at    time.Time
	cpu   time.Duration
	stats netio.Stats
}

func (x *box) sample() sample { return sample{time.Now(), cpu(), x.stats()} }

// load is the processor's seconds of each second since an earlier sample.
func (s sample) load(since sample) float64 {
	return (s.cpu - since.cpu).Seconds() / s.at.Sub(since.at).Seconds()
}

// report reports how the loop was since an earlier sample.
func (s sample) report(b *testing.B, since sample, when string) {
	b.ReportMetric(p99(since.stats.Turn, s.stats.Turn), "turn-p99-"+when+"-µs")
	b.ReportMetric(p99(since.stats.Mailbox, s.stats.Mailbox), "mail-p99-"+when+"-µs")
}

// clock is how long looks took, and why they failed.
type clock struct {
	mu     sync.Mutex
	took   []time.Duration
	failed map[string]int
}

// around times the looks of a set.
func (k *clock) around(s *Set) {
	inner := s.look
	s.look = func(ctx context.Context, c health.Check) (health.Verdict, string) {
		begin := time.Now()
		v, why := inner(ctx, c)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.took = append(k.took, time.Since(begin))
		if v != health.Pass && ctx.Err() == nil {
			k.failed[why]++
		}
		return v, why
	}
}

// take gives what has been timed since the last call, in order.
func (k *clock) take() []time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	took := k.took
	k.took = nil
	slices.Sort(took)
	return took
}

// up is how many checks are.
func (s *Set) up() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		if r.Told() == health.Up {
			n++
		}
	}
	return n
}

// BenchmarkTenThousand is ten thousand checks for some seconds: how long they take
// to be up, and what they cost once they are. The loop's figures without them are
// of the same run.
func BenchmarkTenThousand(b *testing.B) {
	const n, quiet, busy = 10_000, 4 * time.Second, 12 * time.Second
	ctx := b.Context()
	checks, s := checked(services(b), n)
	for b.Loop() {
		x, k := newBox(b, s), &clock{failed: map[string]int{}}
		memory := rss()
		start := x.sample()
		sleep(ctx, quiet)
		without := x.sample()
		set := NewSet(x.tell)
		k.around(set)
		set.Want(checks)
		for set.up() < n && time.Since(without.at) < time.Minute {
			sleep(ctx, 50*time.Millisecond)
		}
		rising := x.sample()
		k.take()
		sleep(ctx, busy)
		with, took := x.sample(), k.take()
		b.ReportMetric(rss()-memory, "MiB")
		set.Close(ctx)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(len(took))/busy.Seconds(), "looks/s")
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "look-p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "look-p99-µs")
		b.ReportMetric(rising.at.Sub(without.at).Seconds(), "s-until-all-up")
		b.ReportMetric(rising.load(without)-without.load(start), "cpu-rising")
		b.ReportMetric(with.load(rising)-without.load(start), "cpu")
		without.report(b, start, "without")
		rising.report(b, without, "rising")
		with.report(b, rising, "with")
		b.Logf("decided %d times in %s; failures: %v", x.told, x.took, k.failed)
	}
}
