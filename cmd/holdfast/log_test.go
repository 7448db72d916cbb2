package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMessageIDs are those of lines that somebody still logs, and each has its own.
func TestMessageIDs(t *testing.T) {
	var all strings.Builder
	for _, dir := range []string{"../../appliance", "../../bgp/speaker", "../../watchdog"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	seen := map[string]string{}
	for message, id := range messageIDs {
		if logged := regexp.MustCompile(`\.(Info|Warn|Error)\("` + regexp.QuoteMeta(message) + `"`); !logged.MatchString(all.String()) {
			t.Errorf("nobody logs %q", message)
		}
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) || seen[id] != "" {
			t.Errorf("%q: %s is also that of %q, or none", message, id, seen[id])
		}
		seen[id] = message
	}
}
