package appliance

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/helper"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/wire"
)

// TestHeraldCountsForEachHelperAndNeighbor: who is told what, and with which
// counters.
func TestHeraldCountsForEachHelperAndNeighbor(t *testing.T) {
	var got []string
	h := newHerald(0, func(name string, e helper.Event) bool {
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
	h := newHerald(4, func(_ string, e helper.Event) bool { last = e.(*told); return true })
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
