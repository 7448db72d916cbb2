package appliance

import (
	"context"
	"log/slog"
	"sync"

	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// holder keeps the addresses on the box that the configuration asks for, on a
// goroutine of its own: the kernel may take its time. It does nothing before it
// knows both what is wanted and what is there: a life before may have left
// addresses to it, which packets are taken at.
type holder struct {
	log     *slog.Logger
	mu      sync.Mutex
	wanted  []link.Want // nil: nobody has said it yet
	snap    link.Snapshot
	known   bool
	changed chan struct{}
	busy    sync.Mutex // while changes are being made
	last    string
}

func newHolder(log *slog.Logger) *holder { return &holder{log: log, changed: make(chan struct{}, 1)} }

func (h *holder) want(as []settings.Address) {
	h.mu.Lock()
	h.wanted = []link.Want{}
	for _, a := range as {
		h.wanted = append(h.wanted, link.Want{Prefix: a.Prefix, Link: a.Link, Label: a.Label})
	}
	h.mu.Unlock()
	h.poke()
}

func (h *holder) have(s link.Snapshot) {
	h.mu.Lock()
	h.snap, h.known = s, true
	h.mu.Unlock()
	h.poke()
}

func (h *holder) poke() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

func (h *holder) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.changed:
			h.sync()
		}
	}
}

// sync makes the addresses those that are wanted. What fails is tried again
// with the next change of the view, which its own changes are.
func (h *holder) sync() {
	h.busy.Lock()
	defer h.busy.Unlock()
	h.mu.Lock()
	snap, want, known := h.snap, h.wanted, h.known
	h.mu.Unlock()
	if !known || want == nil {
		return
	}
	cs := link.Plan(snap, want)
	err := link.Apply(cs)
	for _, c := range cs {
		h.log.Debug("address", "change", c.String())
	}
	if err == nil {
		h.last = ""
	} else if err.Error() != h.last {
		h.last = err.Error()
		h.log.Error("address", "error", err)
	}
}

// release removes what we added: the last thing before the hardware is let go,
// when every neighbor has been told.
func (h *holder) release() {
	h.mu.Lock()
	had := len(h.wanted) > 0
	h.wanted = []link.Want{}
	h.mu.Unlock()
	if !had {
		return
	}
	if s, err := link.List(); err == nil {
		h.have(s)
		h.sync()
	}
}
