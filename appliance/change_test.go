package appliance

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/desired"
	"holdfast/appliance/generation"
	"holdfast/bgp/api"
)

// change is a daemon whose time the test makes, and whose sessions the test has
// come and go.
type change struct {
	*asked
	conf  string // path of the configuration
	state string // directory; "": nothing is kept
	clock time.Time
}

// neighborWith is a configuration of one neighbor, with its route.
func neighborWith(address, route string) string {
	return fmt.Sprintf(`neighbor %s { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001;
	family { ipv4 unicast; } static { route %s next-hop 10.0.0.9; } }
`, address, route)
}

func newChange(t *testing.T, stored bool, conf string) *change {
	t.Helper()
	c := &change{asked: &asked{T: t}, conf: filepath.Join(t.TempDir(), "edge.conf"), clock: time.Unix(1e9, 0)}
	if stored {
		c.state = t.TempDir()
	}
	c.write(c.conf, conf)
	c.boot()
	return c
}

// options are those of each start.
func (c *change) options() Options {
	return Options{Path: c.conf, NoControl: true, Log: slog.New(slog.DiscardHandler),
		Getenv: func(name string) string { return map[string]string{"STATE_DIRECTORY": c.state}[name] }}
}

// start chooses what the box begins with, as the next process does.
func (c *change) start() (*changes, error) {
	if c.d != nil && c.d.changes.store != nil {
		c.d.changes.store.Close()
	}
	s, err := c.options().start()
	s.now = func() time.Time { return c.clock }
	return s, err
}

// boot is another life of the daemon.
func (c *change) boot() {
	c.Helper()
	s, err := c.start()
	if err == nil {
		c.d, err = newDaemon(c.options(), s)
	}
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { s.store.Close() })
	c.d.beginTrial()
	c.begin()
}

// pass has time pass, second by second, in which nothing else changes.
func (c *change) pass(seconds int) {
	for range seconds {
		c.clock = c.clock.Add(time.Second)
		c.d.step(c.clock)
	}
}

// up has the session with a neighbor come up or go down.
func (c *change) up(up bool, addresses ...string) {
	for _, a := range addresses {
		c.d.session(netip.MustParseAddr(a), up, nil)
	}
}

// peers are the neighbors of the speaker.
func (c *change) peers() string {
	c.Helper()
	var names []string
	for line := range strings.Lines(c.ask(api.Question{What: api.ListPeers, Text: true})) {
		if f := strings.Fields(line); len(f) > 1 {
			names = append(names, f[1])
		}
	}
	return strings.Join(names, " ")
}

// is has what is at work be these neighbors, in this state.
func (c *change) is(what, peers string, state generation.State) {
	c.Helper()
	s := c.d.changes.view.Load()
	if got := c.peers(); got != peers || s.State != state {
		c.Errorf("%s: %s with %q, want %s with %q", what, s.State, got, state, peers)
	}
}

func (c *change) reload(conf string) {
	c.Helper()
	c.write(c.conf, conf)
	if err := c.d.Reload(); err != nil {
		c.Fatal(err)
	}
}

// outcome is what has become of a change.
func (c *change) outcome(done <-chan Outcome) string {
	select {
	case o := <-done:
		return strings.TrimSuffix(string(o.State)+": "+o.Why, ": ")
	default:
		return "open"
	}
}

func (c *change) bundle(name string, files map[string]string) Candidate {
	k := Candidate{Source: name, Files: generation.Files{}}
	for path, text := range files {
		k.Files[path] = generation.File{Data: []byte(text), Run: strings.HasPrefix(text, "#!")}
	}
	return k
}

