package verdict

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// well is a box with two neighbors, of which one has no cable, and a gate.
func well() Box {
	return Box{
		Facts: Facts{
			Sessions: map[string]Session{"10.0.0.2": {Up: true}, "10.0.0.3": {}},
			Links:    map[string]bool{"eth0": true, "eth9": false},
			Gates:    map[string]Gate{"dns": {On: true}, "web": {Failing: []string{"link eth9"}}},
		},
		Told: map[string]map[string]int{"10.0.0.2": {"": 3, "dns": 2}},
		Fed:  true,
	}
}

// TestJudgeImage changes one thing of a box that is as it was.
func TestJudgeImage(t *testing.T) {
	for name, c := range map[string]struct {
		before, now func(*Box)
		want        string
	}{
		"all is as it was": {},
		"the upstream was down before, and is down now": {
			before: func(b *Box) { b.Sessions["10.0.0.2"], b.Told = Session{}, nil },
			now:    func(b *Box) { b.Sessions["10.0.0.2"], b.Told = Session{Why: "no answer"}, nil }},
		"the upstream is down only now": {
			now:  func(b *Box) { b.Sessions["10.0.0.2"], b.Told = Session{Why: "no answer, MD5?"}, nil },
			want: "the session with 10.0.0.2 is down: no answer, MD5?"},
		"an older configuration has fewer neighbors": {
			before: func(b *Box) { b.Generation = 7 },
			now:    func(b *Box) { *b = Box{Facts: Facts{Links: b.Links}, Fed: true, Generation: 6} },
			want:   "generation 7 of the configuration is not at work"},
		"a newer one has fewer neighbors on purpose": {
			before: func(b *Box) { b.Generation = 7 },
			now:    func(b *Box) { *b = Box{Facts: Facts{Links: b.Links}, Fed: true, Generation: 8} }},
		"there was no cable, and there is none": {
			now: func(b *Box) { b.Gates["web"] = Gate{Failing: []string{"link eth9", "check web"}} }},
		"the management's cable is gone": {
			now:  func(b *Box) { b.Links["eth0"] = false },
			want: "management link eth0 is down"},
		"more is up than before": {
			now: func(b *Box) {
				b.Sessions["10.0.0.3"], b.Gates["web"] = Session{Up: true}, Gate{On: true}
				b.Told["10.0.0.3"], b.Told["10.0.0.2"][""] = map[string]int{"": 9}, 9
			}},
		"a session is up, and its prefixes are not told": {
			now:  func(b *Box) { b.Told = nil },
			want: "10.0.0.2 has been told 0 of 3 routes; 10.0.0.2 has been told 0 of 2 routes of gate dns"},
		"a helper is not back": {
			now:  func(b *Box) { b.Told["10.0.0.2"][""] = 1 },
			want: "10.0.0.2 has been told 1 of 3 routes"},
		"a gate has a condition that newly fails": {
			now: func(b *Box) {
				b.Gates["dns"] = Gate{Failing: []string{"check dns"}, Why: "timeout"}
				delete(b.Told["10.0.0.2"], "dns")
			},
			want: "gate dns is closed: timeout"},
		"a gate is newly suspect: its condition may not act": {
			now:  func(b *Box) { b.Gates["dns"] = Gate{On: true, Failing: []string{"check root"}} },
			want: "gate dns: check root did not fail before"},
		"a gate was suspect before": {
			before: func(b *Box) { b.Gates["dns"] = Gate{On: true, Failing: []string{"check root"}} },
			now:    func(b *Box) { b.Gates["dns"] = Gate{On: true, Failing: []string{"check root"}} }},
		"a gate that failed before acts now": {
			before: func(b *Box) { b.Gates["dns"] = Gate{On: true, Failing: []string{"check root"}} },
			now: func(b *Box) {
				b.Gates["dns"] = Gate{Failing: []string{"check root"}}
				delete(b.Told["10.0.0.2"], "dns")
			}},
		"it was drained before": {
			before: func(b *Box) { b.Gates["dns"] = Gate{Declared: true}; delete(b.Told["10.0.0.2"], "dns") },
			now:    func(b *Box) { b.Gates["dns"] = Gate{Declared: true}; delete(b.Told["10.0.0.2"], "dns") }},
		"somebody drains it now": {
			now: func(b *Box) { b.Gates["dns"] = Gate{Declared: true}; delete(b.Told["10.0.0.2"], "dns") }},
		"a neighbor is not configured any more": {
			now: func(b *Box) { delete(b.Sessions, "10.0.0.2"); b.Told = nil }},
		"an unconfigured box": {
			before: func(b *Box) { *b = Box{Fed: true} }, now: func(b *Box) { *b = Box{Fed: true} }},
		"the hardware is not fed": {
			now:  func(b *Box) { b.Fed, b.WhyUnfed = false, "no watchdog with identity \"i6300ESB timer\"" },
			want: "the hardware watchdog is not fed: no watchdog with identity \"i6300ESB timer\""},
		"nothing fed it before": {
			before: func(b *Box) { b.Fed = false }, now: func(b *Box) { b.Fed = false }},
		"a configuration is being tried": {
			now:  func(b *Box) { b.Trying = "edge.conf" },
			want: "edge.conf is still being tried"},
	} {
		before, now := well(), well()
		for _, x := range []struct {
			do func(*Box)
			to *Box
		}{{c.before, &before}, {c.now, &now}} {
			if x.do != nil {
				x.do(x.to)
			}
		}
		if got := strings.Join(JudgeImage(before, now), "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestBoxSurvivesAReboot(t *testing.T) {
	before := well()
	before.WhyUnfed = "x"
	text, err := json.Marshal(before.Bare())
	var got Box
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if d := cmp.Diff(before.Bare(), got); d != "" || err != nil || got.WhyUnfed != "" {
		t.Error(err, d)
	}
}

// TestSteady has a trial last as long as its owner wants.
func TestSteady(t *testing.T) {
	boot := time.Unix(0, 0)
	trial := Trial{Limit: boot.Add(time.Minute), Steady: Steadily}
	for _, second := range []int{0, 29} {
		if got := trial.Weigh(boot.Add(time.Duration(second)*time.Second), nil); got != Open {
			t.Errorf("after %ds: %s", second, got)
		}
	}
	if got := trial.Weigh(boot.Add(30*time.Second), nil); got != Proven {
		t.Error(got)
	}
}
