package main

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
)

var update = flag.Bool("update", false, "write what is generated")

// TestReference keeps docs/configuration.md what the tree of keywords says.
func TestReference(t *testing.T) {
	const path = "../../docs/configuration.md"
	got := "# The configuration\n\nGenerated from the tree of keywords: `go test ./cmd/holdfast -run TestReference -update`.\n" +
		"Statements end in `;`, sections are in braces, `#` begins a comment.\n" +
		grammar.Reference(config.Tree(settings.Sections(settings.Default())))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("docs/configuration.md is not what the tree says; run with -update\n%s", d)
	}
}