// TestWithoutProof is ExaBGP's way: what is valid is at work.
func TestWithoutProof(t *testing.T) {
	c := newChange(t, false, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.up(true, "127.0.0.2")
	c.reload(neighborWith("127.0.0.3", "10.0.0.0/24"))
	c.is("another neighbor", "127.0.0.3", generation.Good)
	c.up(false, "127.0.0.2")
	c.pass(1000)
	c.is("much later", "127.0.0.3", generation.Good)
	if _, err := c.d.rollback(""); err == nil {
		t.Error("there is something to go back to")
	}
}

// TestRollBackInMemory: a proof that is asked for needs no disk.
func TestRollBackInMemory(t *testing.T) {
	const confirm = "appliance { confirm 20s; }"
	two := neighborWith("127.0.0.2", "10.0.0.0/24")
	c := newChange(t, false, two)
	c.up(true, "127.0.0.2")
	bad := confirm + strings.Replace(two, "65001", "65009", 1)
	c.reload(bad)
	c.up(false, "127.0.0.2")
	c.is("at first", "127.0.0.2", generation.Trying)
	c.pass(19)
	c.is("shortly before the end", "127.0.0.2", generation.Trying)
	c.pass(1)
	c.is("behind the end", "127.0.0.2", generation.Good)
	if n := c.d.loaded.Config.Neighbors[0]; n.PeerAS != 65001 {
		t.Error(n.PeerAS)
	}
	s := c.d.changes.view.Load()
	if s.Refused == nil || s.Refused.Source != c.conf || !strings.HasPrefix(s.Refused.Why, "the session with 127.0.0.2 is down") {
		t.Error(s.Refused)
	}
	if text := s.sentence(); text != "; "+c.conf+" is not at work: "+s.Refused.Why {
		t.Error(text)
	}
	// Whoever asks again has it tried again, and held to what was good.
	c.reload(bad)
	c.is("again", "127.0.0.2", generation.Trying)
	c.pass(20)
	c.is("again, behind the end", "127.0.0.2", generation.Good)
}

// TestKept has good changes be on the disk, and come again with the next start.
func TestKept(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.is("the first one", "127.0.0.2", generation.Good)
	c.up(true, "127.0.0.2")
	c.reload(neighborWith("127.0.0.2", "10.0.0.0/24") + neighborWith("127.0.0.3", "10.0.0.0/24"))
	c.is("one more", "127.0.0.2 127.0.0.3", generation.Trying)
	c.pass(5)
	c.is("one more, not yet", "127.0.0.2 127.0.0.3", generation.Trying)
	c.pass(1)
	c.is("one more, later", "127.0.0.2 127.0.0.3", generation.Good)
	c.boot()
	c.is("the next life", "127.0.0.2 127.0.0.3", generation.Good)
	if s := c.d.changes.view.Load(); s.Generation != 2 || s.Refused != nil {
		t.Errorf("%+v", s)
	}
	c.reload(neighborWith("127.0.0.2", "10.0.0.0/24") + neighborWith("127.0.0.3", "10.0.0.0/24"))
	if s := c.d.changes.view.Load(); s.Generation != 2 || s.State != generation.Good {
		t.Errorf("the same again: %+v", s)
	}
}

// TestGateHasToOpen again, or be closed by somebody.
func TestGateHasToOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "off")
	conf := func(more string) string {
		return fmt.Sprintf("watchdog dns { file %s absent; %s }\n", file, more) + strings.Replace(neighborWith("127.0.0.2", "10.0.0.0/24"), "10.0.0.9;", "10.0.0.9 watchdog dns;", 1)
	}
	c := newChange(t, true, conf(""))
	look := func() {
		c.d.reconciler.update(func(in *desired.Inputs) {
			in.Files, in.Known = c.d.files.look(time.Now(), c.d.loaded.Settings.Files(), time.Minute), true
		})
	}
	look()
	c.pass(6)
	c.reload(conf("link none0;"))
	look()
	c.pass(59)
	c.is("a gate that does not open", "127.0.0.2", generation.Trying)
	c.pass(1)
	if s := c.d.changes.view.Load(); s.State != generation.Good || s.Generation != 1 || !strings.HasPrefix(s.Refused.Why, "gate dns is closed: link none0") {
		t.Errorf("%+v", s)
	}
	c.loop(func() {
		if err := c.d.manual.say("dns", false); err != nil {
			t.Error(err)
		}
		c.d.decideManual()
	})
	c.reload(conf("link none1;"))
	c.pass(6)
	if s := c.d.changes.view.Load(); s.State != generation.Good || s.Generation != 3 {
		t.Errorf("a gate that somebody has closed: %+v", s)
	}
}

