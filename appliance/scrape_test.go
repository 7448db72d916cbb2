package appliance

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/desired"
	"holdfast/appliance/metrics"
	"holdfast/appliance/settings"
	"holdfast/bgp/attr"
	"holdfast/netio"
)

// TestOneScrapeWaitsForTheLoop: while it does not answer, others are told what was
// so before, and the loop is not asked again.
func TestOneScrapeWaitsForTheLoop(t *testing.T) { synctest.Test(t, oneScrape) }

func oneScrape(t *testing.T) {
	asked, answer := 0, make(chan *metrics.Snapshot)
	s := &scraper{take: func() *metrics.Snapshot { asked++; return <-answer }}
	over := make(chan time.Time)
	close(over)
	if s.look(over) != nil {
		t.Error("something is known")
	}
	first := &metrics.Snapshot{}
	got := make(chan *metrics.Snapshot)
	go func() { got <- s.look(nil) }()
	synctest.Wait()
	answer <- first
	if <-got != first {
		t.Error("no snapshot")
	}
	for range 5 {
		if s.look(over) != first {
			t.Error("not the last one")
		}
	}
	synctest.Wait()
	if asked != 2 {
		t.Errorf("the loop was asked %d times, want 2", asked)
	}
	answer <- nil // the loop has not answered at all
	synctest.Wait()
	if s.last != first {
		t.Error("what was known is forgotten")
	}
}

// TestSnapshotOfADaemon: what is scraped of it, and that no secret is.
func TestSnapshotOfADaemon(t *testing.T) {
	a := newAsked(t, explainConf)
	s := a.d.snapshot()
	if s == nil || len(s.Neighbors) != 2 || s.Routes != 3 || len(s.Gates) != 2 || s.Turn.Count == 0 {
		t.Fatalf("%+v", s)
	}
	if d := cmp.Diff([]metrics.Check{{Gate: "web", Name: "exec 1"}}, s.Checks); d != "" {
		t.Error(d)
	}
	if b, err := json.Marshal(s.Checks); err != nil || strings.Contains(string(b), "curl") {
		t.Error(string(b), err)
	}
}

func TestScraped(t *testing.T) {
	since := time.Unix(1e9, 0)
	ns := scrapedNeighbors([]NeighborStatus{{Address: "a", State: "ESTABLISHED", Since: since, Updates: 2, CaughtUp: true}, {Address: "b"}, {Address: "a", State: "ACTIVE", Updates: 3}})
	if d := cmp.Diff([]metrics.Neighbor{{Name: "a", Up: true, Changed: since, UpdatesOut: 5}, {Name: "b"}}, ns); d != "" {
		t.Error(d)
	}
	s := &settings.Settings{Gates: []settings.Gate{{Name: "dns", Ladder: []settings.Rung{{Degrade: attr.Degrade{SetMED: true}, Text: "med 500"}, {Withdraw: true, Text: "withdraw"}}}}}
	for rung, want := range map[string]int{"": 0, "med 500": 1, "withdraw": 2, "drain": 0} {
		if got := rungNumber(s, "dns", rung); got != want {
			t.Errorf("%s: %d", rung, got)
		}
	}
	m := scraped(&Status{Gates: []GateStatus{{Name: "", On: true}, {Name: "dns", Rung: "drain"}}}, desired.Inputs{Settings: s}, desired.Plan{})
	if len(m.Gates) != 1 || !m.Gates[0].Drained {
		t.Error(m.Gates)
	}
	var h netio.Histogram
	h.Add(20 * time.Microsecond)
	if b := scrapedHistogram(&h); b.Below[16384e-9] != 0 || b.Below[32768e-9] != 1 || b.Count != 1 {
		t.Error(b)
	}
}
