package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHealthcheckOptions: a file's options come before those of the command
// line, wherever -F stands.
func TestHealthcheckOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "check.conf")
	if err := os.WriteFile(file, []byte("interval = 9\nrise = 1\nip = 192.0.2.1\nno-ip-setup\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newCall("healthcheck", "-i2", "--ip", "192.0.2.2", "-F", file, "-dn", "x", "-sF", "local3")
	o, err := c.healthcheck()
	if err != nil {
		t.Fatal(err)
	}
	if o.Interval != 2*time.Second || o.Rise != 1 || !o.NoIPSetup || !o.Debug || o.Name != "x" || o.Facility != "local3" ||
		len(o.IPs) != 2 || o.IPs[0].Prefix.String() != "192.0.2.1/32" {
		t.Errorf("%+v", o)
	}
}

func TestHealthcheckLines(t *testing.T) {
	var out, err strings.Builder
	if code := run(strings.Fields("healthcheck --ip 192.0.2.1 --no-ip-setup -i 0 --rise 1 --no-ack --no-syslog"), &out, &err); code != 0 || out.String() != "announce route 192.0.2.1/32 next-hop self med 100\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), err.String())
	}
	for line, want := range map[string]string{
		"healthcheck --ip 192.0.2.1 --no-ack more": `unexpected argument "more"`,
		"healthcheck -F nosuch":                    "open nosuch: no such file or directory",
		"healthcheck -sF nosuch":                   `there is no "nosuch"`,
	} {
		out.Reset()
		err.Reset()
		if code := run(strings.Fields(line), &out, &err); code == 0 || !strings.Contains(err.String(), want) {
			t.Errorf("%s: exit code %d, %q", line, code, err.String())
		}
	}
}
