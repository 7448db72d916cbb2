package boot

import (
	"os/exec"
	"strings"
	"testing"
)

// TestCompareVersions: as systemd has it.
func TestCompareVersions(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal(err)
	}
	versions := []string{"1", "1.0", "1.0.0", "1.0.1", "1.0-1", "1.0-rc1", "1.0~rc1", "1.0^1", "1.0a", "1.00", "10", "1.10", "1.9", "2.0.0", "1.a", "1..1", "1.0~~", "0"}
	for _, a := range versions {
		for _, b := range versions {
			out, _ := exec.Command(tool, "compare-versions", a, b).Output() // its exit code is the result
			want := strings.Index("<=>", strings.Fields(strings.ReplaceAll(string(out), "==", "="))[1]) - 1
			if got := compareVersions(a, b); got != want {
				t.Errorf("%s %s: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0~rc1", "1.0-2^3")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Errorf("%q %q: not an order", a, b)
		}
	})
}

func TestCheckVersion(t *testing.T) {
	for v, ok := range map[string]bool{"2.0.1": true, "1.0~rc1": true, "": false, "2+1": false, "../x": false, "1/2": false, "v1": false, strings.Repeat("1", 65): false} {
		if err := checkVersion(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
}
