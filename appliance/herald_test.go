package appliance

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/helper"
	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/wire"
)

// TestHeraldCountsForEachHelperAndNeighbor: who is told what, and with which
// counters.
func TestHeraldCountsForEachHelperAndNeighbor(t *testing.T) {
	var got []string
	h := newHerald(event.Form{}, func(name string, e helper.Event) bool {
		t := e.(*told)
		got = append(got, fmt.Sprintf("%s %d text=%v", name, t.counter, t.teller.Text))
		return true
	})
	h.helpers([]config.Process{{Name: "both", Encoder: "json"}, {Name: "states", Encoder: "text"}})
	n := &config.Neighbor{Listeners: []config.Listener{
		{Process: "both", Changes: true, Receive: config.Messages{Parsed: true, Packets: true, Keepalive: true}},
		{Process: "states", Changes: true, Send: config.Messages{Parsed: true, Keepalive: true}},
	}}
	report := func(peer string, k event.Kind, d event.Direction) {
		r := &event.Report{Kind: k, Neighbor: event.Neighbor{Peer: netip.MustParseAddr(peer), Direction: d}}
		if d != event.None {
			r.Message = wire.AppendKeepalive(nil)
		}
		h.report(n, r)
	}
	report("10.0.0.1", event.State, event.None)
	report("10.0.0.1", event.Keepalive, event.In)
	report("10.0.0.1", event.Keepalive, event.Out)
	report("10.0.0.1", event.FSM, event.None)
	report("10.0.0.2", event.State, event.None)
	report("10.0.0.1", event.State, event.None)
	want := `both 1 text=false
states 1 text=true
both 2 text=false
states 2 text=true
both 1 text=false
states 1 text=true
both 4 text=false
states 3 text=true`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

// TestHeraldForgetsHelpersThatAreGone: one that comes back under the name may
// live beside the end of its former life.
func TestHeraldForgetsHelpersThatAreGone(t *testing.T) {
	var last *told
	h := newHerald(event.Form{Legacy: true}, func(_ string, e helper.Event) bool { last = e.(*told); return true })
	tell := func() told {
		h.shutdown(time.Unix(1, 0))
		return *last
	}
	a := []config.Process{{Name: "a", Encoder: "json"}}
	h.helpers(a)
	first := tell()
	h.helpers(a)
	if again := tell(); again.teller != first.teller || again.counter != 2 || !again.teller.Legacy {
		t.Errorf("a helper that stayed: %+v, then %+v", first, again)
	}
	h.helpers(nil)
	h.helpers(a)
	if anew := tell(); anew.teller == first.teller || anew.counter != 1 {
		t.Errorf("a helper that came back: %+v", anew)
	}
}

// table is UPDATEs with a table of a million prefixes; attributes says how many
// sets of attributes it has, each with its prefixes in as few messages as it can.
// They come as a speaker reports them, some in a row.
func table(attributes int) (reports [][]byte) {
	var row []byte
	for _, m := range messages(attributes) {
		if row = append(row, m...); len(row) >= 16<<10 {
			reports, row = append(reports, row), nil
		}
	}
	return append(reports, row)
}

func messages(attributes int) (msgs [][]byte) {
	const prefixes = 1_000_000
	for i := range attributes {
		b := append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0, 28,
			0x40, 1, 1, 0, 0x40, 2, 14, 2, 3, 0, 0, 0xfd, 0xe9, 0, 1, byte(i>>8), byte(i), 0, 2, byte(i>>16), 7, 0x40, 3, 4, 10, 0, 0, 1)
		head := len(b)
		for j := i * (prefixes / attributes); j < (i+1)*(prefixes/attributes); j++ {
			if b = append(b, 24, byte(10+j>>16), byte(j>>8), byte(j)); len(b) > bgp.MaxMessage-4 {
				msgs = append(msgs, wire.PatchLength(bytes.Clone(b), 0))
				b = b[:head]
			}
		}
		if len(b) > head {
			msgs = append(msgs, wire.PatchLength(b, 0))
		}
	}
	return msgs
}

// BenchmarkTable tells a helper, which reads as fast as grep can, of a received
// table: as long as it takes, and as long as it takes the loop.
func BenchmarkTable(b *testing.B) {
	for _, attributes := range []int{1, 1000, 100_000, 200_000} {
		b.Run(fmt.Sprintf("attributes=%d", attributes), func(b *testing.B) { benchmarkTable(b, table(attributes)) })
	}
}

func benchmarkTable(b *testing.B, msgs [][]byte) {
	done := make(chan struct{}, 1)
	helpers := helper.New(helper.Options{Apply: func(_ *api.Batch, f func()) { f(); done <- struct{}{} }})
	h := newHerald(event.Form{}, helpers.Hear)
	h.helpers([]config.Process{{Name: "a", Encoder: "json"}})
	helpers.Reconcile([]helper.Process{{Name: "a", NoAck: true, Run: []string{"/bin/sh", "-c",
		`while grep -q -m1 '"state": "up"'; do echo '# told'; done`}}})
	defer helpers.Close(b.Context())
	n := &config.Neighbor{Listeners: []config.Listener{{Process: "a", Changes: true, Receive: config.Messages{Parsed: true, Update: true}}}}
	session := &bgp.Negotiated{LocalAS: 65000, PeerAS: 65001, ASN4: true, Families: []bgp.Family{bgp.IPv4Unicast}}
	who := event.Neighbor{Peer: netip.MustParseAddr("10.0.0.1"), Local: netip.MustParseAddr("10.0.0.2"), LocalAS: 65000, PeerAS: 65001, Direction: event.In}
	var loop time.Duration
	for b.Loop() {
		start := time.Now()
		for _, m := range msgs {
			h.report(n, &event.Report{Kind: event.Update, Time: start, Neighbor: who, Negotiated: session, Message: bytes.Clone(m)})
		}
		h.report(n, &event.Report{Kind: event.State, Time: start, Neighbor: who, State: "up"})
		loop += time.Since(start)
		<-done
	}
	b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds()/1e6, "Mprefixes/s")
	b.ReportMetric(100*loop.Seconds()/b.Elapsed().Seconds(), "%loop")
	b.ReportMetric(float64(helpers.Status()[0].Lost)/float64(b.N), "lost/op")
}