// TestChangeUponChange: the second is held to how the box stood before the first.
func TestChangeUponChange(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.up(true, "127.0.0.2")
	first := c.d.Change(c.bundle("one", map[string]string{"a.conf": neighborWith("127.0.0.2", "10.1.0.0/24")}))
	c.up(false, "127.0.0.2")
	c.pass(30)
	second := c.d.Change(c.bundle("two", map[string]string{"a.conf": neighborWith("127.0.0.2", "10.2.0.0/24")}))
	if got := c.outcome(first); got != "replaced: another change came first" {
		t.Error(got)
	}
	c.pass(59)
	if got := c.outcome(second); got != "open" {
		t.Error(got)
	}
	c.pass(1)
	if got := c.outcome(second); !strings.HasPrefix(got, "rolled back: the session with 127.0.0.2 is down") {
		t.Error(got)
	}
	if s := c.d.changes.view.Load(); s.Generation != 1 {
		t.Errorf("%+v", s)
	}
	if got := c.outcome(c.d.Change(c.bundle("two", map[string]string{"a.conf": neighborWith("127.0.0.2", "10.2.0.0/24")}))); !strings.HasPrefix(got, "rejected: it was rejected before: the session with") {
		t.Error(got)
	}
}

// TestBundle has several files, a key and a helper, and takes the place of the
// file until that changes.
func TestBundle(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	files := map[string]string{"10-base.conf": "process h { run helpers/h; }", "helpers/h": "#!/bin/sh\nexec sleep 1000\n", "keys/md5": "secret",
		"20-peers.conf": strings.Replace(neighborWith("127.0.0.4", "10.0.0.0/24"), "family", "md5-password-file keys/md5; family", 1), "README": "x"}
	done := c.d.Change(c.bundle("dropped box7.tar", files))
	c.pass(6)
	if got := c.outcome(done); got != "kept" {
		t.Fatal(got)
	}
	c.is("a bundle", "127.0.0.4", generation.Good)
	if l := c.d.loaded; l.Folder != c.d.changes.store.Folder(2) || l.Config.Neighbors[0].MD5Password != "secret" {
		t.Error(l.Folder)
	}
	c.boot()
	c.is("the next life", "127.0.0.4", generation.Good)
	if err := c.d.Reload(); err == nil || !strings.Contains(err.Error(), "has not changed since generation 2 (dropped box7.tar) took its place") {
		t.Error(err)
	}
	files["20-peers.conf"] += "nonsense;\nneighbor x { }"
	o := <-c.d.Change(c.bundle("dropped bad", files))
	if o.State != Rejected || len(o.Places) != 2 || !strings.HasPrefix(o.Places[0], "20-peers.conf:3:1: unknown word") {
		t.Errorf("%+v", o)
	}
	delete(files, "helpers/h")
	files["20-peers.conf"] = neighborWith("127.0.0.4", "10.0.0.0/24")
	if o := <-c.d.Change(c.bundle("without helper", files)); o.State != Rejected || !strings.HasPrefix(o.Why, "10-base.conf:1:1: process h: run helpers/h:") {
		t.Errorf("%+v", o)
	}
	if left, _ := filepath.Glob(filepath.Join(c.state, "generations", ".*")); left != nil {
		t.Error(left)
	}
	if _, err := c.d.reloadFile(true); err != nil {
		t.Error(err)
	}
	c.is("the file again", "127.0.0.2", generation.Trying)
}

