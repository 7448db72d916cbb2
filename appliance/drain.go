package appliance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/desired"
	"holdfast/appliance/drain"
)

// drains are what is taken out of service. Whoever changes them has that decided
// first, writes it down, and then tells: a withdraw does not wait for a disk.
type drains struct {
	folder string     // of the file; "": there is none
	disk   sync.Mutex // while the file is written, which may take for ever
	mu     sync.Mutex // of what follows, never held while a disk is waited for
	book   *drain.Book
	saved  time.Time // when the file was written
}

// keepEvery is how often it is written down how much of a drain is left: after a
// power cut it takes at most so much longer.
const keepEvery = time.Minute

// reasonMax bounds what stands in every status for as long as a drain goes on.
const reasonMax = 200

// DrainOrder is what "holdfast drain" asks for.
type DrainOrder struct {
	Gates   []string `json:"gates,omitempty"`   // none: everything
	Seconds float64  `json:"seconds,omitempty"` // 0: until somebody ends it
	Reason  string   `json:"reason,omitempty"`
	Passing bool     `json:"passing,omitempty"` // it ends with this life of the daemon
}

// Drained is its answer, and that of "holdfast undrain".
type Drained struct {
	Drains  []desired.Drain `json:"drains"`            // all that there are now
	Wait    float64         `json:"wait"`              // seconds of GRACEFUL_SHUTDOWN before all that is withdrawn
	Warning string          `json:"warning,omitempty"` // what is not as one would think
}

// Leaving is how far drains have come.
type Leaving struct {
	Announced []string `json:"announced"` // gates whose routes are told; "" stands for routes without one
	Neighbors []string `json:"neighbors"` // those that have not acknowledged all that they were told
}

// openDrains knows what was drained before: before anything is announced.
func (d *Daemon) openDrains() {
	d.drains.folder = d.options.stateDirectory(d.loaded.Settings)
	now := d.options.clock()
	book, err := drain.Load(d.drains.folder, now)
	if err != nil {
		d.log.Error("what was drained is not known any more", "error", err)
	}
	d.drains.book, d.drains.saved = book, now.Time
	for _, x := range book.Drains() {
		d.tellDrain("goes on", x)
	}
	d.reconciler.in.Drains = book.Drains()
}

// changeDrains changes the book, has it decided anew, and writes it down. What
// could not be written down is done all the same.
func (d *Daemon) changeDrains(change func(*drain.Book, time.Time) error) (Drained, error) {
	a, err := d.decideDrains(change)
	if err != nil {
		return a, err
	}
	if d.drains.folder == "" {
		if len(a.Drains) == 0 {
			return a, nil
		}
		a.Warning = "it does not survive a restart: there is no state directory"
		return a, nil
	}
	d.drains.disk.Lock()
	defer d.drains.disk.Unlock()
	if err := d.keepDrains(); err != nil {
		a.Warning = "it does not survive a restart: " + err.Error()
	}
	return a, nil
}

// decideDrains is changeDrains but for the disk, which it does not wait for: so for
// what is over with this life of the daemon.
func (d *Daemon) decideDrains(change func(*drain.Book, time.Time) error) (a Drained, err error) {
	d.drains.mu.Lock()
	defer d.drains.mu.Unlock()
	now := d.options.clock()
	if err := change(d.drains.book, now.Time); err != nil {
		return a, err
	}
	a.Drains = d.drains.book.Drains()
	d.reconciler.update(func(in *desired.Inputs) {
		in.Drains = a.Drains
		for _, x := range a.Drains {
			left := x.Since.Add(in.Settings.Drain.Wait).Sub(now.Time)
			a.Wait = max(a.Wait, math.Ceil(left.Seconds()))
		}
	})
	return a, nil
}

// keepDrains writes the book down as it is now; the disk's lock is held.
func (d *Daemon) keepDrains() error {
	d.drains.mu.Lock()
	now := d.options.clock()
	book := d.drains.book.Clone()
	d.drains.saved = now.Time
	d.drains.mu.Unlock()
	err := book.Save(d.drains.folder, now)
	if err != nil {
		d.log.Error("drain", "error", err)
	}
	return err
}

// leaveDrains writes down at a stop how much of drains is left: after a reboot
// they go on from there. It does not wait for a disk that is slow.
func (d *Daemon) leaveDrains() {
	if d.drains.folder == "" || !d.drains.disk.TryLock() {
		return
	}
	defer d.drains.disk.Unlock()
	d.drains.mu.Lock()
	timed := d.drains.book.Timed()
	d.drains.mu.Unlock()
	if timed {
		_ = d.keepDrains() // that it could not write, it has said
	}
}

