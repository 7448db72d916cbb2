package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/chronicle"
	"holdfast/appliance/control"
)

var historyVerb = &verb{word: "history", args: "[--since TIME] [--kind K] [--object O] [-n N] [-f] [--file PATH] [--json] [--socket PATH] [--host USER@BOX]",
	help: "what has happened on this box, over restarts and reboots",
	long: askedHelp + `
  --since TIME     from then on: 90s, 2h, 3d before now, or 2026-11-24, "2026-11-24
                   12:00", 2026-11-24T12:00:00Z
  --kind K         only these, with commas between: start, stop, gate, session,
                   configuration, drain, watchdog, helper, netlink, clock, history
  --object O       only of this gate, neighbor or helper
  -n N             the last N
  -f               go on: print what happens from now on
  --file PATH      read the file of a box that does not run, or of another one

With --json, each thing that happened is a line. The order is that in which things
happened, whatever the clock said. Entries carry the boot that they are from.
Exit code: 0, or 1 if no daemon answers or the file is none.`,
	run: func(c *call) error {
		a := c.asked()
		h := historian{call: c, asked: a}
		since := c.String("since", "", "")
		kinds := c.String("kind", "", "")
		c.StringVar(&h.query.Object, "object", "", "")
		c.IntVar(&h.query.Last, "n", 0, "")
		follow := c.Bool("f", false, "")
		c.StringVar(&h.file, "file", "", "")
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		var err error
		if h.query.Kinds, err = parseKinds(*kinds); err != nil {
			return err
		}
		if h.query.Since, err = parseSince(*since, time.Now()); err != nil {
			return err
		}
		if err := h.show(); err != nil || !*follow {
			return err
		}
		h.follow(time.Tick(time.Second))
		return nil
	}}

// follow shows what happens from now on. A daemon that starts again goes on with
// its history, and that is what one wants to see: it is waited for.
func (h *historian) follow(every <-chan time.Time) {
	told := ""
	for range every {
		err := h.show()
		switch {
		case err == nil:
			told = ""
		case err.Error() != told:
			told = err.Error()
			fmt.Fprintln(h.err, "holdfast:", told)
		}
	}
}

// parseKinds is kinds with commas between; "" is all of them.
func parseKinds(s string) (kinds []string, err error) {
	if s == "" {
		return nil, nil
	}
	kinds = strings.Split(s, ",")
	for _, k := range kinds {
		if !slices.Contains(appliance.Kinds, k) {
			return nil, usagef("--kind: want one of %s, got %q", strings.Join(appliance.Kinds, ", "), k)
		}
	}
	return kinds, nil
}

// historian shows what happened, each entry once.
type historian struct {
	*call
	asked
	file  string
	query chronicle.Query
}

func (h *historian) show() error {
	es, err := h.entries()
	if err != nil {
		return err
	}
	if h.query.Last = 0; len(es) == 0 {
		return nil
	}
	h.query.After = es[len(es)-1].Seq
	if !*h.asked.json {
		printEntries(newPrinter(h.out), es, "")
		return nil
	}
	out := json.NewEncoder(h.out)
	for _, e := range es {
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func (h *historian) entries() (es []chronicle.Entry, err error) {
	if h.file != "" {
		es, err = chronicle.Read(h.file)
		return h.query.Of(es), err
	}
	q, err := json.Marshal(h.query)
	if err == nil {
		err = control.Ask(*h.asked.socket, control.Request{Do: "history", Arg: string(q)}, &es)
	}
	return es, err
}

// parseSince is a time, or how long before now; "" is the zero time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) {
		return now.AddDate(0, 0, -days), nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since: want a time like 2h or 2026-11-24T12:00:00Z, got %q", s)
}
