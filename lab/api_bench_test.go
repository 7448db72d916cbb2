package lab_test

import (
	"bufio"
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/sink"
)

// rates are what a benchmark found for each of those that it compares.
type rates map[string]float64

// note reports how many a second it was, and, if the other one was measured
// before, how many times as many that one does.
func (r rates) note(b *testing.B, name string, n int, took time.Duration, other string) {
	r[name] = float64(n) / took.Seconds()
	b.ReportMetric(r[name], "routes/s")
	b.ReportMetric(0, "ns/op") // the session and the start are not what is asked
	if o := r[other]; o > 0 && name != other {
		b.ReportMetric(o/r[name], "times-slower")
	}
}

// BenchmarkAnnounce is a helper that announces at full speed and reads its
// answers: from its first octet to the last route at the neighbor.
func BenchmarkAnnounce(b *testing.B) {
	found := rates{}
	for _, c := range []struct {
		name   string
		engine lab.Engine
		n      int
		before string
	}{
		{"acks", lab.Holdfast, million, ""},
		{"sync", lab.Holdfast, million, "enable-sync"},
		{"quiet", lab.Holdfast, million, "disable-ack"},
		{"exabgp", lab.Reference, 20_000, ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				took += announceAll(b, c.engine, c.n, c.before)
			}
			found.note(b, c.name, c.n*b.N, took, "acks")
		})
	}
}

func announceAll(b *testing.B, engine lab.Engine, n int, before string) time.Duration {
	p := perform(b, engine, map[string]string{"talker": ""})
	talker := p.lives["talker"]
	if before != "" {
		talker.Say("%s\n", before)
		if a := talker.Answer(); a[len(a)-1] != "done" {
			b.Skipf("%s: %q", before, a)
		}
	}
	go io.Copy(io.Discard, talker)
	start := time.Now()
	talker.Say("%s", flood(n))
	p.Until(10*soon, "all routes", func() bool { return announcements(p.peer) >= n+1 })
	frames := p.peer.Frames()
	for i := len(frames) - 1; ; i-- { // behind it there may be a KEEPALIVE
		if frames[i].Type == sink.Update {
			return frames[i].At.Sub(start)
		}
	}
}

// BenchmarkReceived is a full table from a neighbor as JSON to a helper that
// counts routes: from its first octet to the last route.
func BenchmarkReceived(b *testing.B) {
	found := rates{}
	for _, c := range []struct {
		name   string
		engine lab.Engine
		n      int
	}{{"holdfast", lab.Holdfast, million}, {"exabgp", lab.Reference, 20_000}} {
		b.Run(c.name, func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				took += receiveAll(b, c.engine, c.n)
			}
			found.note(b, c.name, c.n*b.N, took, "holdfast")
		})
	}
}

func receiveAll(b *testing.B, engine lab.Engine, n int) time.Duration {
	p := perform(b, engine, map[string]string{"listener": "receive { parsed; update; }"})
	var stream []byte
	for m := range table(n) {
		stream = append(stream, m...)
	}
	var heard counter
	p.lives["listener"].SetReadDeadline(time.Time{})
	go heard.count(p.lives["listener"])
	start := time.Now()
	if err := p.peer.Send(stream); err != nil {
		b.Fatal(err)
	}
	if !lab.Poll(2*soon, func() bool { return heard.routes.Load() >= int64(n) }) {
		b.Fatalf("the helper was told %d of %d routes\n%s", heard.routes.Load(), n, p.daemon.Log())
	}
	return heard.last.Load().Sub(start)
}

// counter counts the routes in lines of JSON.
type counter struct {
	routes atomic.Int64
	last   atomic.Pointer[time.Time] // when the last one came
}

func (c *counter) count(r io.Reader) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if n := bytes.Count(in.Bytes(), []byte(`"nlri"`)); n > 0 {
			now := time.Now()
			c.last.Store(&now)
			c.routes.Add(int64(n))
		}
	}
}
