package lab_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/lab"
)

// provisioned is the configuration of a story in which changes are kept.
func (s *story) provisioned(prefix string) string {
	return fmt.Sprintf(`appliance { control-socket %[1]s/box.ctl; state-directory %[1]s/state; confirm 5s; provision { drop %[1]s/drop; } }
neighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002; hold-time 9;
	static { route %[2]s next-hop self; }
}
`, s.Dir, prefix)
}

// drop puts a file into the drop folder as an upload does: under its own name when
// it is whole.
func (s *story) put(name, text string) {
	s.Helper()
	path := filepath.Join(s.Dir, "drop", name)
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		s.Fatalf("%v", err)
	}
	if err := os.Rename(hidden, path); err != nil {
		s.Fatalf("%v", err)
	}
}

// result waits for what is said of something that was dropped.
func (s *story) result(name string) (text string) {
	s.Helper()
	s.Until(soon, name, func() bool {
		b, err := os.ReadFile(filepath.Join(s.Dir, "drop", name))
		text = string(b)
		return err == nil
	})
	return text
}

func (s *story) dropFolder() {
	s.Helper()
	if err := os.MkdirAll(filepath.Join(s.Dir, "drop"), 0o700); err != nil {
		s.Fatalf("%v", err)
	}
}

// TestDroppedFiles: a bad file is rejected with the places of its errors, and
// nothing changes; a good one is taken; and one that ends the session is rolled
// back.
func TestDroppedFiles(t *testing.T) {
	s := tell(t, func(s *story) string { return s.provisioned("192.0.2.53/32") })
	s.dropFolder()
	s.daemon.Start()
	s.announced()
	s.put("bad.conf", "neighbor 10.0.0.2 {\n\tlocal-as x;\n}\nnonsense;\n")
	if got := s.result("bad.conf.rejected.txt"); !strings.Contains(got, "bad.conf: rejected\n") || !strings.Contains(got, "\n  bad.conf:2:11: local-as: ") || !strings.Contains(got, "\n  bad.conf:4:1: ") {
		t.Errorf("%s", got)
	}
	if !s.has() || !s.bird.Established() {
		t.Error("something changed")
	}
	other := netip.MustParsePrefix("192.0.2.54/32")
	s.put("edge.conf", s.provisioned(other.String()))
	s.Until(soon, "the other prefix is there", func() bool { _, ok := s.bird.Route(other); return ok && !s.has() })
	if got := s.result("edge.conf.result.txt"); !strings.HasPrefix(got, "edge.conf: taken\n") {
		t.Errorf("%s", got)
	}
	s.put("wrong.conf", strings.ReplaceAll(s.provisioned("192.0.2.55/32"), "peer-as 65002", "peer-as 65009"))
	if got := s.result("wrong.conf.rejected.txt"); !strings.Contains(got, "rolled back: ") {
		t.Errorf("%s", got)
	}
	s.Until(soon, "what was before is back", func() bool { _, ok := s.bird.Route(other); return ok })
}

// TestFirstBundle: a box without a configuration waits for one, refuses what nobody
// signed, and takes its own of those of ten boxes.
func TestFirstBundle(t *testing.T) {
	s := tell(t, func(s *story) string { return s.provisioned("192.0.2.53/32") })
	s.dropFolder()
	etc, key := filepath.Join(s.Dir, "etc"), filepath.Join(s.Dir, "key")
	public := strings.TrimSpace(s.holdfast("provision", "keygen", key))
	for name, text := range map[string]string{
		"etc/provision.conf":  "appliance { provision { drop " + s.Dir + "/drop; key " + public + "; signed required; } }\n",
		"mine/edge.conf":      s.provisioned("192.0.2.53/32"),
		"another's/edge.conf": s.provisioned("192.0.2.99/32"),
	} {
		path := filepath.Join(s.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(s.Dir, "box.ctl")
	s.box.Start("holdfast", []string{"STATE_DIRECTORY=" + filepath.Join(s.Dir, "state")}, lab.Binary(t), "run", filepath.Join(etc, "holdfast.conf"), "--socket", socket)
	s.Until(soon, "it is up", func() bool { return strings.Contains(s.holdfast("status", "--socket", socket), "not provisioned: ") })
	s.put("edge.conf", s.provisioned("192.0.2.98/32"))
	if got := s.result("edge.conf.rejected.txt"); !strings.HasPrefix(got, "edge.conf: rejected\nnobody signed it\n") {
		t.Errorf("%s", got)
	}
	stick := filepath.Join(s.Dir, "drop", ".stick")
	if err := os.Mkdir(stick, 0o700); err != nil {
		t.Fatal(err)
	}
	mac := strings.Fields(s.box.IP("-br link show eth0"))[2]
	for i := range 10 {
		from, target := "another's", fmt.Sprintf("serial:S%d", i)
		if i == 4 {
			from, target = "mine", "mac:"+mac
		}
		s.holdfast("provision", "pack", filepath.Join(s.Dir, from), "-o", filepath.Join(stick, fmt.Sprintf("box%d.tar", i)), "--target", target, "--version", "1", "--key", key)
	}
	if err := os.Rename(stick, filepath.Join(s.Dir, "drop", "stick")); err != nil {
		t.Fatal(err)
	}
	s.announced()
	if got := s.result("stick.result.txt"); !strings.HasPrefix(got, "stick: taken\n") || !strings.Contains(got, "bundle: stick/box4.tar\n") || !strings.Contains(got, "for other boxes: 9\n") {
		t.Errorf("%s", got)
	}
}
