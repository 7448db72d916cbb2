package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance"
	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/lab/golden"
)

// busy is a box with more than a terminal has room for.
func busy(now time.Time) topView {
	v := topView{turns: 90_000, status: appliance.Status{Version: "1.0", Started: now.Add(-3 * time.Hour), Summary: "2 of 12 sessions up, 9 of 12 gates open",
		Watchdog: appliance.WatchdogStatus{Configured: true, Armed: true, Timeout: 10, LastFed: now.Add(-400 * time.Millisecond), FedWitness: []string{"the event loop", "the reconciler"}},
		Drains:   []desired.Drain{{Gate: "ntp", Since: now, Until: now.Add(time.Hour), Reason: "cabling"}},
		Loop:     appliance.LoopStatus{Turns: 90_120, TurnP99: 147, TurnMax: 1900},
		Receipts: appliance.ReceiptsStatus{Withdraws: 4, P99: 1200, Max: 1300},
		Checks: appliance.ChecksStatus{Total: 30, Up: 28, Down: 1, Pending: 1, NotUp: []appliance.CheckStatus{
			{Check: `check "dig @::1"`, Gates: []string{"gate3"}, State: "down", Text: "failed 3 of 3: exit status 9"}, {Check: "check tcp 127.0.0.1:80", Gates: []string{"gate4", "gate5"}, State: "init", Text: "has passed 1 of 3"}}}}}
	for n := range 12 {
		v.status.Gates = append(v.status.Gates, appliance.GateStatus{Name: fmt.Sprintf("gate%d", n), On: true, Since: now.Add(-time.Hour)})
		v.status.Neighbors = append(v.status.Neighbors, appliance.NeighborStatus{Address: fmt.Sprintf("192.0.2.%d", n), AS: 65000, State: "ESTABLISHED", Since: now.Add(-time.Minute), Announced: 12})
		v.events = append(v.events, chronicle.Entry{At: now.Add(time.Duration(n-12) * time.Minute), Kind: "gate", Object: fmt.Sprintf("gate%d", n), Text: "open: all conditions hold"})
	}
	v.status.Gates[3] = appliance.GateStatus{Name: "gate3", Reason: `check "dig @::1" failed 3 of 3: exit status 9`, Rung: "withdraw", Since: now.Add(-4 * time.Second)}
	v.status.Gates[7] = appliance.GateStatus{Name: "gate7", On: true, Rung: "prepend 3", Degrade: "prepend 3", Reason: "link eth1 is down", Since: now.Add(-7 * time.Second), Next: now.Add(23 * time.Second)}
	v.status.Neighbors[9].State, v.status.Neighbors[9].LastError = "ACTIVE", "notification received (6,2) \x1b]0;evil\x07"
	return v
}

// TestTop is the view in terminals of several sizes.
func TestTop(t *testing.T) {
	inUTC(t)
	const file = "testdata/top.txtar"
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	full, unarmed := busy(now), topView{status: appliance.Status{Version: "1.0", Started: now, Summary: "0 of 0 sessions up", Watchdog: appliance.WatchdogStatus{Configured: true, Why: "open /dev/watchdog0: no such file or directory"}}}
	var got txtar.Archive
	for _, c := range []struct {
		name       string
		v          topView
		wide, high int
	}{{"80x24", full, 80, 24}, {"all of it", full, 120, 100}, {"40x12", full, 40, 12}, {"nothing yet", unarmed, 80, 24}} {
		text := strings.Join(c.v.lines(&printer{}, now, c.wide, c.high), "\n") + "\n"
		got.Files = append(got.Files, txtar.File{Name: c.name, Data: []byte(text)})
	}
	golden.Is(t, file, string(txtar.Format(golden.Read(t, file))), string(txtar.Format(&got)))
}

// TestTopFits into whatever a terminal has, and nothing of a neighbor's words is
// one for the terminal.
func TestTopFits(t *testing.T) {
	now := time.Now()
	v := busy(now)
	for high := 1; high < 60; high += 3 {
		for wide := 1; wide < 130; wide += 7 {
			p := &printer{colour: true}
			lines := v.lines(p, now, wide, high)
			if len(lines) > high {
				t.Fatalf("%dx%d: %d lines", wide, high, len(lines))
			}
			for _, l := range lines {
				if width(l) > wide || strings.Contains(l, "\x1b]") || strings.ContainsAny(l, "\x07\n") {
					t.Fatalf("%dx%d: %q", wide, high, l)
				}
			}
		}
	}
}

// TestDraw is one piece, and says that nobody answers any more.
func TestDraw(t *testing.T) {
	var out bytes.Buffer
	s := screen{printer: &printer{out: &out, colour: true}, view: busy(time.Now()), err: errors.New("no daemon answers on /run/x")}
	s.drawn(time.Now(), 80, 24)
	text := out.String()
	if !strings.HasPrefix(text, home) || !strings.HasSuffix(text, restOfAll) || strings.Count(text, "\r\n") > 23 || !strings.Contains(text, "no answer: no daemon answers on /run/x") {
		t.Errorf("%q", text)
	}
}

func TestTopWithoutADaemon(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"top", "-1", "--socket", "/none"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "no daemon answers on /none") {
		t.Error(code, errs.String())
	}
}

// TestTopOfASilentDaemon can be left while a question waits.
func TestTopOfASilentDaemon(t *testing.T) {
	asked := make(chan bool)
	s := screen{printer: &printer{out: io.Discard}, ask: func() (topView, error) {
		close(asked)
		<-t.Context().Done()
		return topView{}, t.Context().Err()
	}}
	keys, every, ended := make(chan byte), make(chan time.Time), make(chan bool)
	go func() { s.show(keys, every, -1); close(ended) }()
	every <- time.Now()
	<-asked
	every <- time.Now() // is not asked twice
	keys <- 'q'
	<-ended
}
