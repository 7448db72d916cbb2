package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"holdfast/appliance/settings"
	"holdfast/bgp/config"
)

// TestTextIsReadAgain prints the neighbors of all goldens, and reads what was
// printed: all is there but keys and routes.
func TestTextIsReadAgain(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	n := 0
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		none := func(string) ([]byte, error) { return []byte("key"), nil }
		c, err := config.Parse(f, a.Files[0].Data, config.Options{Sections: settings.Sections(settings.Default()), ReadFile: none})
		if err != nil {
			continue // a golden of errors
		}
		for i := range c.Neighbors {
			n++
			again(t, f, &c.Neighbors[i])
		}
	}
	if n == 0 {
		t.Fatal("no golden has a neighbor")
	}
}

func again(t *testing.T, file string, n *config.Neighbor) {
	t.Helper()
	var text strings.Builder
	for _, p := range n.Processes {
		fmt.Fprintf(&text, "process %s { run x; }\n", p)
	}
	text.Write(n.AppendText(nil))
	c, err := config.Parse("printed", []byte(text.String()), config.Options{})
	if err != nil {
		t.Errorf("%s: %v\n%s", file, err, text.String())
		return
	}
	same := cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(n.Peer, n.LocalAddress),
		cmpopts.IgnoreFields(config.Neighbor{}, "Pos", "MD5Password", "TCPAO", "Routes", "Operational", "API")}
	if d := cmp.Diff(*n, c.Neighbors[0], same); d != "" {
		t.Errorf("%s: -said +printed:\n%s\n%s", file, d, text.String())
	}
}
