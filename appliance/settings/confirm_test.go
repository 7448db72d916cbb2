package settings

import (
	"slices"
	"testing"
	"time"
)

func TestConfirm(t *testing.T) {
	s, errs := read(`appliance { state-directory /var/lib/holdfast; confirm 90; management eth0 mgmt; management eth1; }`)
	if errs != "" || s.StateDirectory != "/var/lib/holdfast" || !slices.Equal(s.Management, []string{"eth0", "mgmt", "eth1"}) {
		t.Error(errs, s)
	}
	for text, want := range map[string][2]time.Duration{ // with nothing to keep it, and with a store
		``:                          {0, DefaultConfirm},
		`appliance { confirm 5s; }`: {5 * time.Second, 5 * time.Second},
		`appliance { confirm 0; }`:  {0, 0},
	} {
		s, errs := read(text)
		if got := [2]time.Duration{s.ConfirmWithin(false), s.ConfirmWithin(true)}; got != want || errs != "" {
			t.Errorf("%s: %v, want %v; %s", text, got, want, errs)
		}
	}
	for text, want := range map[string]string{
		`appliance { state-directory lib; }`: `edge.conf:1:29: state-directory: want a path from the root, got "lib"`,
		`appliance { confirm soon; }`:        `edge.conf:1:21: confirm: want a time from 0s to 1h0m0s, got "soon"`,
		`appliance { management; }`:          `edge.conf:1:23: management: want a link, got nothing`,
		`appliance { management eth0/1; }`:   `edge.conf:1:24: management: want a link's name of at most 15 characters, got "eth0/1"`,
	} {
		if _, got := read(text); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}
