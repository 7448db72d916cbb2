package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/settings"
	"holdfast/appliance/update"
	"holdfast/appliance/verdict"
	"holdfast/systemd"
	"holdfast/systemd/systemdtest"
	"holdfast/watchdog"
	"holdfast/watchdog/sim"
	"holdfast/watchdog/watchdogtest"
)

// tried is a daemon of an image, which has not begun, and what is written down
// about an update.
func tried(t *testing.T, conf string, trial *update.Trial) *asked {
	t.Helper()
	a := prepared(t, conf, somePort(t))
	a.d.options.Image, a.d.options.Updates = "2.0", t.TempDir()
	a.writeTrial(trial)
	return a
}

func (a *asked) writeTrial(trial *update.Trial) {
	a.Helper()
	path := filepath.Join(a.d.options.Updates, "trial.json")
	if trial == nil {
		_ = os.Remove(path)
		return
	}
	text, err := json.Marshal(trial)
	if err != nil {
		a.Fatal(err)
	}
	a.write(path, string(text))
}

// somePort is one that nobody listens on: this machine may have a router.
func somePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// dog gives the daemon a device that somebody else feeds.
func (a *asked) dog() *watchdogtest.Device {
	dev := &watchdogtest.Device{I: watchdog.Info{Path: "/dev/watchdog0", Identity: "i6300ESB timer", Timeout: 10 * time.Second, MagicClose: true}}
	a.d.dog.now.Store(&held{device: dev, keeper: watchdog.NewKeeper(dev, nil, a.d.watchdog)})
	return dev
}

// TestStartedPastTheDeadline: a daemon that is started again does not open the
// hardware, and announces nothing.
func TestStartedPastTheDeadline(t *testing.T) {
	a := tried(t, "watchdog { device /nowhere; }\n"+drainConf, &update.Trial{From: "1.0", To: "2.0", Stage: update.Installed, Boot: "x",
		Attempts: []update.Attempt{{Boot: "b", Missing: []string{"the session with 10.0.0.2 is down"}}}})
	a.d.options.Getenv = func(name string) string { return map[string]string{"HOLDFAST_BOOT_ID": "b"}[name] }
	why := "version 2.0 has failed: the session with 10.0.0.2 is down"
	a.begin()
	a.d.abandon(a.d.late())
	a.isDrained(`"" ` + why)
	a.d.armed(&tasks{})
	if got := a.d.dog.get(); got.device != nil || got.err == nil || got.err.Error() != why {
		t.Errorf("%+v", got)
	}
	in, plan, _ := a.d.reconciler.look()
	if in.Watchdog.Why != why || plan.Groups["dns"].On || plan.Rest.On || plan.Rest.Degrade.Graceful {
		t.Errorf("%+v, dns %+v", in.Watchdog, plan.Groups["dns"])
	}
}

// TestGiveUp: it is withdrawn, and then nothing is fed; a stop leaves the
// hardware armed.
func TestGiveUp(t *testing.T) {
	a := tried(t, drainConf, nil)
	a.begin()
	dev := a.dog()
	k := a.d.dog.get().keeper
	k.Step(time.Now())
	a.d.giveUp(t.Context(), "version 2.0 was not proven")
	k.Step(time.Now())
	a.isDrained(`"" version 2.0 was not proven`)
	if dev.Fed != 1 || k.Refused() != "version 2.0 was not proven" {
		t.Errorf("fed %d times, refused %q", dev.Fed, k.Refused())
	}
	a.d.yield()
	if a.d.letGo(); dev.Fed != 1 || !dev.Closed || dev.Disarmed {
		t.Errorf("%+v", dev)
	}
}

// TestTheDeadlinePasses: whoever follows an update gives up by itself.
func TestTheDeadlinePasses(t *testing.T) {
	a := tried(t, drainConf, nil)
	a.begin()
	a.dog()
	ended := make(chan error)
	go func() { ended <- a.d.followUpdate(t.Context()) }()
	// Since this machine was started, more has passed than that and the grace.
	a.writeTrial(&update.Trial{From: "1.0", To: "2.0", Stage: update.Installed, Seconds: 1})
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if why := a.d.dog.get().keeper.Refused(); why != "version 2.0 was not proven within 1m1s of the boot" {
		t.Error(why)
	}
}

