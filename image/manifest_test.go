package image

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestManifests: the golden is whole, and each change to it is refused with the
// words that stand behind "#".
func TestManifests(t *testing.T) {
	a, err := txtar.ParseFile("testdata/manifest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	good := string(a.Files[0].Data)
	if m, err := ParseManifest([]byte(good)); err != nil || m.Root().Blocks != 600 {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(a.Files[1].Data)) {
		change, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " # ")
		from, to, ok := strings.Cut(strings.ReplaceAll(change, `\n`, "\n"), " => ")
		if !ok || !strings.Contains(good, from) {
			t.Fatalf("%q: no such text", line)
		}
		_, err := ParseManifest([]byte(strings.Replace(good, from, to, 1)))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", change, err, want)
		}
	}
	if _, err := ParseManifest(make([]byte, maxManifest+1)); err == nil {
		t.Error("there is no limit")
	}
}
