package api

import (
	"os"
	"strings"
	"testing"

	"holdfast/lab/golden"
)

// TestAPIReference keeps the last chapter of docs/exabgp.md what the table of
// commands says.
func TestAPIReference(t *testing.T) {
	const path = "../../docs/exabgp.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	before, _, found := strings.Cut(page, ReferenceTitle)
	if !found {
		t.Fatalf("%s has no chapter %q", path, ReferenceTitle)
	}
	golden.Is(t, path, page, before+Reference())
}
