//go:build images

package vm_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/update"
	"holdfast/image/build"
	"holdfast/lab"
	"holdfast/lab/vm"
)

// number is one that the environment may set.
func number(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: want a number, got %q", name, text)
	}
	return n
}

// chance is random, and says how to have the same once more.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := number(t, "HOLDFAST_SEED", time.Now().UnixNano()%1_000_000)
	t.Logf("HOLDFAST_SEED=%d", seed)
	return rand.New(rand.NewPCG(uint64(seed), 0))
}

// TestPowerCutsOfUpdate cuts the power at random moments of updates to and fro,
// from their beginning until a version is kept. Each time the box comes back by
// itself, announces, and is one whole version; and its updates go on.
func TestPowerCutsOfUpdate(t *testing.T) {
	c := &cuts{versions: map[string]*vm.Image{}, lasted: map[int]time.Duration{}, hit: map[string]int{}, ran: map[string]int{}}
	l := lab.New(t)
	for _, v := range []string{"1.0.0", "2.0.0"} {
		c.versions[v] = vm.Build(l, "amd64", v, "")
	}
	c.imaged = bootWith(t, "amd64", c.versions["1.0.0"], vm.Options{}, strings.Replace(boxConf, "on lo; }", "on lo; drain { wait 2s; } }", 1))
	c.Rand = chance(t)
	c.announced("first boot")
	c.Reachable()
	c.runs("1.0.0")
	c.configured()
	rounds := int(number(t, "HOLDFAST_CUTS", 50))
	var order []int
	for i := range rounds {
		if i%len(moments) == 0 {
			order = c.Perm(len(moments))
		}
		t.Logf("round %d", i+1)
		c.round(order[i%len(order)])
	}
	c.report(rounds)
	c.settled()
	c.update("without a power cut", c.versions[c.other()].Bundle, "--allow-downgrade")
	c.runs(c.target)
}

// cuts is a box whose power goes again and again.
type cuts struct {
	*imaged
	*rand.Rand
	versions map[string]*vm.Image
	target   string // of the update that is under way
	begun    bool   // in this round
	out      string // what its installation has printed: a file

	console, resets int // what there was when the round began
	at              int // the moment that has come last; -1: none
	since           time.Time

	lasted map[int]time.Duration // moments, the last time
	hit    map[string]int        // in which moment the power went
	ran    map[string]int        // which version ran then
	boots  []time.Duration       // from power to the announcement
}

// moments are those of an update, one after the other, by what shows that they
// have begun.
var moments = []struct {
	name string
	seen func(*cuts) bool
}{
	{"verify", printed(": verify\n")},
	{"erase", printed(": erase\n")},
	{"write", printed(": write\n")},
	{"read back", printed(": read back\n")},
	{"kernel", printed(": kernel\n")},
	{"drain", printed(" is installed;")},
	{"reboot", printed("rebooting\n")},
	{"firmware", func(c *cuts) bool { return len(c.Events("RESET")) > c.resets }},
	{"boot loader", said("BdsDxe: starting")},
	{"kernel of the new version", said("early: ")},
	{"trial", func(c *cuts) bool { return said("Holdfast " + c.target + ", ")(c) }},
	{"announced on trial", func(c *cuts) bool { return c.has() }},
	{"mark good", func(c *cuts) bool {
		return strings.Contains(c.mtools("mdir", "-b", "::/EFI/Linux"), "/holdfast_"+c.target+".efi")
	}},
	{"good", func(c *cuts) bool {
		if c.at != marked {
			return false // to ask takes its time
		}
		s := c.status()
		return s.Running == c.target && !s.OnTrial
	}},
}

const (
	installed = 5  // from here on the next boot tries it
	judged    = 10 // from here on it does
	marked    = 12 // the box knows itself that it was
)

// printed is what the installation prints.
func printed(text string) func(*cuts) bool {
	return func(c *cuts) bool {
		out, _ := os.ReadFile(c.out)
		return strings.Contains(string(out), text)
	}
}

// said is what the console says since the round began.
func said(text string) func(*cuts) bool {
	return func(c *cuts) bool { return strings.Contains(c.Console()[c.console:], text) }
}

// mtools runs one of mtools on the ESP.
func (c *cuts) mtools(argv ...string) string {
	p := exec.Command(argv[0], append([]string{"-i", c.Disks[0] + "@@1M"}, argv[1:]...)...)
	p.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	out, _ := p.Output()
	return string(out)
}

