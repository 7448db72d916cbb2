package appliance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
)

const drainConf = `
neighbor 127.0.0.2 { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001; passive true; family { ipv4 unicast; }
	static { route 10.1.0.0/24 next-hop self watchdog dns; route 10.2.0.0/24 next-hop self watchdog web; } }
`

// later is a daemon, which has not begun, with a state directory that others have
// had before.
func later(t *testing.T, folder string) *asked {
	t.Helper()
	a := prepared(t, drainConf, somePort(t))
	a.d.options.Getenv = func(name string) string { return map[string]string{"STATE_DIRECTORY": folder + ":/elsewhere"}[name] }
	a.d.openDrains()
	return a
}

// order is a request over the control socket, its answer's text or its error.
func (a *asked) order(do string, o DrainOrder) string {
	a.Helper()
	arg, err := json.Marshal(o)
	if err != nil {
		a.Fatal(err)
	}
	v, err := a.d.handlers()[do](a.Context(), string(arg))
	if err != nil {
		return err.Error()
	}
	out, err := json.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	return string(out)
}

// drained is what decisions are made of: gates and reasons.
func (a *asked) drained() string {
	in, _, _ := a.d.reconciler.look()
	var all []string
	for _, d := range in.Drains {
		all = append(all, fmt.Sprintf("%q %s", d.Gate, d.Reason))
	}
	return strings.Join(all, "; ")
}

func (a *asked) isDrained(want string) {
	a.Helper()
	if got := a.drained(); got != want {
		a.Errorf("drained %s, want %s", got, want)
	}
}

