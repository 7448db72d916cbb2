package versions

import (
	"cmp"
	"os/exec"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, s := range []string{"0", "1", "1.2", "20261124.1", "999999999.0.0.0.0.999999999"} {
		if err := Check(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", ".", "1.", ".1", "1..2", "01", "1.00", "v1", "1.2-rc1", "1+3", "../x", "1/2", "1.0~rc1", "-1", "+1", "1 ", "1.2.3.4.5.6.7", "1000000000", "1_0", "1.٣"} {
		if err := Check(s); err == nil {
			t.Errorf("%q is a version", s)
		}
	}
}

// TestOrder: of ours, older ones stand first.
func TestOrder(t *testing.T) {
	all := strings.Fields("0 0.0 0.9 0.10 1 1.0 1.0.0 1.0.1 1.2 1.2.0 1.10 1.10.1 2 9.9.9 10 20261124 20261124.1 999999999")
	for i, a := range all {
		for j, b := range all {
			if got, want := Compare(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

// TestCompare: as systemd has it.
func TestCompare(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal(err)
	}
	versions := []string{"1", "1.0", "1.0.0", "1.0.1", "1.0-1", "1.0-rc1", "1.0~rc1", "1.0^1", "1.0a", "1.00", "10", "1.10", "1.9", "2.0.0", "1.a", "1..1", "1.0~~", "0"}
	for _, a := range versions {
		for _, b := range versions {
			out, _ := exec.Command(tool, "compare-versions", a, b).Output() // its exit code is the result
			want := strings.Index("<=>", strings.Fields(strings.ReplaceAll(string(out), "==", "="))[1]) - 1
			if got := Compare(a, b); got != want {
				t.Errorf("%s %s: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("1.0~rc1", "1.0-2^3")
	f.Fuzz(func(t *testing.T, a, b string) {
		if Compare(a, b) != -Compare(b, a) || Compare(a, a) != 0 {
			t.Errorf("%q %q: not an order", a, b)
		}
	})
}
