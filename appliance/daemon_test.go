package appliance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/health"
)

// TestChecksThatComeBackRiseAgain: what is known of a check goes with the
// configuration that no longer asks for it.
func TestChecksThatComeBackRiseAgain(t *testing.T) {
	a, b := health.Check{Probe: health.Probe{Command: "a"}}, health.Check{Probe: health.Probe{Command: "b"}}
	up := health.Standing{Told: health.Up}
	known := only(map[health.Check]health.Standing{a: up, b: up}, []health.Check{b})
	if d := cmp.Diff(map[health.Check]health.Standing{b: up}, known); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if _, ok := only(known, []health.Check{a, b})[a]; ok {
		t.Error("a check that comes back is up at once")
	}
}
