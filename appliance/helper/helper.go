// Package helper is helper processes: start, feed events, read lines, restart
// with back-off.
package helper

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/appliance/host"
	"holdfast/bgp/api"
)

// Options are the same for all helpers.
type Options struct {
	Log *slog.Logger // nil: quiet
	// Apply takes a batch of commands, and calls done once it has applied it and
	// has set Err of the items that it could not; the batch is then no longer
	// its own. It is called on the helper's goroutine and must not wait for long
	// (Post it); while three batches of a helper are not done, the helper waits.
	Apply func(b *api.Batch, done func())
	// Ended, if it is set, is told that a process of a helper is gone, how, and when
	// it is started again; 0 is never. It must not block.
	Ended   func(name string, err error, again time.Duration)
	Version string        // what the command "version" answers, "exabgp 4.2.22"
	UUID    string        // what "ping" answers: which life of the daemon this is
	API     int           // the version of the API: 4, 6, or 0 for both
	NoAck   bool          // no helper begins with acknowledgements; see Acks
	Start   host.Start    // starts their programs; nil: as our children
	Grace   time.Duration // between SIGTERM and SIGKILL; 0 means 2 s
}

// Helpers is all helper processes of the daemon.
type Helpers struct {
	options Options
	mu      sync.Mutex
	running map[string]*helper
	stopped []*helper // that may not be gone yet
	closed  bool      // none is started any more
}

// parser is a session's own.
func (o *Options) parser() *api.Parser {
	return &api.Parser{Version: o.Version, UUID: o.UUID, API: o.API}
}

// New makes an empty set of helpers.
func New(o Options) *Helpers {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Start == nil {
		o.Start = host.Here
	}
	if o.Grace == 0 {
		o.Grace = 2 * time.Second
	}
	return &Helpers{options: o, running: make(map[string]*helper)}
}

// Reconcile makes the helpers that run those that are wanted: it starts, stops,
// and starts anew only what differs. It does not wait for what it stops; a
// helper that was changed starts when its old life is over.
func (h *Helpers) Reconcile(want []Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.become(want)
	}
}

// become is called with mu held.
func (h *Helpers) become(want []Process) {
	next := make(map[string]*helper, len(want))
	var changed []Process
	for _, p := range want {
		if old := h.running[p.Name]; old != nil && old.process.equal(p) {
			next[p.Name] = old
		} else {
			changed = append(changed, p)
		}
	}
	h.stopOthers(next)
	for _, p := range changed {
		next[p.Name] = h.start(p, h.running[p.Name])
	}
	h.running = next
}

// stopOthers asks all helpers to end that do not stay.
func (h *Helpers) stopOthers(stay map[string]*helper) {
	h.stopped = slices.DeleteFunc(h.stopped, (*helper).isGone)
	for name, old := range h.running {
		if stay[name] != old {
			old.cancel()
			h.stopped = append(h.stopped, old)
		}
	}
}

// start begins a helper's lives, after those of an older one of its name.
func (h *Helpers) start(p Process, after *helper) *helper {
	ctx, cancel := context.WithCancel(context.Background())
	n := &helper{process: p, options: &h.options, log: h.options.Log.With("helper", p.Name), cancel: cancel, gone: make(chan struct{})}
	n.out.Store(newQueue())
	go func() {
		defer close(n.gone)
		if after != nil {
			<-after.gone
		}
		n.lives(ctx, n.live)
	}()
	return n
}

// Hear puts an event into what a helper is to be told, and says whether there was
// room. It never blocks. What happens between two lives of a helper it is not
// told.
func (h *Helpers) Hear(name string, e Event) bool {
	h.mu.Lock()
	n := h.running[name]
	h.mu.Unlock()
	return n == nil || n.hear(e)
}

// Restart ends all helpers, and starts each anew.
func (h *Helpers) Restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for name, old := range h.running {
		old.cancel()
		h.running[name] = h.start(old.process, old)
	}
}

// Close ends all helpers and waits until they are gone or ctx is done. They may
// end by themselves first: those that were told of it have a moment. None is
// started after that.
func (h *Helpers) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	all := slices.Clone(h.stopped)
	for _, n := range h.running {
		n.last.Store(true)
		all = append(all, n)
	}
	h.mu.Unlock()
	moment, cancel := context.WithTimeout(ctx, h.options.Grace/8)
	defer cancel()
	_ = wait(moment, all) // those that are not gone are asked to go
	h.mu.Lock()
	h.become(nil)
	h.mu.Unlock()
	return wait(ctx, all)
}

// wait waits until helpers are gone.
func wait(ctx context.Context, all []*helper) error {
	for _, n := range all {
		select {
		case <-n.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Status is what can be said of a helper.
type Status struct {
	Name     string
	PID      int    // 0: not running
	Unit     string // that it runs in; "": the daemon's own
	Starts   uint64
	Commands uint64 // applied
	Errors   uint64 // of them, answered with "error"
	Lost     uint64 // lines that it did not read in time

	Waiting      uint64 // lines that it is still to read
	WaitingBytes int
}

// Status is what can be said of each helper, in no order.
func (h *Helpers) Status() []Status {
	h.mu.Lock()
	running := maps.Clone(h.running) // the loop may wait for mu
	h.mu.Unlock()
	all := make([]Status, 0, len(running))
	for name, n := range running {
		st := Status{
			Name: name, PID: int(n.pid.Load()), Starts: n.starts.Load(),
			Commands: n.commands.Load(), Errors: n.errors.Load(), Lost: n.lost(),
		}
		if unit := n.unit.Load(); unit != nil && st.PID != 0 {
			st.Unit = *unit
		}
		if q := n.queue(); q != nil {
			st.Waiting, st.WaitingBytes = q.waiting()
		}
		all = append(all, st)
	}
	return all
}

// helper is one configured process and its lives.
type helper struct {
	process Process
	options *Options
	log     *slog.Logger
	cancel  context.CancelFunc
	gone    chan struct{}
	last    atomic.Bool // this life is the last one

	out                      atomic.Pointer[queue] // of the life at hand, or the last one
	pid                      atomic.Int64
	unit                     atomic.Pointer[string]
	starts, commands, errors atomic.Uint64
	before                   atomic.Uint64 // lines that earlier lives lost
}

func (h *helper) isGone() bool {
	select {
	case <-h.gone:
		return true
	default:
		return false
	}
}
