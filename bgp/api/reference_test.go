package api

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAPIReference keeps docs/api.md what the table of commands says.
func TestAPIReference(t *testing.T) {
	const path = "../../docs/api.md"
	got := []byte(Reference())
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("docs/api.md is not what the table says; run with -update\n%s", cmp.Diff(string(want), string(got)))
	}
}
