package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/systemd"
	"holdfast/watchdog"
	"holdfast/watchdog/sim"
)

// guard is the hardware watchdog while the daemon lives.
type guard struct {
	now   atomic.Pointer[held]
	tasks *tasks
}

// held is a device and who feeds it.
type held struct {
	device watchdog.Device
	keeper *watchdog.Keeper
	err    error // why it is not the one that the configuration means, or there is none
}

// get is what is held now.
func (g *guard) get() held {
	if h := g.now.Load(); h != nil {
		return *h
	}
	return held{}
}

// is says whether a section means the device that is held.
func (h held) is(s *settings.Hardware) bool {
	if h.device == nil {
		return false
	}
	i := h.device.Info()
	return (s.Device == "" || s.Device == i.Path) && (s.Identity == "" || s.Identity == i.Identity)
}

// simulated is how a configuration names a simulator's socket.
const simulated = "sim:"

// openDevice takes the device that a section means. The kernel's own watchdog is
// taken only by that name: it proves nothing of the hardware, and which number it
// has depends on what was found first.
func openDevice(h *settings.Hardware) (watchdog.Device, error) {
	path := h.Device
	if path == "" {
		var err error
		if path, err = watchdog.Find(h.Identity); err != nil {
			return nil, err
		}
	}
	dev, err := dial(path)
	if err != nil || dev.Info().Simulated {
		return dev, err
	}
	if err := suits(h, dev.Info()); err != nil {
		return nil, errors.Join(err, dev.Disarm())
	}
	return dev, nil
}

// dial opens a device by its path, whatever it is.
func dial(path string) (watchdog.Device, error) {
	if socket, ok := strings.CutPrefix(path, simulated); ok {
		return sim.Dial(socket)
	}
	return watchdog.Open(path)
}

// suits says why a device is not the one that a section means.
func suits(h *settings.Hardware, i watchdog.Info) error {
	switch {
	case h.Identity != "" && i.Identity != h.Identity:
		return fmt.Errorf("%s is %q, and not %q", i.Path, i.Identity, h.Identity)
	case i.Identity == watchdog.Software && h.Identity != watchdog.Software:
		return fmt.Errorf("%s is the kernel's own watchdog, which hangs with the kernel: if that will do, say identity %q", i.Path, watchdog.Software)
	}
	return nil
}

// armed opens the hardware watchdog and starts its keeper. Without one, what is
// tied to it stays off, and says why.
func (d *Daemon) armed(t *tasks) {
	d.dog.tasks = t
	if why := d.late(); why != "" {
		d.dog.now.Store(&held{err: errors.New(why)})
		d.watchdog(false, why)
		return
	}
	h, early := d.loaded.Settings.Hardware, d.early()
	if h != nil {
		d.arm(h, nil)
	}
	if early == "" {
		return
	}
	switch got := d.dog.get(); {
	case h == nil:
		d.arm(&settings.Hardware{Device: early, Policy: settings.Prefer}, nil)
	case got.device == nil: // it is fed, and proves nothing: the section means another one
		d.arm(&settings.Hardware{Device: early, Policy: h.Policy}, got.err)
	case got.device.Info().Path != early:
		d.disarm(early)
	}
}

