package main

import (
	"os"
	"testing"

	"holdfast/lab/golden"
)

// TestReference keeps docs/configuration.md what the tree of keywords says.
func TestReference(t *testing.T) {
	const path = "../../docs/configuration.md"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Is(t, path, string(want), reference())
}