func TestDrainSurvivesARestart(t *testing.T) {
	folder := t.TempDir()
	a := later(t, folder)
	a.begin()
	for want, o := range map[string]DrainOrder{
		`there is no gate "mail": want one of dns, web`:           {Gates: []string{"dns", "mail"}},
		`there is no gate "": want one of dns, web`:               {Gates: []string{""}},
		`drain: want a reason of one line and at most 200 octets`: {Reason: "a\x1b[2J"},
		`drain: want a time of at most a year, got -1 seconds`:    {Seconds: -1},
	} {
		if got := a.order("drain", o); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := a.order("drain", DrainOrder{Gates: []string{"dns"}, Seconds: 1800, Reason: "disks"}); !strings.Contains(got, `"gate":"dns"`) || !strings.HasSuffix(got, `"wait":30}`) {
		t.Error(got)
	}
	if got := a.order("drain", DrainOrder{Reason: "reboot", Passing: true}); strings.Contains(got, "warning") {
		t.Error(got)
	}
	a.isDrained(`"dns" disks; "" reboot`)

	if err := a.d.Reload(); err != nil {
		t.Error(err)
	}
	a.isDrained(`"dns" disks; "" reboot`)

	// Before anything can be announced, the next life knows of it.
	b := later(t, folder)
	b.isDrained(`"dns" disks`)
	if got := b.order("undrain", DrainOrder{Gates: []string{"web"}}); got != "gate web is not drained" {
		t.Error(got)
	}
	if got := b.order("undrain", DrainOrder{}); got != `{"drains":[],"wait":0}` {
		t.Error(got)
	}
	b.isDrained("")
	later(t, folder).isDrained("")
}

func TestDrainEndsByItself(t *testing.T) {
	folder := t.TempDir()
	a := later(t, folder)
	a.begin()
	a.order("drain", DrainOrder{Seconds: 60, Reason: "a"})
	now := time.Now()
	a.d.sweepAt(now)
	a.isDrained(`"" a`)
	a.d.sweepAt(now.Add(61 * time.Second))
	a.isDrained("")
	later(t, folder).isDrained("")
}

// TestDrainWithoutADisk: it is done, and said that it is not kept.
func TestDrainWithoutADisk(t *testing.T) {
	a := newAsked(t, drainConf)
	if got := a.order("drain", DrainOrder{}); !strings.Contains(got, "there is no state directory") {
		t.Error(got)
	}
	a.isDrained(`"" `)
	b := later(t, filepath.Join(t.TempDir(), "absent"))
	if got := b.order("drain", DrainOrder{}); !strings.Contains(got, `"warning":"it does not survive a restart: drains: `) {
		t.Error(got)
	}
	b.isDrained(`"" `)
}

// TestDrainBesideASlowDisk: what is drained is drained at once, a stop waits for
// no disk, and at a stop it is written down how much is left.
func TestDrainBesideASlowDisk(t *testing.T) {
	folder := t.TempDir()
	a := later(t, folder)
	a.begin()
	a.d.drains.disk.Lock()
	answer := make(chan string)
	go func() { answer <- a.order("drain", DrainOrder{Gates: []string{"dns"}, Seconds: 3600}) }()
	for a.drained() == "" {
		runtime.Gosched()
	}
	a.order("drain", DrainOrder{Reason: "reboot", Passing: true})
	a.d.leaveDrains()
	a.isDrained(`"dns" ; "" reboot`)
	if _, err := os.Stat(filepath.Join(folder, "drain.json")); err == nil {
		t.Error("somebody has not waited for the disk")
	}
	a.d.drains.disk.Unlock()
	<-answer
	before, err := os.ReadFile(filepath.Join(folder, "drain.json"))
	if err != nil {
		t.Fatal(err)
	}
	a.d.leaveDrains()
	if after, err := os.ReadFile(filepath.Join(folder, "drain.json")); err != nil || string(after) == string(before) {
		t.Errorf("%s, %v", after, err)
	}
}

// TestOneBoot: whatever keeps the name of a boot has that of the unit, behind
// walls that hide the kernel's.
func TestOneBoot(t *testing.T) {
	a := prepared(t, drainConf, somePort(t))
	a.d.options.Getenv = func(name string) string {
		return map[string]string{"STATE_DIRECTORY": t.TempDir(), "HOLDFAST_BOOT_ID": "aa-bb"}[name]
	}
	c, err := a.d.options.start()
	if err != nil || c.boot != "aabb" {
		t.Errorf("%+v, %v", c, err)
	}
	a.d.openChronicle()
	a.d.recordStart()
	var tasks tasks
	tasks.run(a.d.chronicle.Run)
	tasks.end()
	if all := a.d.chronicle.Entries(chronicle.Query{}); len(all) != 1 || all[0].Boot != "aabb" {
		t.Errorf("%+v", all)
	}
}

// TestLeaving: what is off is not announced, whoever has it off.
func TestLeaving(t *testing.T) {
	a := newAsked(t, drainConf)
	a.d.reconciler.update(func(in *desired.Inputs) { in.Manual = map[string]desired.Manual{"dns": desired.Withdrawn} })
	for gate, want := range map[string]string{"dns": `{"announced":[],"neighbors":[]}`, "web": `{"announced":["web"],"neighbors":[]}`} {
		if got := a.order("leaving", DrainOrder{Gates: []string{gate}}); got != want {
			t.Errorf("%s: %s, want %s", gate, got, want)
		}
	}
}

// TestLeaveBeforeAStop waits for its time, which a second signal ends; a box
// that nobody hears does not wait.
func TestLeaveBeforeAStop(t *testing.T) {
	c := newChain(t, chainWords)
	signals := make(chan os.Signal, 2)
	c.d.drainFirst(signals) // nobody wants it
	c.isDrained("")
	c.d.reconciler.update(func(in *desired.Inputs) { in.Settings.Drain.OnStop, in.Settings.Drain.Wait = true, time.Hour })
	signals <- syscall.SIGHUP
	signals <- syscall.SIGTERM
	c.d.drainFirst(signals)
	c.isDrained(`"" the service is stopping`)
	c.d.reconciler.update(func(in *desired.Inputs) { in.Up = nil })
	c.d.drainFirst(signals)
}
