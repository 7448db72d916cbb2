package appliance

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/grammar"
	"holdfast/bgp/speaker"
	"holdfast/netio/link"
)

// reconciled is a reconciler with what it has had done and has written down.
type reconciled struct {
	history *chronicle.Chronicle
	*reconciler
	done []string // one for each plan that the loop got
	log  strings.Builder
}

func newReconciled(t *testing.T, text string) *reconciled {
	t.Helper()
	s := settings.Default()
	s.Drain.Wait = settings.DefaultDrainWait
	if err := grammar.Join(grammar.Walk("f", text, &grammar.Node{Kids: settings.Sections(s)}).Errors); err != nil {
		t.Fatal(err)
	}
	r := &reconciled{history: chronicle.New("")}
	log := slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	r.reconciler = newReconciler(log, s, func(p desired.Plan) {
		g := p.Groups["dns"]
		r.done = append(r.done, fmt.Sprintf("%v %s", g.On, g.Degrade))
	})
	r.record = r.history.Record
	r.update(func(*desired.Inputs) {})
	return r
}

func (r *reconciled) link(up bool) {
	r.learn(desired.Links{}, func(in *desired.Inputs) {
		in.Known, in.Snapshot = true, link.Snapshot{Links: []link.Link{{Name: "eth1", Up: up, Running: up}}}
	})
}

const gateConf = `watchdog dns {
	link eth1; hold-down 5s; flap { hold 2s; }
	2 of { healthcheck { command "a"; } healthcheck { command "b"; } all { neighbor 10.0.0.2; class shared; } }
	on-failure { med 500 for 10s; prepend 3 for 30s; withdraw; }
}`

func standing(how health.State) health.Standing {
	return health.Standing{Told: how, Passed: true, Text: map[health.State]string{health.Down: "failed 3 of 3: exit status 1"}[how]}
}

// TestRungsAreToldOnce: each rung goes to the loop, to the log and to the history
// once, at its time; a reason that changes goes nowhere.
func TestRungsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconciled(t, gateConf)
		defer r.stop()
		checks := r.in.Settings.Checks()
		learn := func(n int, how health.State) {
			r.learn(checks[n], func(in *desired.Inputs) { in.Checks[checks[n]] = standing(how) })
		}
		r.link(true)
		learn(0, health.Up)
		learn(1, health.Up)
		time.Sleep(time.Second)
		learn(1, health.Down) // one of three, but the neighbor is not there
		time.Sleep(time.Second)
		learn(0, health.Down) // which makes it worse, and changes nothing yet
		time.Sleep(time.Minute)
		router := netip.MustParseAddr("10.0.0.2")
		r.learn(router, func(in *desired.Inputs) { in.Up[router] = true })
		learn(0, health.Up)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"false ", "true ", "true med 500", "true med 500 prepend 3", "false ", "true "}
		if d := cmp.Diff(want, r.done); d != "" {
			t.Errorf("the loop was told -want +got:\n%s", d)
		}
		history := r.history.Entries(chronicle.Query{})
		var told []string
		for _, h := range history {
			told = append(told, fmt.Sprintf("%s %s", h.At.Sub(history[0].At), h.Text))
		}
		const few = `2 of 3 fails: check "b" failed 3 of 3: exit status 1, neighbor 10.0.0.2 is not established`
		if d := cmp.Diff([]string{
			"0s closed: link eth1 is not known yet: links have not been listed",
			`0s open: all conditions hold`,
			`1s open at med 500: ` + few,
			`11s open at prepend 3: ` + strings.Replace(few, "check", `check "a" failed 3 of 3: exit status 1, check`, 1),
			`41s closed: ` + strings.Replace(few, "check", `check "a" failed 3 of 3: exit status 1, check`, 1),
			`1m8.737s open: all conditions hold`,
		}, told); d != "" {
			t.Errorf("history -want +got:\n%s", d)
		}
		if n := strings.Count(r.log.String(), "\n"); n != len(told) {
			t.Errorf("%d lines:\n%s", n, r.log.String())
		}
	})
}

func TestGateStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconciled(t, gateConf+` watchdog web { link eth1; }`)
		defer r.stop()
		r.link(true)
		for _, c := range r.in.Settings.Checks() {
			r.learn(c, func(in *desired.Inputs) { in.Checks[c] = standing(health.Up) })
		}
		now := time.Now()
		r.update(func(in *desired.Inputs) {
			in.Drains = []desired.Drain{{Since: now, Until: now.Add(time.Hour), Reason: "cabling"}}
		})
		time.Sleep(time.Second)
		r.link(false)
		in, plan, since := r.decided()
		got := gateStatus(in, plan, since, speaker.Status{Routes: 5, Groups: map[string]int{"dns": 3}})
		drain, soon := &in.Drains[0], now.Add(settings.DefaultDrainWait)
		text := "drained by hand until 01:00: cabling"
		want := []GateStatus{
			{On: true, Rung: "drain", Degrade: "graceful-shutdown", Reason: text, Drain: drain, Since: now, Routes: 2},
			{Name: "dns", On: true, Rung: "drain", Degrade: "med 500 graceful-shutdown", Reason: text, Drain: drain, Since: now.Add(time.Second), Next: now.Add(11 * time.Second), Penalty: 2, Routes: 3},
			{Name: "web", Reason: "link eth1 is down", Drain: drain, Since: now.Add(time.Second), Next: soon},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		if d := cmp.Diff(`, 1 of 2 gates open; degraded: routes without a gate (graceful-shutdown: `+text+`), dns (med 500 graceful-shutdown: `+text+`); closed: web (link eth1 is down)`, summaryOfGates(plan)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

func TestConditionsOfAGate(t *testing.T) {
	r := newReconciled(t, gateConf)
	defer r.stop()
	r.link(true)
	all := r.in.Settings.Checks()
	r.learn(all[0], func(in *desired.Inputs) { in.Checks[all[0]] = standing(health.Up) })
	r.learn(all[1], func(in *desired.Inputs) { in.Checks[all[1]] = standing(health.Up) })
	r.learn(all[1], func(in *desired.Inputs) { in.Checks[all[1]] = health.Standing{Told: health.Down, Text: "failed"} })
	in, plan, _ := r.look()
	want := []ConditionStatus{
		{Text: "link eth1", OK: true},
		{Text: "2 of 3", OK: false, Why: "neighbor 10.0.0.2 is not established", Of: []ConditionStatus{
			{Text: `check "a"`, OK: true},
			{Text: `check "b"`, Why: "failed", Ignored: true},
			{Text: "all of 1", Class: "shared", Why: "neighbor 10.0.0.2 is not established", Of: []ConditionStatus{
				{Text: "neighbor 10.0.0.2", Why: "is not established"}}},
		}},
	}
	if d := cmp.Diff(want, conditions(in, &plan, "dns")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestSharedWithoutALadder: nothing changes on the wire, and it is said once.
func TestSharedWithoutALadder(t *testing.T) {
	r := newReconciled(t, "watchdog dns { link eth1 class shared; neighbor 10.0.0.2 class shared; }")
	defer r.stop()
	router := netip.MustParseAddr("10.0.0.2")
	r.learn(router, func(in *desired.Inputs) { in.Up[router] = true })
	r.link(true)
	r.link(false)
	r.learn(router, func(in *desired.Inputs) { delete(in.Up, router) })
	r.link(true)
	if d := cmp.Diff([]string{"false ", "true "}, r.done); d != "" {
		t.Errorf("the loop was told -want +got:\n%s", d)
	}
	if n := strings.Count(r.log.String(), "which is shared"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.log.String())
	}
	_, plan, _ := r.decided()
	if got, want := summaryOfGates(plan), "; degraded: dns (neighbor 10.0.0.2 is not established, which is shared: the routes stay as they are)"; !strings.HasSuffix(got, want) {
		t.Error(got)
	}
}

// TestOldCopiesStay: what look gave is not changed by what is learned later.
func TestOldCopiesStay(t *testing.T) {
	r := newReconciled(t, gateConf)
	defer r.stop()
	c := r.in.Settings.Checks()[0]
	r.link(true)
	in, plan, _ := r.look()
	before := plan.Groups["dns"]
	r.learn(c, func(in *desired.Inputs) { in.Checks[c] = standing(health.Down) })
	if len(in.Checks) != 0 || plan.Groups["dns"] != before {
		t.Errorf("%+v %+v", in.Checks, plan.Groups["dns"])
	}
	if _, now, _ := r.look(); now.Groups["dns"] == before {
		t.Error("nothing was learned")
	}
}

// TestStandingsOfMany: they are copied in parts, and those that have not told of
// themselves are not there.
func TestStandingsOfMany(t *testing.T) {
	var conf strings.Builder
	conf.WriteString("watchdog dns {")
	const many = 2*copyAtOnce + 3
	for n := range many {
		fmt.Fprintf(&conf, " healthcheck { command %d; }", n)
	}
	r := newReconciled(t, conf.String()+"}")
	defer r.stop()
	want := map[health.Check]health.Standing{}
	for n, c := range r.in.Settings.Checks() {
		if n%3 > 0 {
			want[c] = health.Standing{Told: health.Down, Text: fmt.Sprint(n)}
			r.learn(c, func(in *desired.Inputs) { in.Checks[c] = want[c] })
		}
	}
	in, _, _ := r.look()
	if d := cmp.Diff(want, in.Checks, cmpopts.EquateComparable(health.Check{})); d != "" || len(r.checks) != many {
		t.Errorf("%d checks, -want +got:\n%s", len(r.checks), d)
	}
	if in, _, _ := r.decided(); in.Checks != nil {
		t.Error("who does not ask for checks gets them")
	}
}

// BenchmarkLearn is what one verdict costs on a box with ten thousand checks, of
// which ten are a gate's.
func BenchmarkLearn(b *testing.B) {
	s := settings.Default()
	for n := range 1000 {
		g := settings.Gate{Name: fmt.Sprint("gate", n)}
		for m := range 10 {
			c := health.DefaultCheck
			c.Kind, c.URL = health.HTTP, fmt.Sprintf("http://192.0.2.%d/health/%d", m, n)
			g.Conditions = append(g.Conditions, settings.Condition{Kind: settings.Healthy, Check: c})
		}
		s.Gates = append(s.Gates, g)
	}
	r := newReconciler(slog.New(slog.DiscardHandler), s, func(desired.Plan) {})
	defer r.stop()
	checks := s.Checks()
	r.update(func(in *desired.Inputs) {
		for _, c := range checks {
			in.Checks[c] = standing(health.Up)
		}
	})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		c := checks[n%len(checks)]
		how := standing(health.Up)
		if n/len(checks)%2 == 0 {
			how.Text = fmt.Sprint("failed 1 of 3: ", n)
		}
		r.learn(c, func(in *desired.Inputs) { in.Checks[c] = how })
	}
}