// round has the power go some time after a moment of an update has come.
func (c *cuts) round(which int) {
	c.t.Helper()
	s := c.status()
	if s.OnTrial && which < judged {
		s = c.settled()
	}
	c.console, c.resets, c.at, c.begun = len(c.Console()), len(c.Events("RESET")), -1, !s.OnTrial
	var p *exec.Cmd
	if s.OnTrial {
		c.at, c.target = judged, s.Running
	} else {
		c.target = c.other()
		p = c.begin()
	}
	c.since = time.Now()
	c.until(func() bool { return c.at >= which })
	end := time.Now().Add(time.Duration(c.Float64() * float64(max(c.lasted[which], 300*time.Millisecond))))
	c.until(func() bool { return time.Now().After(end) })
	was := moments[c.at].name
	c.Kill()
	if p != nil {
		p.Process.Kill()
		p.Wait()
	}
	c.hit[was]++
	c.t.Logf("the update to %s is cut %s into %q", c.target, time.Since(c.since).Round(time.Millisecond*10), was)
	c.bootable()
	c.comesBack()
}

// settled waits for the verdict on what runs.
func (c *cuts) settled() (s update.Status) {
	c.t.Helper()
	c.Until(10*time.Minute, "no version is on trial", func() bool {
		s = c.status()
		return !s.OnTrial && s.Update == nil
	})
	return s
}

// other is the version that does not run.
func (c *cuts) other() string {
	running := c.status().Running
	for v := range c.versions {
		if v != running {
			c.target = v
		}
	}
	return c.target
}