// beginDrain answers at once; what it begins takes its time.
func (d *Daemon) beginDrain(_ context.Context, arg string) (any, error) {
	var o DrainOrder
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return nil, fmt.Errorf("drain: %w", err)
	}
	if o.Seconds < 0 || o.Seconds > (366*24*time.Hour).Seconds() {
		return nil, fmt.Errorf("drain: want a time of at most a year, got %g seconds", o.Seconds)
	}
	if len(o.Reason) > reasonMax || strings.ContainsFunc(o.Reason, unicode.IsControl) {
		return nil, fmt.Errorf("drain: want a reason of one line and at most %d octets", reasonMax)
	}
	if err := d.knowsGates(o.Gates); err != nil {
		return nil, err
	}
	begin := d.changeDrains
	if o.Passing {
		begin = d.decideDrains
	}
	a, err := begin(func(b *drain.Book, now time.Time) error {
		b.Begin(now, drain.Order{Gates: o.Gates, For: time.Duration(o.Seconds * float64(time.Second)), Reason: o.Reason, Passing: o.Passing})
		return nil
	})
	for _, x := range a.Drains {
		if len(o.Gates) == 0 && x.Gate == "" || slices.Contains(o.Gates, x.Gate) {
			d.tellDrain("begins", x)
		}
	}
	return a, err
}

// endDrain ends the drains of gates, or all of them.
func (d *Daemon) endDrain(_ context.Context, arg string) (any, error) {
	var o DrainOrder
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return nil, fmt.Errorf("undrain: %w", err)
	}
	return d.changeDrains(func(b *drain.Book, _ time.Time) error {
		ended, err := b.End(o.Gates)
		for _, x := range ended {
			d.tellDrain("is ended", x)
		}
		return err
	})
}

// tellDrain is for whoever wants to know later.
func (d *Daemon) tellDrain(what string, x desired.Drain) {
	d.log.Info("drain "+what, "what", drain.Text(x))
	d.record(chronicle.Entry{Kind: kindDrain, Object: x.Gate, Text: what + ": " + drain.Text(x)})
}

// knowsGates refuses names that nothing carries.
func (d *Daemon) knowsGates(names []string) error {
	_, plan, _ := d.reconciler.decided()
	for _, name := range names {
		if _, ok := plan.Groups[name]; !ok || name == "" {
			known := slices.DeleteFunc(slices.Sorted(maps.Keys(plan.Groups)), func(s string) bool { return s == "" })
			if len(known) == 0 {
				return fmt.Errorf("there is no gate %q: there are none", name)
			}
			return fmt.Errorf("there is no gate %q: want one of %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// remaining says what is still announced of gates, or of everything, and who has
// not acknowledged yet what he was told.
func (d *Daemon) remaining(ctx context.Context, arg string) (any, error) {
	var o DrainOrder
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return nil, fmt.Errorf("leaving: %w", err)
	}
	_, plan, _ := d.reconciler.decided()
	l := Leaving{Announced: []string{}, Neighbors: []string{}}
	for _, name := range slices.Sorted(maps.Keys(plan.Groups)) {
		if plan.Groups[name].On && (len(o.Gates) == 0 || slices.Contains(o.Gates, name)) {
			l.Announced = append(l.Announced, name)
		}
	}
	// The loop has been given this plan before, and does one thing after another.
	err := d.onLoop(ctx, func() { l.Neighbors = append(l.Neighbors, d.speaker.Waiting()...) })
	return l, err
}

// sweep drops drains that are over, and writes down from time to time how much is
// left of the others. It has a goroutine of its own: a disk may take its time.
func (d *Daemon) sweep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-time.After(time.Second):
			d.sweepAt(now)
		}
	}
}

func (d *Daemon) sweepAt(now time.Time) {
	d.drains.mu.Lock()
	over := d.drains.book.Over(now)
	late := d.drains.book.Timed() && d.drains.folder != "" && now.Sub(d.drains.saved) >= keepEvery
	d.drains.mu.Unlock()
	for _, x := range over {
		d.tellDrain("is over by itself", x)
	}
	if len(over) > 0 || late {
		_, _ = d.changeDrains(func(*drain.Book, time.Time) error { return nil }) // that it could not write, it has said
	}
}

// drainFirst takes everything out of service before a stop, if the configuration
// wants that. Whoever asks for the stop again does not want to wait for it.
func (d *Daemon) drainFirst(signals <-chan os.Signal) {
	in, _, _ := d.reconciler.decided()
	wait := in.Settings.Drain.Wait
	for _, x := range in.Drains {
		if x.Gate == "" {
			wait -= time.Since(x.Since)
		}
	}
	if !in.Settings.Drain.OnStop || wait <= 0 || len(in.Up) == 0 {
		return
	}
	d.log.Info("drain: before the stop", "wait", wait)
	d.notifier.Stopping()
	d.notifier.Extend(wait + in.Settings.StopTimeout + 10*time.Second)
	_, _ = d.decideDrains(func(b *drain.Book, now time.Time) error {
		b.Begin(now, drain.Order{Reason: "the service is stopping", Passing: true})
		return nil
	})
	for over := time.After(wait); ; {
		select {
		case <-over:
			return
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGINT {
				return
			}
		}
	}
}
