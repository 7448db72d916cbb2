package settings

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

func read(text string) (*Settings, string) {
	s := Default()
	r := grammar.Walk("edge.conf", text, &grammar.Node{Kids: Sections(s)})
	var errs []string
	for _, e := range r.Errors {
		errs = append(errs, e.Error())
	}
	return s, strings.Join(errs, "\n")
}

func TestHealthcheck(t *testing.T) {
	s, errs := read(`watchdog dns {
	healthcheck { command "dig @127.0.0.1"; }
	healthcheck { command "curl -f http://[::1]/"; interval 10; fast-interval 500ms; timeout 2; rise 1; fall 2; disable /etc/off; }
}`)
	if errs != "" {
		t.Fatal(errs)
	}
	plain := health.DefaultCheck
	plain.Command = "dig @127.0.0.1"
	want := []health.Check{plain, {Timing: health.Timing{Rise: 1, Fall: 2, Interval: 10 * time.Second, Fast: 500 * time.Millisecond},
		Timeout: 2 * time.Second, Probe: health.Probe{Command: "curl -f http://[::1]/"}, Disable: "/etc/off"}}
	if d := cmp.Diff(want, s.Checks(), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := s.Gates[0].Conditions[1].String(); got != `check "curl -f http://[::1]/"` {
		t.Error(got)
	}
}

func TestHealthcheckErrors(t *testing.T) {
	for text, want := range map[string]string{
		`watchdog dns { healthcheck { } }`:                                 `edge.conf:1:16: healthcheck: want a command`,
		`watchdog dns { healthcheck { command "x"; rise 0; } }`:            `edge.conf:1:48: rise: want 1-1000, got "0"`,
		`watchdog dns { healthcheck { command "x"; disable off; } }`:       `edge.conf:1:51: disable: want a path from the root, got "off"`,
		`watchdog dns { healthcheck { command "x"; timeout 0; } }`:         `edge.conf:1:51: timeout: want a time from 1ms to 1h0m0s, got "0"`,
		`watchdog { device /dev/watchdog0; healthcheck { command "x"; } }`: `edge.conf:1:47: healthcheck: belongs into watchdog NAME { … }`,
		`watchdog dns { healthcheck { command dig x; } }`:                  `edge.conf:1:42: command: unexpected "x"`,
	} {
		if _, got := read(text); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	for text, want := range map[string]string{
		`appliance { metrics /run/holdfast/metrics.sock; }`: "/run/holdfast/metrics.sock",
		`appliance { metrics 127.0.0.1:9179; }`:             "127.0.0.1:9179",
		`appliance { metrics "[::1]:9179"; }`:               "[::1]:9179",
		`appliance { metrics localhost; }`:                  `edge.conf:1:21: metrics: want a path from the root, or an address and port like 127.0.0.1:9179, got "localhost"`,
	} {
		if s, got := read(text); s.Metrics != want && got != want {
			t.Errorf("%s: %q %s, want %s", text, s.Metrics, got, want)
		}
	}
}
