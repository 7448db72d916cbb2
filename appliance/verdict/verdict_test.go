package verdict

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	up, down := Session{Up: true}, Session{Why: "connection refused"}
	open := Gate{On: true}
	for name, c := range map[string]struct {
		before, now Facts
		want        string
	}{
		"nothing was before": {Facts{}, Facts{Sessions: map[string]Session{"10.0.0.2": down}, Gates: map[string]Gate{"dns": {Why: "link eth1 is down"}}}, ""},
		"all is well": {Facts{map[string]Session{"10.0.0.2": up}, map[string]bool{"eth0": true}, map[string]Gate{"dns": open}},
			Facts{map[string]Session{"10.0.0.2": up}, map[string]bool{"eth0": true}, map[string]Gate{"dns": open}}, ""},
		"a session": {Facts{Sessions: map[string]Session{"10.0.0.2": up, "10.0.0.3": down}},
			Facts{Sessions: map[string]Session{"10.0.0.2": down, "10.0.0.3": down}}, "the session with 10.0.0.2 is down: connection refused"},
		"a neighbor that was taken away":   {Facts{Sessions: map[string]Session{"10.0.0.2": up}}, Facts{}, ""},
		"a session that was down comes up": {Facts{Sessions: map[string]Session{"10.0.0.2": down}}, Facts{Sessions: map[string]Session{"10.0.0.2": up}}, ""},
		"a link":                           {Facts{Links: map[string]bool{"eth0": true, "eth1": false}}, Facts{Links: map[string]bool{"eth0": false}}, "management link eth0 is down"},
		"a link that is gone":              {Facts{Links: map[string]bool{"eth0": true}}, Facts{}, "management link eth0 is down"},
		"a gate": {Facts{Gates: map[string]Gate{"dns": open}},
			Facts{Gates: map[string]Gate{"dns": {Why: "link eth9 does not exist", Failing: []string{"link eth9"}}}}, "gate dns is closed: link eth9 does not exist"},
		"a gate without a reason":        {Facts{Gates: map[string]Gate{"dns": open}}, Facts{Gates: map[string]Gate{"dns": {}}}, "gate dns is closed"},
		"a gate that was closed":         {Facts{Gates: map[string]Gate{"dns": {}}}, Facts{Gates: map[string]Gate{"dns": {Failing: []string{"link a"}}}}, ""},
		"a gate that was taken away":     {Facts{Gates: map[string]Gate{"dns": open}}, Facts{}, ""},
		"a gate that somebody drains":    {Facts{Gates: map[string]Gate{"dns": open}}, Facts{Gates: map[string]Gate{"dns": {Declared: true, Why: "drained"}}}, ""},
		"a gate that is degraded":        {Facts{Gates: map[string]Gate{"dns": open}}, Facts{Gates: map[string]Gate{"dns": {On: true, Why: "med 500", Failing: []string{"check dns"}}}}, ""},
		"a gate that failed before too":  {Facts{Gates: map[string]Gate{"dns": {On: true, Failing: []string{"check a", "check b"}}}}, Facts{Gates: map[string]Gate{"dns": {Failing: []string{"check b"}}}}, ""},
		"a gate that fails for more now": {Facts{Gates: map[string]Gate{"dns": {On: true, Failing: []string{"check a"}}}}, Facts{Gates: map[string]Gate{"dns": {Failing: []string{"check a", "link b"}}}}, "gate dns is closed"},
	} {
		if got := strings.Join(Judge(c.before, c.now), "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestFactsSurviveAReboot: what is read is what was written.
func TestFactsSurviveAReboot(t *testing.T) {
	f := Facts{map[string]Session{"fe80::1%eth0": {Up: true}}, map[string]bool{"eth0": true}, map[string]Gate{"dns": {On: true, Why: "x", Failing: []string{"link a"}, Declared: true}}}
	bare := f.Bare()
	if g := bare.Gates["dns"]; g.Why != "" || !g.On || !g.Declared || len(g.Failing) != 1 || !bare.Sessions["fe80::1%eth0"].Up || !bare.Links["eth0"] {
		t.Errorf("bare: %+v", bare)
	}
	b, err := json.Marshal(f)
	var got Facts
	if err == nil {
		err = json.Unmarshal(b, &got)
	}
	if d := cmp.Diff(f, got); d != "" || err != nil {
		t.Error(err, d)
	}
}

// TestTrial has a session that is up or down at seconds after the change.
func TestTrial(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		down func(second int) bool
		want Verdict
		at   int // the second of the verdict
	}{
		"no session is touched":           {func(int) bool { return false }, Proven, 5},
		"it is up again":                  {func(s int) bool { return s < 20 }, Proven, 25},
		"it never comes back":             {func(int) bool { return true }, Failed, 60},
		"it comes and goes":               {func(s int) bool { return s%5 == 0 }, Failed, 60},
		"it goes once":                    {func(s int) bool { return s == 3 }, Proven, 9},
		"it comes shortly before the end": {func(s int) bool { return s < 58 }, Proven, 63},
		"it goes behind the end":          {func(s int) bool { return s < 58 || s > 60 }, Failed, 61},
	} {
		trial := Trial{Before: Facts{Sessions: map[string]Session{"10.0.0.2": {Up: true}}}, Limit: start.Add(time.Minute)}
		got, at := Open, 0
		for ; got == Open && at < 1000; at++ {
			got = trial.Step(start.Add(time.Duration(at)*time.Second), Facts{Sessions: map[string]Session{"10.0.0.2": {Up: !c.down(at)}}})
		}
		if at--; got != c.want || at != c.at {
			t.Errorf("%s: %s after %ds, want %s after %ds", name, got, at, c.want, c.at)
		}
	}
}

// TestOr: what was well in either of two moments.
func TestOr(t *testing.T) {
	facts := func(up, link, open string) Facts {
		return Facts{Sessions: map[string]Session{"a": {Up: up == "a"}, "b": {Up: up == "b"}},
			Links: map[string]bool{"eth0": link == "eth0", "eth1": link == "eth1"}, Gates: map[string]Gate{open: {On: true}, "shut": {Why: "by hand"}}}
	}
	now, before := facts("b", "eth1", "web"), facts("a", "eth0", "dns")
	want := Facts{Sessions: map[string]Session{"a": {Up: true}, "b": {Up: true}}, Links: map[string]bool{"eth0": true, "eth1": true},
		Gates: map[string]Gate{"web": {On: true}, "dns": {On: true}, "shut": {Why: "by hand"}}}
	if d := cmp.Diff(want, now.Or(before)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(facts("b", "eth1", "web"), now); d != "" {
		t.Errorf("it has changed:\n%s", d)
	}
	if d := cmp.Diff(Facts{Sessions: map[string]Session{}, Links: map[string]bool{}, Gates: map[string]Gate{}}, Facts{Sessions: map[string]Session{}, Links: map[string]bool{}, Gates: map[string]Gate{}}.Or(Facts{})); d != "" {
		t.Error(d)
	}
}
