package config_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/lab/golden"
)

// dump is a configuration as a stable text.
func dump(c *config.Config, s *settings.Settings) string {
	var b strings.Builder
	for _, p := range c.Processes {
		fmt.Fprintf(&b, "process %s run %q encoder %s respawn %v\n", p.Name, p.Run, p.Encoder, p.Respawn)
	}
	for _, n := range c.Neighbors {
		fmt.Fprintf(&b, "neighbor %s zone %q local %s as %s peer-as %s id %s hold %s\n", n.Peer, n.Zone, n.LocalAddress, n.LocalAS, n.PeerAS, n.RouterID, n.HoldTime)
		fmt.Fprintf(&b, "  passive %v listen %d connect %d link %q ttl %d/%d md5 %q ao %v\n", n.Passive, n.Listen, n.Connect, n.SourceInterface, n.OutgoingTTL, n.IncomingTTL, n.MD5Password, n.TCPAO != nil)
		fmt.Fprintf(&b, "  families %v capabilities%s\n", n.Families, wanted(n.Capabilities))
		fmt.Fprintf(&b, "  group-updates %v auto-flush %v manual-eor %v processes %q host %q %q %q\n", n.GroupUpdates, n.AutoFlush, n.ManualEOR, n.Processes, n.HostName, n.DomainName, n.Description)
		for _, l := range n.Listeners {
			fmt.Fprintf(&b, "  %s hears%s; send%s; receive%s\n", l.Process, wanted(l), wanted(l.Send), wanted(l.Receive))
		}
		for _, p := range n.PathList() {
			fmt.Fprintf(&b, "  add-path %s %s limit %d\n", p.Family, p.Direction, p.Limit)
		}
		for _, r := range n.Routes {
			fmt.Fprintf(&b, "  route %s withdraw %v\n", r.AppendText(nil), r.Withdraw)
		}
		for _, m := range n.Operational {
			fmt.Fprintf(&b, "  operational %s\n", m.AppendText(nil))
		}
	}
	if h := s.Hardware; h != nil {
		fmt.Fprintf(&b, "hardware %q %q timeout %s pretimeout %s %s\n", h.Device, h.Identity, h.Timeout, h.Pretimeout, h.Policy)
	}
	for _, g := range s.Gates {
		fmt.Fprintf(&b, "gate %s hold-down %s\n", g.Name, g.HoldDown)
		for _, c := range g.Conditions {
			fmt.Fprintf(&b, "  %s\n", c)
		}
	}
	for _, a := range s.Addresses {
		fmt.Fprintf(&b, "address %s on %s label %q\n", a.Prefix, a.Link, a.Label)
	}
	fmt.Fprintf(&b, "control %q stop-timeout %s first-verdict %s\n", s.ControlSocket, s.StopTimeout, s.FirstVerdict)
	if s.APISocket != "" {
		fmt.Fprintf(&b, "api %q\n", s.APISocket)
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

// wanted are the fields of a structure that are not off.
func wanted(c any) (names string) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.IsZero(), f.Kind() == reflect.String, f.Kind() == reflect.Struct:
		case f.Kind() == reflect.Bool:
			names += " " + v.Type().Field(i).Name
		default:
			names += fmt.Sprintf(" %s=%v", v.Type().Field(i).Name, f.Interface())
		}
	}
	return names
}

func parse(text []byte) string {
	s := settings.Default()
	keys := func(path string) ([]byte, error) {
		if path == "/key" {
			return []byte("from the file\n"), nil
		}
		return nil, errors.New("open " + path + ": no such file")
	}
	c, err := config.Parse("edge.conf", text, config.Options{Sections: settings.Sections(s), ReadFile: keys})
	if err != nil {
		return err.Error() + "\n"
	}
	return dump(c, s)
}

func TestGoldens(t *testing.T) {
	golden.Files(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) {
		a.Files = []txtar.File{a.Files[0], {Name: "result", Data: []byte(parse(a.Files[0].Data))}}
	})
}

// TestConvert has old forms, what comes of them, and what is said of it. What
// came of them is converted no further.
func TestConvert(t *testing.T) {
	golden.Files(t, "testdata/convert/*.txtar", func(t *testing.T, a *txtar.Archive) {
		tree := config.Tree(nil)
		out, changed := config.Convert("old.conf", string(a.Files[0].Data), tree)
		a.Files[1].Data, a.Files[2].Data = []byte(out), []byte(strings.Join(append(changed, ""), "\n"))
		if again, changed := config.Convert("new.conf", out, tree); again != out || len(changed) > 0 {
			t.Errorf("converted again:\n%s%s", again, changed)
		}
	})
}

// TestTenErrors is the promise of validate: a file with ten errors shows ten.
func TestTenErrors(t *testing.T) {
	a, err := txtar.ParseFile("testdata/ten-errors.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(parse(a.Files[0].Data), "\n"); n != 10 {
		t.Errorf("%d errors shown", n)
	}
}

func TestSameSession(t *testing.T) {
	const base = "neighbor 10.0.0.2 { local-as 1; peer-as 2; router-id 1.1.1.1; %s }"
	get := func(words string) *config.Neighbor {
		c, err := config.Parse("f", fmt.Appendf(nil, base, words), config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return &c.Neighbors[0]
	}
	for words, same := range map[string]bool{
		"":                       true,
		"description \"other\";": true,
		"static { route 192.0.2.1/32 next-hop self; }": true,
		"hold-time 9;":                   false,
		"md5-password x;":                false,
		"family { ipv6 unicast; }":       false,
		"capability { asn4 disable; }":   false,
		"passive;":                       false,
		"tcp-ao { keyid 1; password x;}": false,
	} {
		if got := get("").SameSession(get(words)); got != same {
			t.Errorf("%q: same is %v", words, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	old, _ := filepath.Glob("testdata/convert/*.txtar")
	files = append(files, old...)
	tree := config.Tree(nil)
	for _, name := range files {
		if a, err := txtar.ParseFile(name); err == nil {
			f.Add(a.Files[0].Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if first, again := parse(text), parse(text); first != again {
			t.Errorf("two results of one text:\n%s\n%s", first, again)
		}
		config.Convert("f", string(text), tree)
	})
}

// TestSeveralFiles are one configuration; errors keep their places.
func TestSeveralFiles(t *testing.T) {
	a := config.Source{File: "10-base.conf", Text: []byte("template { neighbor up { local-as 1; peer-as 2; router-id 1.1.1.1; } }\nneighbor 10.0.0.2 { inherit up; }")}
	b := config.Source{File: "20-more.conf", Text: []byte("neighbor 10.0.0.3 { inherit up; }")}
	c, err := config.ParseAll([]config.Source{a, b}, config.Options{})
	if err != nil || len(c.Neighbors) != 2 || c.Neighbors[1].PeerAS != 2 {
		t.Fatalf("%v, %v", c, err)
	}
	b.Text = []byte("neighbor 10.0.0.2 { inherit up; }\nnonsense;")
	_, err = config.ParseAll([]config.Source{a, b}, config.Options{})
	want := "20-more.conf:1:1: neighbor: "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "20-more.conf:2:1: unknown word") {
		t.Errorf("got %v", err)
	}
}
