package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/systemd/units"
)

func TestInstallUnits(t *testing.T) {
	root := t.TempDir()
	var out, complaint bytes.Buffer
	if code := run([]string{"install-units", "--root", root, "--program", "/opt/bin/holdfast", "--hardware"}, &out, &complaint); code != 0 {
		t.Fatal(code, complaint.String())
	}
	for _, name := range append(units.Names(), units.Hardware) {
		if path := filepath.Join(root, units.Path(name)); !strings.Contains(out.String(), path+"\n") {
			t.Errorf("%s is not told:\n%s", path, out.String())
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/holdfast.service"))
	if err != nil || !strings.Contains(string(b), "ExecStart=/opt/bin/holdfast run") {
		t.Errorf("%v\n%s", err, b)
	}
	if code := run([]string{"install-units", "--program", "holdfast"}, &out, &complaint); code != exitUsage {
		t.Error(code)
	}
}
