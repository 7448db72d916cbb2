package watchdog

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
)

// witness is something that has to go on for the box to be worth keeping.
type witness struct {
	name     string
	progress func() uint64
	within   time.Duration // 0: Patience
	seen     uint64
	at       time.Time // when it last went on
}

// State is how the keeper stands.
type State struct {
	Armed     bool // the device is held and was fed, and every witness goes on
	Why       string
	LastFed   time.Time
	Stalled   []string // witnesses that do not go on
	Witnesses []string
}

// Keeper feeds a device while every witness goes on. When one does not, it
// tells, and stops feeding; if that one goes on again before the hardware has
// acted, it feeds again: the promise was kept meanwhile, since nothing was
// announced.
type Keeper struct {
	device    Device
	log       *slog.Logger
	onChange  func(armed bool, why string)
	witnesses []*witness
	telling   sync.Mutex // held while onChange is told, so that the last word is the true one

	mu      sync.Mutex
	timeout time.Duration
	state   State
	refused string // why it never feeds again
}

// NewKeeper makes a keeper of a device whose timeout has been set. onChange is
// called on the keeper's goroutine whenever Armed or Why changes, and by Tell; one
// call at a time. It must not block.
func NewKeeper(d Device, log *slog.Logger, onChange func(armed bool, why string)) *Keeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{device: d, timeout: cmp.Or(d.Info().Timeout, 10*time.Second), log: log, onChange: onChange,
		state: State{Why: "it has not been fed yet"}}
}

// Witness adds something whose progress is a number that moves, at least once
// within the given time; 0 is half the device's timeout. Before Run only.
func (k *Keeper) Witness(name string, progress func() uint64, within time.Duration) {
	k.witnesses = append(k.witnesses, &witness{name: name, progress: progress, within: within})
	k.state.Witnesses = append(k.state.Witnesses, name)
}

// Patience is how long a witness may stand still: half the device's timeout, so
// that what can still be withdrawn is withdrawn before the reset.
func (k *Keeper) Patience() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.timeout / 2
}

// SetTimeout asks the device for another timeout, and gives the one that it has
// taken. It may be called by any goroutine.
func (k *Keeper) SetTimeout(d time.Duration) (time.Duration, error) {
	got, err := k.device.SetTimeout(d)
	if err == nil {
		k.mu.Lock()
		k.timeout = got
		k.mu.Unlock()
	}
	return got, err
}

// State may be asked by any goroutine.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Refuse has the keeper never feed again, on purpose, whatever its witnesses do:
// the machine is reset within the device's timeout. The first reason counts. It
// may be called by any goroutine.
func (k *Keeper) Refuse(why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = cmp.Or(k.refused, why)
}

// Refused is why it never feeds again; "": it does.
func (k *Keeper) Refused() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refused
}

// Step looks at the witnesses and feeds, or does not. It gives the time of the
// next step.
func (k *Keeper) Step(now time.Time) (next time.Time) {
	next = now.Add(min(k.Patience()/2, time.Second))
	if why := k.Refused(); why != "" {
		k.set(now, false, nil, why)
		return next
	}
	if stalled := k.stalled(now); len(stalled) > 0 {
		k.set(now, false, stalled, strings.Join(stalled, " and ")+" makes no progress")
		return next
	}
	if err := k.device.Feed(); err != nil {
		k.set(now, false, nil, err.Error())
		return next
	}
	k.set(now, true, nil, "")
	return next
}

// stalled is the witnesses that have not gone on in time.
func (k *Keeper) stalled(now time.Time) (names []string) {
	for _, w := range k.witnesses {
		if n := w.progress(); n != w.seen || w.at.IsZero() {
			w.seen, w.at = n, now
		}
		if now.Sub(w.at) > cmp.Or(w.within, k.Patience()) {
			names = append(names, w.name)
		}
	}
	return names
}

// Tell has onChange told how the keeper stands now. It may be called by any
// goroutine but onChange's.
func (k *Keeper) Tell() {
	k.telling.Lock()
	defer k.telling.Unlock()
	s := k.State()
	k.onChange(s.Armed, s.Why)
}

func (k *Keeper) set(now time.Time, armed bool, stalled []string, why string) {
	k.telling.Lock()
	defer k.telling.Unlock()
	k.mu.Lock()
	changed := k.state.Armed != armed || k.state.Why != why
	k.state.Armed, k.state.Why, k.state.Stalled = armed, why, stalled
	if armed {
		k.state.LastFed = now
	}
	k.mu.Unlock()
	if !changed {
		return
	}
	if armed {
		k.log.Info("watchdog armed and fed", "device", k.device.Info().Path, "timeout", k.device.Info().Timeout)
	} else {
		k.log.Error("watchdog is not fed", "device", k.device.Info().Path, "why", why)
	}
	k.onChange(armed, why)
}

// Run steps until the context ends, on a thread of its own, so that nothing but
// the witnesses decides.
func (k *Keeper) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		next := k.Step(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(next)):
		}
	}
}

// Meanwhile feeds a device that somebody else has armed, from a while on, until done
// is called: for what may take longer than the device waits, and has its own end. It
// is let go of armed. What can't be opened is not fed.
func Meanwhile(after time.Duration, open func() (Device, error)) (done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var fed sync.WaitGroup
	fed.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(after):
		}
		if d, err := open(); err == nil {
			_ = NewKeeper(d, nil, func(bool, string) {}).Run(ctx) // it has none but that it ends
			d.Close()
		}
	})
	return func() { cancel(); fed.Wait() }
}

// String is for logs.
func (k *Keeper) String() string { return fmt.Sprintf("watchdog keeper of %s", k.device.Info().Path) }
