package api

import (
	"os"
	"testing"

	"holdfast/lab/golden"
)

// TestAPIReference keeps docs/api.md what the table of commands says.
func TestAPIReference(t *testing.T) {
	const path = "../../docs/api.md"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Is(t, path, string(want), Reference())
}
