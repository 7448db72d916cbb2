package appliance

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"holdfast/appliance/settings"
	"holdfast/netio/link"
)

// holder keeps the addresses on the box that the configuration asks for, on a
// goroutine of its own: the kernel may take its time. It does nothing before it
// knows what is wanted: a life before may have left addresses to it, which packets
// are taken at.
type holder struct {
	log     *slog.Logger
	list    func() (link.Snapshot, error)
	changed chan struct{}
	busy    sync.Mutex // while changes are being made
	last    string

	mu     sync.Mutex
	wanted []link.Want // nil: nobody has said it yet
	asked  uint64      // how often it was said
	made   uint64      // asked, when the last changes began that have been made
	view   *link.Snapshot
	news   chan struct{} // closed when there is another view, or changes have been made
}

func newHolder(log *slog.Logger) *holder {
	return &holder{log: log, list: link.List, changed: make(chan struct{}, 1), news: make(chan struct{})}
}

func (h *holder) want(as []settings.Address) {
	h.mu.Lock()
	h.ask(wants(as))
	h.mu.Unlock()
	h.poke()
}

// ask is called with mu held.
func (h *holder) ask(ws []link.Want) {
	h.wanted = ws
	h.asked++
}

func wants(as []settings.Address) []link.Want {
	all := make([]link.Want, 0, len(as))
	for _, a := range as {
		all = append(all, link.Want{Prefix: a.Prefix, Link: a.Link, Label: a.Label})
	}
	return all
}

// growWithin is how long a change waits for its addresses: the kernel may be busy, and
// a link that is not there is not waited for longer.
const growWithin = 5 * time.Second

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
	if len(fresh) > 0 {
		h.ask(append(slices.Clip(h.wanted), fresh...))
	}
	asked := h.asked
	h.mu.Unlock()
	if len(fresh) == 0 {
		return
	}
	h.poke()
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		there, news := h.has(fresh, asked)
		if there {
			return
		}
		select {
		case <-news:
		case <-late.C:
			return
		}
	}
}

// has says whether the view has all of some addresses, now that they have been made,
// and where to wait for that.
func (h *holder) has(ws []link.Want, asked uint64) (all bool, news <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all = h.made >= asked && h.view != nil
	for _, w := range ws {
		all = all && slices.ContainsFunc(h.view.Addrs, func(a link.Addr) bool { return a.Prefix == w.Prefix && a.Link == w.Link })
	}
	return all, h.news
}

func (h *holder) have(s link.Snapshot) {
	h.mu.Lock()
	h.view = &s
	h.tell()
	h.mu.Unlock()
	h.poke()
}

// tell is called with mu held.
func (h *holder) tell() {
	close(h.news)
	h.news = make(chan struct{})
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

// sync makes the addresses those that are wanted. The view may be older than what was
// done last: it is listed again. What fails is tried again with the next change of
// the view, which its own changes are.
func (h *holder) sync() {
	h.busy.Lock()
	defer h.busy.Unlock()
	h.mu.Lock()
	view, want, asked := h.view, h.wanted, h.asked
	h.mu.Unlock()
	if want == nil {
		return
	}
	now, err := h.list()
	if err != nil && view != nil {
		now = *view
	}
	if err == nil || view != nil {
		err = errors.Join(err, h.apply(link.Plan(now, want)))
	}
	h.complain(err)
	h.mu.Lock()
	h.made = asked
	h.tell()
	h.mu.Unlock()
}

func (h *holder) apply(cs []link.Change) error {
	for _, c := range cs {
		h.log.Debug("address", "change", c.String())
	}
	return link.Apply(cs)
}

// complain logs what is wrong, once.
func (h *holder) complain(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != h.last {
		h.log.Error("address", "error", err)
	}
	h.last = text
}

// release removes what we added: the last thing before the hardware is let go,
// when every neighbor has been told.
func (h *holder) release() {
	h.mu.Lock()
	had := len(h.wanted) > 0
	h.ask([]link.Want{})
	h.mu.Unlock()
	if had {
		h.sync()
	}
}
