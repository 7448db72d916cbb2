package appliance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/settings"
	"holdfast/image/signature"
)

// TestProvisionOf: what the file beside the configuration asks for, a
// configuration can add to, and never take away; a file that is wrong is an error.
func TestProvisionOf(t *testing.T) {
	a, b := signature.Private{1}.Public().String(), signature.Private{2}.Public().String()
	for _, c := range []struct {
		name, base, conf string
		want             settings.Provision
		err              string
	}{
		{"neither", "", "", settings.Provision{}, ""},
		{"one", "appliance { provision { drop /a; key " + a + "; signed required; } }", "", settings.Provision{Drop: "/a", Keys: []string{a}, Signed: true}, ""},
		{"both", "appliance { provision { drop /a; key " + a + "; signed required; } }", "appliance { provision { drop /b; key " + b + "; } }",
			settings.Provision{Drop: "/b", Keys: []string{a, b}, Signed: true}, ""},
		{"a wrong configuration", "", "appliance { provision { drop /b; } } nonsense;", settings.Provision{Drop: "/b"}, ""},
		{"a wrong file", "appliance { provision { signed maybe; } }", "", settings.Provision{}, "provision.conf:1:32: signed: want required, got \"maybe\""},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{ProvisionFile: c.base, "edge.conf": c.conf} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ProvisionOf(filepath.Join(dir, "edge.conf"))
		if err != nil {
			if c.err == "" || !strings.HasSuffix(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", c.name, err, c.err)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" || c.err != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestWaits: a missing file is a box that waits only where something can be
// dropped.
func TestWaits(t *testing.T) {
	dir := t.TempDir()
	missing := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	for _, c := range []struct {
		o    Options
		err  error
		want bool
	}{
		{Options{Path: "x", Drop: dir}, missing, true},
		{Options{Path: "x", Drop: dir}, nil, false},
		{Options{Path: "x", Drop: dir}, errors.New("wrong"), false},
		{Options{Path: "-", Drop: dir}, missing, false},
		{Options{Path: "x", Drop: filepath.Join(dir, "none")}, missing, false},
		{Options{Path: "x"}, missing, false},
	} {
		if got := c.o.waits(c.err); got != c.want {
			t.Errorf("%+v %v: %v", c.o, c.err, got)
		}
	}
}