// TestTheDiskHangs: the deadline passes all the same.
func TestTheDiskHangs(t *testing.T) {
	a := tried(t, drainConf, &update.Trial{From: "1.0", To: "2.0", Stage: update.Installed, Attempts: []update.Attempt{{Boot: "b", Missing: []string{"a session is down"}}}})
	var boot atomic.Value
	boot.Store("a")
	a.d.options.Getenv = func(name string) string {
		if name == "HOLDFAST_BOOT_ID" {
			return boot.Load().(string)
		}
		return ""
	}
	a.begin()
	a.dog()
	ended := make(chan error)
	go func() { ended <- a.d.followUpdate(t.Context()) }()
	for a.d.tried.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	// Whoever opens this waits, and so does who wants to write drains down.
	path := filepath.Join(a.d.options.Updates, "trial.json")
	if err := errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	a.d.drains.disk.Lock()
	defer a.d.drains.disk.Unlock()
	boot.Store("b")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if why := a.d.dog.get().keeper.Refused(); why != "version 2.0 has failed: a session is down" {
		t.Error(why)
	}
	w, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0) // let it go
	if err == nil {
		w.Close()
	}
}

// TestLettingGo: an ordinary stop disarms; what goes down with the machine stays
// armed, and has longer.
func TestLettingGo(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	m := systemdtest.NewManager(b, nil)
	a := prepared(t, drainConf, somePort(t))
	if dev := a.dog(); true {
		if a.d.letGo(); !dev.Disarmed {
			t.Error("armed after a stop, without a systemd")
		}
	}
	a.d.notifier = systemd.New(func(name string) string { return map[string]string{"NOTIFY_SOCKET": "/nowhere"}[name] })
	if dev := a.dog(); true {
		if a.d.letGo(); !dev.Disarmed {
			t.Error("armed after an ordinary stop")
		}
	}
	a.d.tried.Store(&update.Trial{From: "1.0", To: "2.0"})
	a.d.options.Image = "2.0"
	if dev := a.dog(); true {
		if a.d.letGo(); dev.Disarmed || !dev.Closed || dev.I.Timeout != lastTimeout {
			t.Errorf("while an image is tried: %+v", dev)
		}
	}
	a.d.tried.Store(nil)
	m.End()
	dev := a.dog()
	if a.d.letGo(); dev.Disarmed || !dev.Closed || dev.I.Timeout != lastTimeout {
		t.Errorf("while the machine goes down: %+v", dev)
	}
}

