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
			told, took := 0, time.Duration(0)
			for b.Loop() {
				n, t := receiveAll(b, c.engine, c.n)
				told, took = told+n, took+t
			}
			found.note(b, c.name, told, took, "holdfast")
			b.ReportMetric(100*(1-float64(told)/float64(c.n*b.N)), "%-lost")
		})
	}
}

func receiveAll(b *testing.B, engine lab.Engine, n int) (told int, took time.Duration) {
	p := perform(b, engine, map[string]string{"listener": "receive { parsed; update; }"})
	var stream []byte
	for m := range table(n) {
		stream = append(stream, m...)
	}
	heard := counter{}
	p.lives["listener"].SetReadDeadline(time.Time{})
	go heard.count(p.lives["listener"])
	start := time.Now()
	if err := p.peer.Send(stream); err != nil {
		b.Fatal(err)
	}
	p.Until(2*soon, "what comes behind the table", func() bool {
		if err := p.peer.Send(sink.Message(sink.Update, behind)); err != nil {
			b.Fatal(err)
		}
		return heard.end.Load()
	})
	return int(heard.routes.Load()), heard.last.Load().Sub(start)
}

// behind withdraws what the table does not have. It is said until it is heard:
// then nothing of the table is still to come.
var behind = []byte{0, 4, 24, 203, 0, 113, 0, 0}

const behindText = `"203.0.113.0/24"`

// counter counts the routes in lines of JSON.
type counter struct {
	routes atomic.Int64
	last   atomic.Pointer[time.Time] // when the last one came
	end    atomic.Bool               // what comes behind them came
}

func (c *counter) count(r io.Reader) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if bytes.Contains(in.Bytes(), []byte(behindText)) {
			c.end.Store(true)
		} else if n := bytes.Count(in.Bytes(), []byte(`"nlri"`)); n > 0 {
			now := time.Now()
			c.last.Store(&now)
			c.routes.Add(int64(n))
		}
	}
}