// early is the device that the first program of an image has armed, before there
// was a configuration; "": none. Whatever that says, somebody has to feed it.
func (d *Daemon) early() string {
	text, err := os.ReadFile(d.options.Armed)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// disarm stops a device that was armed before another one is held. One that can't
// be stopped is fed beside that, and proves nothing.
func (d *Daemon) disarm(path string) {
	dev, err := dial(path)
	if err == nil {
		if i := dev.Info(); i.NoWayOut || !i.MagicClose {
			d.log.Warn("hardware watchdog: it was armed before there was a configuration, and can't be stopped: it is fed, too", "device", path)
			k := watchdog.NewKeeper(dev, d.log, func(bool, string) {})
			d.witnesses(k, besideFor)
			k.Witness("the keeper of the other device", d.unrefused(), besideFor)
			d.dog.tasks.run(k.Run)
			return
		}
		err = dev.Disarm()
	}
	if err != nil {
		d.log.Error("hardware watchdog: it was armed before there was a configuration, and nobody feeds it", "device", path, "error", err)
	}
}

// arm opens the device of a section; instead says why it is there in place of
// another one.
func (d *Daemon) arm(h *settings.Hardware, instead error) {
	dev, err := openDevice(h)
	if err != nil {
		err = cmp.Or(instead, err)
		d.dog.now.Store(&held{err: err})
		d.log.Error("hardware watchdog", "error", err, "policy", h.Policy)
		d.watchdog(false, err.Error())
		return
	}
	if info := dev.Info(); info.CausedReset {
		d.log.Warn("this boot follows a reset by the watchdog", "device", info.Path)
		d.record(chronicle.Entry{Kind: kindWatchdog, Object: info.Path, Text: "this boot follows a reset by the watchdog"})
	}
	k := watchdog.NewKeeper(dev, d.log, func(armed bool, why string) {
		if d.dog.get().err == nil {
			d.watchdog(armed, why)
		}
	})
	d.retime(h, dev, k)
	d.witnesses(k, 0)
	d.dog.now.Store(&held{dev, k, instead})
	first := make(chan struct{})
	d.dog.tasks.run(func(ctx context.Context) error { k.Step(time.Now()); close(first); return k.Run(ctx) })
	select { // its word comes before what is decided next, if it comes
	case <-first:
	case <-time.After(firstLook):
	}
}

// besideFor is how long a witness may stand still for a device that is fed beside the
// one that counts: longer than it is told to show itself for any of those.
const besideFor = 5 * time.Minute

// witnesses are what a box is worth keeping for.
func (d *Daemon) witnesses(k *watchdog.Keeper, within time.Duration) {
	k.Witness("the event loop", d.loop.Turns, within)
	k.Witness("the reconciler", d.reconciler.gen.Load, within)
	k.Witness("the view of links and addresses", d.monitor.Fresh, within)
}

// unrefused goes on while the keeper that counts has not been told to stop.
func (d *Daemon) unrefused() func() uint64 {
	n := uint64(0)
	return func() uint64 {
		if d.dog.get().keeper.Refused() == "" {
			n++
		}
		return n
	}
}

// retime has a device have the timeouts of a section, and what it watches show
// itself often enough.
func (d *Daemon) retime(h *settings.Hardware, dev watchdog.Device, k *watchdog.Keeper) {
	if h.Timeout > 0 {
		if got, err := k.SetTimeout(h.Timeout); err != nil {
			d.log.Error("hardware watchdog", "error", err)
		} else if got != h.Timeout {
			d.log.Warn("hardware watchdog: the device took another timeout", "asked", h.Timeout, "got", got)
		}
	}
	if h.Pretimeout > 0 {
		if _, err := dev.SetPretimeout(h.Pretimeout); err != nil {
			d.log.Warn("hardware watchdog", "error", err)
		}
	}
	// Who is watched shows itself four times before it would be missed.
	d.monitor.SetIdle(k.Patience() / 4)
	d.loop.Post(func() { d.loop.Heartbeat = min(d.loop.Heartbeat, k.Patience()/4) })
	// The hardware is to bite before the service manager starts us anew, which
	// would feed it.
	d.notifier.Patience(4 * k.Patience())
}

// rearm has a section that differs from the one before be at work. A device that
// is held is held for this life: the error says so.
func (d *Daemon) rearm(h *settings.Hardware) error {
	got := d.dog.get()
	switch {
	case h == nil && d.early() == "", h != nil && got.device != nil && !got.is(h):
		return errors.New("the hardware watchdog is opened once; its section takes effect with the next start")
	case h == nil || d.late() != "":
	case got.device == nil:
		d.arm(h, nil)
	default:
		d.dog.now.Store(&held{device: got.device, keeper: got.keeper})
		d.retime(h, got.device, got.keeper)
		got.keeper.Tell() // what it said before was of another section
	}
	return nil
}

// watchdog is called by the keeper. When it is about to stop feeding, this is
// the withdraw, if that is still possible.
func (d *Daemon) watchdog(armed bool, why string) {
	d.reconciler.update(func(in *desired.Inputs) { in.Watchdog = desired.Watchdog{Armed: armed, Why: why} })
	text := "armed, and fed while every witness goes on"
	if !armed {
		text = "not fed: " + why
	}
	d.record(chronicle.Entry{Kind: kindWatchdog, Text: text})
}

// lastTimeout is how long a machine that goes down may take for that, before the
// hardware resets it.
const lastTimeout = 60 * time.Second

// letGo lets go of the hardware. While the machine goes down, it stays armed:
// what hangs then is reset, too. So it does while an image is tried, which may be
// what keeps this from being known, and whoever refuses to feed it does not stop it.
func (d *Daemon) letGo() {
	got := d.dog.get()
	if got.device == nil {
		return
	}
	var err error
	switch why := got.keeper.Refused(); {
	case why == "" && d.onTrial(), d.ending():
		d.log.Info("hardware watchdog: it stays armed while the machine goes down, or this version is tried", "timeout", lastTimeout)
		_, err = got.device.SetTimeout(lastTimeout)
		err = errors.Join(err, got.device.Close())
	case why != "":
		d.log.Warn("hardware watchdog: it stays armed", "why", why)
		err = got.device.Close()
	default:
		err = got.device.Disarm()
	}
	if err != nil {
		d.log.Warn("hardware watchdog", "error", err)
	}
}

// ending says whether the machine goes down. Without a systemd to ask, it does
// not.
func (d *Daemon) ending() bool {
	if !d.notifier.Enabled() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	ends, err := systemd.Ending(ctx)
	if err != nil {
		d.log.Warn("hardware watchdog: whether the machine goes down is not known", "error", err)
	}
	return ends
}
