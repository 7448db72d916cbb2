package settings

import (
	"testing"
	"time"
)

func TestDrain(t *testing.T) {
	for text, want := range map[string]Drain{
		`appliance { }`:                             {Wait: 30 * time.Second},
		`appliance { drain { wait 0; } }`:           {},
		`appliance { drain { wait 2m; on-stop; } }`: {Wait: 2 * time.Minute, OnStop: true},
	} {
		if s, errs := read(text); errs != "" || s.Drain != want {
			t.Errorf("%s: %+v, %s", text, s.Drain, errs)
		}
	}
	for text, want := range map[string]string{
		`appliance { drain { wait 2h; } }`:        `edge.conf:1:26: wait: want a time from 0s to 1h0m0s, got "2h"`,
		`appliance { drain { on-stop always; } }`: `edge.conf:1:29: on-stop: unexpected "always"`,
	} {
		if _, got := read(text); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}
