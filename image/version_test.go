package image

import (
	"os/exec"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	for _, s := range []string{"0", "1", "1.2", "20261124.1", "999999999.0.0.0.0.999999999"} {
		if v, err := ParseVersion(s); err != nil || string(v) != s {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", ".", "1.", ".1", "1..2", "01", "1.00", "v1", "1.2-rc1", "1+3", "-1", "+1", "1 ", "1.2.3.4.5.6.7", "1000000000", "1_0", "1.٣"} {
		if v, err := ParseVersion(s); err == nil {
			t.Errorf("%q is version %s", s, v)
		}
	}
}

// TestOrder: older versions stand first, and systemd sorts them as we do.
func TestOrder(t *testing.T) {
	all := strings.Fields("0 0.0 0.9 0.10 1 1.0 1.0.0 1.0.1 1.2 1.2.0 1.10 1.10.1 2 9.9.9 10 20261124 20261124.1 999999999")
	_, err := exec.LookPath("systemd-analyze")
	for i, a := range all {
		for j, b := range all {
			got := Version(a).Compare(Version(b))
			if want := i - j; (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
			if err == nil && j == i+1 {
				if out, err := exec.Command("systemd-analyze", "compare-versions", a, "lt", b).CombinedOutput(); err != nil {
					t.Errorf("systemd: %s and %s: %v %s", a, b, err, out)
				}
			}
		}
	}
}