// begin begins an update: of a file, or of what comes over the network.
func (c *cuts) begin() *exec.Cmd {
	c.t.Helper()
	bundle := c.versions[c.target].Bundle
	from, name := "-", bundle
	if c.IntN(2) == 0 {
		from, name = "/tmp/bundle", os.DevNull
		c.send(bundle, from)
	}
	in, err := os.Open(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer in.Close()
	c.out = c.File("installation", "")
	out, err := os.OpenFile(c.out, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	argv := append([]string{"netns", "exec", c.NS}, c.SSH("holdfast update --allow-downgrade "+from+" 2>&1")...)
	p := exec.Command("ip", argv...)
	p.Stdin, p.Stdout, p.Stderr = in, out, out
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// until looks which moment has come, until a condition holds.
func (c *cuts) until(cond func() bool) {
	c.t.Helper()
	defer func() {
		if c.t.Failed() {
			out, _ := os.ReadFile(c.out)
			c.t.Logf("%s", out)
		}
	}()
	c.Until(6*time.Minute, "the next moment comes", func() bool {
		time.Sleep(80 * time.Millisecond) // others need this host, too
		for i := len(moments) - 1; i > c.at; i-- {
			if (i <= judged || c.at >= judged) && moments[i].seen(c) { // it was announced, and good, before
				c.passed(i)
			}
		}
		return cond()
	})
}

// passed is that a moment has come.
func (c *cuts) passed(i int) {
	now := time.Now()
	if c.at >= 0 && i == c.at+1 {
		c.lasted[c.at] = now.Sub(c.since)
	}
	c.at, c.since = i, now
}

// comesBack turns the power on, and looks at what has come of it.
func (c *cuts) comesBack() {
	c.t.Helper()
	c.Start()
	begin := time.Now()
	c.gone("the power")
	c.Until(6*time.Minute, "it is announced by itself", c.has)
	c.boots = append(c.boots, time.Since(begin))
	c.Reachable()
	var s update.Status
	c.Until(6*time.Minute, "what became of the update is known", func() bool {
		s = c.status()
		return s.Running != "" && (s.OnTrial || s.Update == nil)
	})
	c.ran[s.Running]++
	c.t.Logf("%s runs after %s, on trial: %t, history: %v", s.Running, c.boots[len(c.boots)-1].Round(time.Second/10), s.OnTrial, s.History[:min(1, len(s.History))])
	c.whole(s.Running)
	primaries := 0
	for _, e := range s.Slots {
		if e.Primary {
			primaries++
		}
	}
	if primaries != 1 {
		c.t.Errorf("slots: %v", s.Slots)
	}
	c.tells(s)
}

// whole proves that all of a version runs: the kernel checks each block.
func (c *cuts) whole(version string) {
	c.t.Helper()
	i := c.versions[version]
	if i == nil {
		c.t.Fatalf("version %q runs", version)
	}
	if out := c.Run("cat /proc/cmdline; cat /dev/mapper/holdfast-root >/dev/null && echo whole"); !strings.Contains(out, root(c.t, i).String()) || !strings.HasSuffix(out, "whole") {
		c.t.Errorf("not the whole of %s: %s", version, out)
	}
}

// tells has the box say what became of an update that was cut off.
func (c *cuts) tells(s update.Status) {
	c.t.Helper()
	var last update.Outcome
	if len(s.History) > 0 {
		last = s.History[0]
	}
	running := s.Running == c.target
	switch {
	case !c.begun:
	case c.at < installed-1 && (running || last.State != update.Interrupted || last.Cause != update.Power):
		c.t.Errorf("it was cut off while it was installed: %+v", s)
	case c.at == installed-1 && !running && last.Cause != update.Power:
		c.t.Errorf("it was cut off while the loader was told: %+v", s)
	case (c.at == installed || c.at == installed+1) && !running:
		c.t.Errorf("it was installed, and is not tried: %+v", s)
	case c.at == len(moments)-1 && (!running || s.OnTrial || last.State != update.Good):
		c.t.Errorf("it was good: %+v", s)
	}
	if !running && !s.OnTrial && (last.To != c.target || last.State == update.Good) {
		c.t.Errorf("nobody says what became of %s: %+v", c.target, s)
	}
}

// status is what the box says of its versions; nothing, if it does not.
func (c *cuts) status() (s update.Status) {
	_ = json.Unmarshal([]byte(c.Ask("holdfast update status --json")), &s)
	return s
}

// report prints what was seen.
func (c *cuts) report(rounds int) {
	slices.Sort(c.boots)
	n := len(c.boots)
	c.t.Logf("%d power cuts; from power to the announcement %s at least, %s (median), %s at most; then ran %v", rounds,
		c.boots[0].Round(time.Second/10), c.boots[n/2].Round(time.Second/10), c.boots[n-1].Round(time.Second/10), c.ran)
	for i, m := range moments {
		c.t.Logf("%s: %d cuts, lasts %s", m.name, c.hit[m.name], c.lasted[i].Round(time.Second/100))
	}
	c.t.Log(c.Run("holdfast update status; ls -l /efi /efi/EFI/Linux"))
}

// configured waits until a configuration is good: before that a box takes no update.
func (m *imaged) configured() {
	m.t.Helper()
	m.Until(6*time.Minute, "the configuration is good", func() bool {
		out := m.Ask("holdfast status")
		return out != "" && !strings.Contains(out, "being tried")
	})
}

// TestPowerCutsOfFirstBoot cuts the power at random moments of the first boot of a
// disk as it was flashed, which is larger than the image: its partition grows. The
// next boot announces.
func TestPowerCutsOfFirstBoot(t *testing.T) {
	l := lab.New(t)
	i := *vm.Build(l, "amd64", "1.0.0", "")
	i.Disk = copied(l, i.Disk)
	if err := os.Truncate(i.Disk, build.DiskSize+128<<20); err != nil {
		t.Fatal(err)
	}
	r, rounds := chance(t), int(number(t, "HOLDFAST_CUTS", 8))
	var first time.Duration // the cuts are spread over it, and what follows it at once
	if !t.Run("not cut", func(t *testing.T) {
		m := bootImage(t, "amd64", &i, vm.Options{})
		m.announced("first boot")
		first = time.Since(m.on) * 5 / 4
	}) {
		return
	}
	for n := range rounds {
		after := time.Duration((float64(n) + r.Float64()) / float64(rounds) * float64(first))
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			m := bootImage(t, "amd64", &i, vm.Options{})
			time.Sleep(after)
			m.Kill()
			said := strings.Split(strings.TrimSpace(m.Console()), "\n")
			t.Logf("cut after %s, announced: %t; the console's last line: %q", after.Round(time.Second/10), m.has(), said[len(said)-1])
			m.Start()
			m.gone("the power")
			m.announced("by itself")
			m.Reachable()
			m.runs("1.0.0")
			if n, err := strconv.Atoi(m.Run("cat /sys/class/block/vda4/size")); err != nil || n < (64+100)<<11 {
				t.Errorf("its partition has not grown: %d sectors, %v", n, err)
			}
			if out := m.Run("systemctl --failed --no-pager --no-legend"); out != "" {
				t.Errorf("failed: %s", out)
			}
		})
	}
}
