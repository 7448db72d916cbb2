package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance"
	"holdfast/appliance/desired"
	"holdfast/lab/golden"
)

// TestGatesForPeople: what status and explain say of gates that are not simply
// open or closed.
func TestGatesForPeople(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	drain := &desired.Drain{Since: now, Until: now.Add(time.Hour), Reason: "cabling"}
	gates := []appliance.GateStatus{
		{On: true, Rung: "drain", Degrade: "graceful-shutdown", Reason: "drained by hand until 13:00: cabling", Drain: drain, Since: now.Add(-5 * time.Second), Next: now.Add(25 * time.Second), Routes: 2},
		{Name: "dns", On: true, Since: now.Add(-time.Hour), Suspect: `check "a" is suspect: it has never passed since it was configured`, Routes: 1},
		{Name: "ntp", Rung: "drain", Reason: "drained by hand: cabling", Since: now.Add(-time.Minute)},
		{Name: "old", On: true, Degrade: "med 100", Since: now.Add(-time.Minute)},
		{Name: "web", On: true, Rung: "prepend 3", Degrade: "med 500 prepend 3", Reason: "link eth1 is down", Since: now.Add(-time.Minute), Next: now.Add(12 * time.Second), Penalty: 7.5, Routes: 4},
		{Name: "zed", Rung: "withdraw", Reason: "link eth1 is down", Since: now.Add(-time.Minute)},
	}
	e := appliance.Explanation{Prefix: "192.0.2.53/32", Verdict: "is announced to 1 neighbor", Routes: []appliance.RouteStatus{{
		Text: "route 192.0.2.53/32 next-hop self", Owner: "configuration", Group: "web", On: true, Rung: "prepend 3", Degraded: "med 500 prepend 3",
		Reason: "link eth1 is down", Suspect: gates[1].Suspect,
		Conditions: []appliance.ConditionStatus{
			{Text: "link eth1", Why: "is down"},
			{Text: "route 0.0.0.0/0 from 10.0.0.2", Class: "shared", MayWithdraw: true, OK: true},
			{Text: "any of 2", Class: "shared", Why: `check "b" failed`, Of: []appliance.ConditionStatus{
				{Text: `check "a"`, Why: "failed 3 of 3: exit status 1", Ignored: true}, {Text: `check "b"`, Why: "failed 3 of 3: exit status 2"}}},
		},
		Peers: []appliance.PeerTold{{Neighbor: "10.0.0.2", Session: "ESTABLISHED", Told: "announced"}},
	}, {Text: "route 192.0.2.54/32 next-hop self", Owner: "api", On: true, Rung: "drain", Degraded: "graceful-shutdown", Reason: "drained by hand"}}}
	golden.Files(t, "testdata/gates.txtar", func(_ *testing.T, a *txtar.Archive) {
		var status, explain strings.Builder
		printGates(newPrinter(&status), gates, now)
		printExplanation(newPrinter(&explain), e, now)
		a.Files = []txtar.File{{Name: "status", Data: []byte(status.String())}, {Name: "explain", Data: []byte(explain.String())}}
	})
}
