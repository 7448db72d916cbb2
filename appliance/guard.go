package appliance

import (
	"log/slog"
	"strings"
	"sync"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/settings"
	"holdfast/watchdog"
	"holdfast/watchdog/sim"
)

// guard is the hardware watchdog while the daemon lives. Once it is open it stays
// the same.
type guard struct {
	mu     sync.Mutex
	device watchdog.Device
	keeper *watchdog.Keeper // of a device
	err    error            // why there is none
}

// held is the device and its keeper, nil if there is none, and why.
func (g *guard) held() (watchdog.Device, *watchdog.Keeper, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.device, g.keeper, g.err
}

func (g *guard) hold(d watchdog.Device, k *watchdog.Keeper, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.device, g.keeper, g.err = d, k, err
}

// simulated is how a configuration names a simulator's socket.
const simulated = "sim:"

func openDevice(h *settings.Hardware) (watchdog.Device, error) {
	path := h.Device
	if path == "" {
		var err error
		if path, err = watchdog.Find(h.Identity); err != nil {
			return nil, err
		}
	}
	if socket, ok := strings.CutPrefix(path, simulated); ok {
		return sim.Dial(socket)
	}
	return watchdog.Open(path)
}

// armed opens the hardware watchdog and starts its keeper, unless that has been
// done. Without one, what is tied to it stays off, and says why. It is called with
// mu held.
func (d *Daemon) armed() {
	h := d.loaded.Settings.Hardware
	if dev, _, _ := d.dog.held(); h == nil || dev != nil {
		return
	}
	dev, err := openDevice(h)
	if err != nil {
		d.dog.hold(nil, nil, err)
		d.log.Error("hardware watchdog", "error", err, "policy", h.Policy)
		d.watchdog(false, err.Error())
		return
	}
	if info := dev.Info(); info.CausedReset {
		d.log.Warn("this boot follows a reset by the watchdog", "device", info.Path)
		d.record(chronicle.Entry{Kind: kindWatchdog, Object: info.Path, Text: "this boot follows a reset by the watchdog"})
	}
	if got, err := dev.SetTimeout(h.Timeout); err != nil {
		d.log.Error("hardware watchdog", "error", err)
	} else if got != h.Timeout {
		d.log.Warn("hardware watchdog: the device took another timeout", "asked", h.Timeout, "got", got)
	}
	if h.Pretimeout > 0 {
		if _, err := dev.SetPretimeout(h.Pretimeout); err != nil {
			d.log.Warn("hardware watchdog", "error", err)
		}
	}
	k := watchdog.NewKeeper(dev, d.log, d.watchdog)
	k.Witness("the event loop", d.loop.Turns, 0)
	k.Witness("the reconciler", d.reconciler.gen.Load, 0)
	k.Witness("the view of links and addresses", d.monitor.Fresh, 0)
	// Who is watched shows itself four times before it would be missed.
	d.monitor.SetIdle(k.Patience() / 4)
	d.loop.Post(func() { d.loop.Heartbeat = min(d.loop.Heartbeat, k.Patience()/4) })
	d.dog.hold(dev, k, nil)
	// The hardware is to bite before the service manager starts us anew, which
	// would feed it.
	d.notifier.Patience(4 * k.Patience())
	d.tasks.run(k.Run)
}

// stays says whether the hardware that is held is not what a section wants: it
// can't be let go without a reset, so it is held until the next start.
func (d *Daemon) stays(h, old *settings.Hardware) bool {
	dev, _, _ := d.dog.held()
	return dev != nil && old != nil && (h == nil || h.Device != old.Device || h.Identity != old.Identity || h.Timeout != old.Timeout)
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

// release stops the hardware, where its driver allows that.
func (g *guard) release(log *slog.Logger) {
	dev, _, _ := g.held()
	if dev == nil {
		return
	}
	if err := dev.Disarm(); err != nil {
		log.Warn("hardware watchdog", "error", err)
	}
}
