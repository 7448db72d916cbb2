package appliance

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// holder keeps the addresses on the box that the configuration asks for, on a
// goroutine of its own: the kernel may take its time. It does nothing before it
// knows both what is wanted and what is there: a life before may have left
// addresses to it, which packets are taken at.
type holder struct {
	log     *slog.Logger
	list    func() (link.Snapshot, error)
	mu      sync.Mutex
	wanted  []link.Want // nil: nobody has said it yet
	snap    link.Snapshot
	known   bool
	changed chan struct{}
	news    chan struct{} // closed when there is another view
	busy    sync.Mutex    // while changes are being made
	last    string
}

func newHolder(log *slog.Logger) *holder {
	return &holder{log: log, list: link.List, changed: make(chan struct{}, 1), news: make(chan struct{})}
}

func (h *holder) want(as []settings.Address) {
	h.mu.Lock()
	h.wanted = wants(as)
	h.mu.Unlock()
	h.poke()
}

func wants(as []settings.Address) []link.Want {
	all := make([]link.Want, 0, len(as))
	for _, a := range as {
		all = append(all, link.Want{Prefix: a.Prefix, Link: a.Link, Label: a.Label})
	}
	return all
}

// grow has addresses be there beside those that are wanted, and waits for a while
// until the view has what is new: gates may ask for it, and those that look for what
// goes are still open.
func (h *holder) grow(as []settings.Address, within time.Duration) {
	h.mu.Lock()
	var fresh []link.Want
	for _, w := range wants(as) {
		if h.wanted != nil && !slices.Contains(h.wanted, w) {
			fresh = append(fresh, w)
		}
	}
	h.wanted = append(slices.Clip(h.wanted), fresh...)
	h.mu.Unlock()
	h.poke()
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		missing, news := h.lacks(fresh)
		if !missing {
			return
		}
		select {
		case <-news:
		case <-late.C:
			return
		}
	}
}

// lacks says whether the view lacks one of some addresses, and where to wait for
// another view.
func (h *holder) lacks(ws []link.Want) (missing bool, news <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range ws {
		missing = missing || !slices.ContainsFunc(h.snap.Addrs, func(a link.Addr) bool { return a.Prefix == w.Prefix && a.Link == w.Link })
	}
	return missing, h.news
}

func (h *holder) have(s link.Snapshot) {
	h.mu.Lock()
	h.snap, h.known = s, true
	close(h.news)
	h.news = make(chan struct{})
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
	if s, err := h.list(); err == nil {
		h.have(s)
	} else {
		h.log.Error("address: those that were seen last are removed", "error", err)
	}
	h.sync()
}