// TestFollowUpdate records the steps of an update.
func TestFollowUpdate(t *testing.T) {
	a := tried(t, drainConf, nil)
	was := a.d.recordUpdate("")
	for _, trial := range []*update.Trial{
		{From: "2.0", To: "3.0", Stage: update.Installing}, {From: "2.0", To: "3.0", Stage: update.Installed}, {From: "2.0", To: "3.0", Stage: update.Installed}, nil, nil,
		{From: "1.0", To: "2.0", Stage: update.Installed, Attempts: []update.Attempt{{Boot: "a"}, {Boot: "b"}}}} {
		a.writeTrial(trial)
		if trial == nil {
			a.write(filepath.Join(a.d.options.Updates, "history.json"), `[{"from":"2.0","to":"3.0","state":"aborted","cause":"by hand"}]`)
		}
		was = a.d.recordUpdate(was)
	}
	var got []string
	for _, e := range a.d.chronicle.Entries(chronicle.Query{Kinds: []string{kindUpdate}}) {
		got = append(got, e.Object+" "+e.Text)
	}
	want := []string{"3.0 from 2.0 to 3.0: installing", "3.0 from 2.0 to 3.0: installed", "3.0 2.0 to 3.0 aborted (by hand)", "2.0 from 1.0 to 2.0: it is judged, in boot 2 of it"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestUpdateStatus is what the daemon may say of an update: not the slots.
func TestUpdateStatus(t *testing.T) {
	a := tried(t, drainConf, nil)
	a.begin()
	a.write(filepath.Join(a.d.options.Updates, "history.json"), `[{"to":"1.0","state":"good"}]`)
	for _, c := range []struct {
		trial *update.Trial
		want  string
	}{
		{nil, `{"running":"2.0","trial":false,"history":[]}`},
		{&update.Trial{From: "2.0", To: "3.0", Stage: update.Installed}, `{"running":"2.0","trial":false,"update":{"from":"2.0","to":"3.0","stage":"installed","boots":0},"history":[]}`},
		{&update.Trial{From: "1.0", To: "2.0", Stage: update.Installed, Before: verdict.Box{Fed: true}},
			`{"running":"2.0","trial":true,"update":{"from":"1.0","to":"2.0","stage":"judged","missing":["the hardware watchdog is not fed"],"boots":0},"history":[]}`},
	} {
		a.writeTrial(c.trial)
		v, err := a.d.handlers()["update"](t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		s := v.(update.Status)
		if len(s.History) != 1 || s.History[0].To != "1.0" {
			t.Errorf("history: %+v", s.History)
		}
		s.History = s.History[:0]
		if s.Update != nil {
			s.Update.Left = 0 // it depends on when this machine was booted
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, string(text)); d != "" {
			t.Error(d)
		}
	}
	a.d.options.Image = ""
	if _, err := a.d.handlers()["update"](t.Context(), ""); err == nil || !strings.Contains(err.Error(), "runs no image") {
		t.Error(err)
	}
}

// TestFacts is how a box stands, over the control socket.
func TestFacts(t *testing.T) {
	a := prepared(t, drainConf, somePort(t))
	a.begin()
	a.dog()
	a.d.dog.get().keeper.Step(time.Now())
	v, err := a.d.handlers()["facts"](t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var b verdict.Box
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	if b.Generation != a.d.changes.good.Number {
		t.Error(b.Generation)
	}
	if s, ok := b.Sessions["127.0.0.2"]; !ok || s.Up || !b.Fed || b.Trying != "" || !b.Gates["dns"].On || len(b.Told) != 0 {
		t.Errorf("%s", text)
	}
	all := map[string]map[string]int{}
	countTold(all, "fe80::1%eth0", "")
	countTold(all, "fe80::1", "")
	if all["fe80::1"][""] != 2 {
		t.Error(all)
	}
}

// TestSuits: the kernel's own watchdog is taken only by its name.
func TestSuits(t *testing.T) {
	soft, real := watchdog.Info{Path: "/dev/watchdog0", Identity: watchdog.Software}, watchdog.Info{Path: "/dev/watchdog0", Identity: "iTCO_wdt"}
	for _, c := range []struct {
		h    settings.Hardware
		i    watchdog.Info
		want string
	}{
		{settings.Hardware{Device: "/dev/watchdog0"}, real, ""},
		{settings.Hardware{Identity: "iTCO_wdt"}, real, ""},
		{settings.Hardware{Device: "/dev/watchdog0", Identity: "i6300ESB timer"}, real, `/dev/watchdog0 is "iTCO_wdt", and not "i6300ESB timer"`},
		{settings.Hardware{Identity: watchdog.Software}, soft, ""},
		{settings.Hardware{Device: "/dev/watchdog0"}, soft, `/dev/watchdog0 is the kernel's own watchdog, which hangs with the kernel: if that will do, say identity "Software Watchdog"`},
	} {
		got := ""
		if err := suits(&c.h, c.i); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %s", c.h, got)
		}
	}
}

// TestRearm: a configuration that comes later has its hardware at once, where
// none is held; one that means the device that is held sets its timeout.
func TestRearm(t *testing.T) {
	a := prepared(t, drainConf, somePort(t))
	a.begin()
	var running tasks
	a.d.armed(&running)
	dog := simulator(t)
	if err := a.d.rearm(&settings.Hardware{Device: "sim:" + dog, Timeout: 20 * time.Second}); err != nil {
		t.Error(err)
	}
	defer a.d.letGo()
	defer running.end()
	got := a.d.dog.get()
	if got.device == nil || got.device.Info().Timeout != 20*time.Second {
		t.Fatalf("%+v", got)
	}
	if err := a.d.rearm(&settings.Hardware{Device: "sim:" + dog, Timeout: 30 * time.Second}); err != nil || a.d.dog.get().keeper.Patience() != 15*time.Second {
		t.Error(err, a.d.dog.get().keeper.Patience())
	}
	for _, h := range []*settings.Hardware{nil, {Device: "/dev/watchdog7"}} {
		if err := a.d.rearm(h); err == nil || !strings.HasPrefix(err.Error(), "the hardware watchdog is opened once") {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// TestEarly: what was armed before there was a configuration is fed, whatever
// that says.
func TestEarly(t *testing.T) {
	for name, c := range map[string]struct {
		conf string
		fed  bool // as the configuration wants
		why  string
	}{
		"no section":     {"", true, ""},
		"another device": {"watchdog { device /dev/watchdog-none; }\n", false, "open /dev/watchdog-none: no such file or directory"},
		"the same":       {"watchdog { device SIM; }\n", true, ""},
	} {
		t.Run(name, func(t *testing.T) { early(t, c.conf, c.fed, c.why) })
	}
}

func early(t *testing.T, conf string, fed bool, why string) {
	dog := simulator(t)
	a := prepared(t, strings.ReplaceAll(conf, "SIM", "sim:"+dog)+drainConf, somePort(t))
	a.d.options.Armed = filepath.Join(t.TempDir(), "armed")
	a.write(a.d.options.Armed, "sim:"+dog+"\n")
	a.begin()
	var running tasks
	a.d.armed(&running)
	got := a.d.dog.get()
	if got.device == nil {
		t.Fatalf("nobody feeds it: %v", got.err)
	}
	for !got.keeper.State().Armed { // it has a goroutine of its own
		time.Sleep(time.Millisecond)
	}
	if fed {
		got.keeper.Tell() // or it may still be about to
	}
	if in, _, _ := a.d.reconciler.look(); in.Watchdog.Armed != fed || in.Watchdog.Why != why {
		t.Errorf("%+v", in.Watchdog)
	}
	if s := a.d.watchdogStatus(a.d.loaded.Settings.Hardware); s.Armed != fed || s.Why != why {
		t.Errorf("%+v", s)
	}
	if err := a.d.rearm(&settings.Hardware{Device: "sim:" + dog, Timeout: 20 * time.Second}); err != nil || !a.d.watchdogStatus(&settings.Hardware{}).Armed {
		t.Error("a section that means it", err)
	}
	running.end()
	a.d.letGo()
}

// TestEarlyStays: what was armed early and can't be stopped is fed beside the
// device of the configuration.
func TestEarlyStays(t *testing.T) {
	dog, other := simulator(t), simulatorOf(t, sim.Options{NoWayOut: true, Timeout: time.Second})
	a := prepared(t, "watchdog { device sim:"+dog+"; }\n"+drainConf, somePort(t))
	a.d.options.Armed = filepath.Join(t.TempDir(), "armed")
	a.write(a.d.options.Armed, "sim:"+other+"\n")
	a.begin()
	var running tasks
	a.d.armed(&running)
	defer a.d.letGo()
	defer running.end()
	if got := a.d.dog.get(); got.device == nil || got.device.Info().Path != "sim:"+dog {
		t.Errorf("%+v", got)
	}
	if d, err := sim.Dial(other); err == nil {
		d.Close()
		t.Error("nobody feeds what can't be stopped")
	}
}

// simulator is a watchdog that would end a program which does nothing.
func simulator(t *testing.T) string { return simulatorOf(t, sim.Options{Timeout: time.Minute}) }

func simulatorOf(t *testing.T, o sim.Options) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	o.Socket, o.Log, o.Command = filepath.Join(t.TempDir(), "dog"), slog.New(slog.DiscardHandler), []string{"sleep", "1000"}
	go func() {
		_, err := sim.Supervise(ctx, o)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for {
		if c, err := net.Dial("unix", o.Socket); err == nil {
			c.Close()
			return o.Socket
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
}
