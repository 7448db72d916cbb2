package watchdog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestList reads devices as the kernel shows them: the second one found no
// hardware to ask, as softdog does not.
func TestList(t *testing.T) {
	old := classRoot
	classRoot = t.TempDir()
	t.Cleanup(func() { classRoot = old })
	for name, text := range map[string]string{
		"watchdog0/identity": "i6300ESB timer", "watchdog0/timeout": "60", "watchdog0/bootstatus": "33", "watchdog0/options": "0x8180",
		"watchdog0/state": "inactive", "watchdog0/nowayout": "1", "watchdog0/pretimeout": "5",
		"watchdog1/identity": Software, "watchdog1/state": "active", "watchdog1/bootstatus": "0",
	} {
		path := filepath.Join(classRoot, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := List()
	want := []Info{
		{Path: "/dev/watchdog0", Identity: "i6300ESB timer", Timeout: time.Minute, Pretimeout: 5 * time.Second, CausedReset: true,
			BootStatus: []string{"overheat", "card-reset"}, MagicClose: true, NoWayOut: true},
		{Path: "/dev/watchdog1", Identity: Software, Active: true, InUse: "nobody whom we may see"},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if path, err := Find(Software); path != "/dev/watchdog1" || err != nil {
		t.Error(path, err)
	}
}
