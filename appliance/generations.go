package appliance

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"holdfast/appliance/control"
	"holdfast/appliance/generation"
)

// Applied is the answer to who has asked for a change.
type Applied struct {
	Change uint64 `json:"change"` // its number: "outcome" tells what became of it
	Text   string `json:"text"`
}

// Generations is the answer to "holdfast generations".
type Generations struct {
	Current *ChangeStatus       `json:"current"`
	Kept    []generation.Record `json:"kept"` // the newest first
}

// changeHandlers are what the control socket answers about changes.
func (d *Daemon) changeHandlers() map[string]control.Handler {
	return map[string]control.Handler{
		"reload": func(_ context.Context, arg string) (any, error) {
			change, err := d.reloadFile(arg == "again")
			if err != nil {
				return nil, err
			}
			return d.applied(change, "reloaded "+d.options.Path), nil
		},
		"outcome": func(_ context.Context, arg string) (any, error) {
			n, err := strconv.ParseUint(arg, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("want the number of a change, got %q", arg)
			}
			return d.changes.outcome(n)
		},
		"generations": func(context.Context, string) (any, error) {
			g := Generations{Current: d.changes.view.Load(), Kept: []generation.Record{}}
			if d.changes.store != nil {
				g.Kept = d.changes.store.All()
			}
			return g, nil
		},
		"rollback": func(_ context.Context, arg string) (any, error) { return d.rollback(arg) },
		"diff": func(_ context.Context, arg string) (any, error) {
			return d.diff(strings.Fields(arg))
		},
	}
}

// applied says what a change is that has come to work.
func (d *Daemon) applied(change uint64, what string) Applied {
	if s := d.changes.view.Load(); s.State == generation.Trying {
		what += fmt.Sprintf(": it has until %s to prove itself; holdfast generations tells", s.Until.Format("15:04:05"))
	}
	return Applied{Change: change, Text: what}
}

// rollback goes back by hand: from what is being tried to the last good one, or
// from that to the one before it, or to the one that is said.
func (d *Daemon) rollback(arg string) (Applied, error) {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if arg == "" && c.trial != nil {
		bad := c.work
		d.rollBack([]string{"it was rolled back by hand"})
		return Applied{Text: fmt.Sprintf("rolled back from %s to %s", &bad, &c.good)}, nil
	}
	r, err := c.earlier(arg)
	if err != nil {
		return Applied{}, err
	}
	k, err := generationCandidate(c.store, r)
	if err != nil {
		return Applied{}, err
	}
	k.Source = fmt.Sprintf("rollback to generation %d", r.Number)
	change, err := d.change(&k, nil, func(*Candidate, string) error { return nil })
	return d.applied(change, fmt.Sprintf("rolled back to generation %d, %s", r.Number, r.Source)), err
}

// earlier is the generation that a rollback is to.
func (c *changes) earlier(arg string) (r generation.Record, err error) {
	if c.store == nil {
		return r, errNoStore
	}
	if arg != "" {
		return c.numbered(arg)
	}
	r, ok := c.store.Find(func(r generation.Record) bool {
		return r.State == generation.Good && r.Number < c.work.Number && r.Digest != c.work.Digest
	})
	if !ok {
		return r, fmt.Errorf("there is no good generation before %s", &c.work)
	}
	return r, nil
}

// numbered is the generation with a number.
func (c *changes) numbered(arg string) (r generation.Record, err error) {
	if c.store == nil {
		return r, errNoStore
	}
	n, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return r, fmt.Errorf("want the number of a generation, got %q", arg)
	}
	for _, r := range c.store.All() {
		switch {
		case r.Number == n && r.Damage != "":
			return r, fmt.Errorf("generation %d is damaged: %s", n, r.Damage)
		case r.Number == n:
			return r, nil
		}
	}
	return r, fmt.Errorf("there is no generation %d; holdfast generations lists them", n)
}