func TestRollbackByHand(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	if _, err := c.d.rollback(""); err == nil || err.Error() != "there is no good generation before generation 1 ("+c.conf+")" {
		t.Error(err)
	}
	c.reload(neighborWith("127.0.0.3", "10.0.0.0/24"))
	if a, err := c.d.rollback(""); err != nil || !strings.HasPrefix(a.Text, "rolled back from generation 2") {
		t.Error(a, err)
	}
	c.is("what was tried is gone", "127.0.0.2", generation.Good)
	c.reload(neighborWith("127.0.0.4", "10.0.0.0/24"))
	c.pass(6)
	if _, err := c.d.rollback(""); err != nil {
		t.Error(err)
	}
	c.is("the one before", "127.0.0.2", generation.Trying)
	c.pass(6)
	c.boot()
	c.is("the next life", "127.0.0.2", generation.Good)
	if err := c.d.Reload(); err == nil || !strings.Contains(err.Error(), "took its place") {
		t.Error(err)
	}
	if _, err := c.d.rollback("3"); err != nil {
		t.Error(err)
	}
	c.is("a number", "127.0.0.4", generation.Trying)
	for arg, want := range map[string]string{"x": `want the number of a generation, got "x"`, "99": "there is no generation 99; holdfast generations lists them"} {
		if _, err := c.d.rollback(arg); err == nil || err.Error() != want {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestDiff(t *testing.T) {
	c := newChange(t, true, "watchdog dns { link eth0; }\n"+strings.Replace(neighborWith("127.0.0.2", "10.0.0.0/24"), "family", "md5-password one; family", 1)+neighborWith("127.0.0.3", "10.0.0.0/24"))
	c.pass(6)
	c.write(c.conf, "watchdog dns { link eth1; }\n"+strings.Replace(strings.Replace(neighborWith("127.0.0.2", "10.1.0.0/24"), "family", "md5-password two; family", 1), "65001", "65002", 1)+neighborWith("127.0.0.4", "10.0.0.0/24"))
	x, err := c.d.diff(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.want(strings.Join(append(x.Meaning, ""), "\n"), `neighbor 127.0.0.2: peer-as 65002, was 65001
neighbor 127.0.0.2: - ipv4 unicast 10.0.0.0/24 next-hop 10.0.0.9
neighbor 127.0.0.2: + ipv4 unicast 10.1.0.0/24 next-hop 10.0.0.9
neighbor 127.0.0.2: another key
- neighbor 127.0.0.3, with 1 routes
+ neighbor 127.0.0.4, with 1 routes
watchdog dns differs
`)
	if !strings.Contains(x.Text, "\n-watchdog dns { link eth0; }\n") || !strings.Contains(x.Text, "\n+watchdog dns { link eth1; }\n") || strings.Contains(x.Text, "one") || strings.Contains(x.Text, "two") || !strings.Contains(x.Text, "md5-password …;") {
		t.Error(x.Text)
	}
	if x, err := c.d.diff([]string{"1"}); err != nil || len(x.Meaning) > 0 || x.Text != "" {
		t.Error(x, err)
	}
	c.write(c.conf, "nonsense;")
	if _, err := c.d.diff([]string{"1", "file"}); err == nil || !strings.Contains(err.Error(), ":1:1: unknown word") {
		t.Error(err)
	}
}

// TestKeysComeBack: a key's file is a part of what is kept.
func TestKeysComeBack(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	key := filepath.Join(filepath.Dir(c.conf), "md5")
	c.write(key, "old")
	conf := strings.Replace(neighborWith("127.0.0.2", "10.0.0.0/24"), "family", "md5-password-file md5; family", 1)
	c.reload(conf)
	c.pass(6)
	c.up(true, "127.0.0.2")
	c.write(key, "new")
	c.reload(conf)
	c.up(false, "127.0.0.2")
	c.is("another key", "127.0.0.2", generation.Trying)
	c.pass(60)
	if got := c.d.loaded.Config.Neighbors[0].MD5Password; got != "old" {
		t.Error(got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	c.boot()
	if got := c.d.loaded.Config.Neighbors[0].MD5Password; got != "old" {
		t.Error(got)
	}
}

// TestOutcomes are known to those who ask later.
func TestOutcomes(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.write(c.conf, neighborWith("127.0.0.3", "10.0.0.0/24"))
	n, err := c.d.reloadFile(false)
	if o, e := c.d.changes.outcome(n); err != nil || e != nil || o != nil {
		t.Error(o, err, e)
	}
	c.pass(6)
	if o, err := c.d.changes.outcome(n); err != nil || o.State != Kept || o.Generation != 2 {
		t.Error(o, err)
	}
	if _, err := c.d.changes.outcome(n + 1); err == nil {
		t.Error("a change of tomorrow")
	}
}
