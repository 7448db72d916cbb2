package appliance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/appliance/chronicle"
	"holdfast/appliance/drain"
	"holdfast/appliance/settings"
	"holdfast/appliance/update"
	"holdfast/appliance/verdict"
	"holdfast/bgp/rib"
	"holdfast/bgp/speaker"
)

// late is why this boot of an image that is tried has had its time; "": it has
// not, or nothing is tried. It is asked before the hardware watchdog is opened:
// who was started again past the deadline must not feed it. A file that can't be
// read has no deadline.
func (d *Daemon) late() string {
	if d.options.Image == "" {
		return ""
	}
	t, _ := update.Load(d.options.Updates)
	return update.Late(t, d.options.Image, d.options.clock())
}

// onTrial says whether this image is tried, as far as was read.
func (d *Daemon) onTrial() bool { return update.OnTrial(d.tried.Load(), d.options.Image) }

// abandon takes everything out of service at once: a drain whose time before the
// withdraw is over. It ends with the reset that follows.
func (d *Daemon) abandon(why string) {
	d.log.Error("update: everything is withdrawn, and the hardware watchdog is not fed any more", "why", why)
	d.record(chronicle.Entry{Kind: kindUpdate, Object: d.options.Image, Text: "withdrawn, for the hardware to reset the box: " + why})
	_, _ = d.decideDrains(func(b *drain.Book, now time.Time) error {
		b.Begin(now.Add(-settings.LongestDrainWait), drain.Order{Reason: why, Passing: true})
		return nil
	})
}

// followUpdate looks at what package update has written down. When a version that
// is tried has had its time, it withdraws, waits for the acknowledgements, and has
// the hardware reset the box. It does not wait for disks: they may be what is wrong.
func (d *Daemon) followUpdate(ctx context.Context) error {
	if d.options.Image == "" {
		return nil
	}
	go func() {
		for was := ""; ctx.Err() == nil; time.Sleep(lookIdle) {
			was = d.recordUpdate(was)
		}
	}()
	for {
		if why := update.Late(d.tried.Load(), d.options.Image, d.options.clock()); why != "" {
			d.giveUp(ctx, why)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookIdle):
		}
	}
}

// giveUp withdraws first, and then stops feeding.
func (d *Daemon) giveUp(ctx context.Context, why string) {
	d.abandon(why)
	in, _, _ := d.reconciler.look()
	ctx, cancel := context.WithTimeout(ctx, in.Settings.StopTimeout)
	defer cancel()
	for waits := true; waits; {
		if d.onLoop(ctx, func() { waits = len(d.speaker.Waiting()) > 0 }) != nil {
			break // they have had their time
		}
		time.Sleep(10 * time.Millisecond)
	}
	if k := d.dog.get().keeper; k != nil {
		k.Refuse(why)
	}
}

// recordUpdate reads where an update stands, and records it if that is new. What
// could not be read is what it was.
func (d *Daemon) recordUpdate(was string) string {
	t, err := update.Load(d.options.Updates)
	if err != nil {
		return was
	}
	d.tried.Store(t)
	switch {
	case t == nil && was == "":
		return ""
	case t == nil:
		if h := update.History(d.options.Updates); len(h) > 0 {
			d.record(chronicle.Entry{Kind: kindUpdate, Object: h[0].To, Text: h[0].String()})
		}
		return ""
	}
	text := fmt.Sprintf("from %s to %s: %s", t.From, t.To, t.Stage)
	if t.To == d.options.Image {
		text = fmt.Sprintf("from %s to %s: it is judged, in boot %d of it", t.From, t.To, max(len(t.Attempts), 1))
	}
	if text != was {
		d.record(chronicle.Entry{Kind: kindUpdate, Object: t.To, Text: text})
	}
	return text
}

// updateStatus answers "update". The boot loader is root's to read, and so are the
// slots.
func (d *Daemon) updateStatus(ctx context.Context, _ string) (any, error) {
	if d.options.Image == "" {
		return nil, errors.New("this box runs no image of Holdfast: there is no update of one")
	}
	u := update.Updater{Folder: d.options.Updates, Broken: d.options.Broken, Facts: d.boxFacts, Clock: func() drain.Now { return drain.Clock(d.options.Getenv("HOLDFAST_BOOT_ID")) }}
	return u.Written(ctx, d.options.Image)
}

// boxFacts is how the box stands, for an image's verdict.
func (d *Daemon) boxFacts(ctx context.Context) (verdict.Box, error) {
	c := d.changes
	c.mu.Lock()
	b := verdict.Box{Facts: d.facts(c.work.loaded, nil), Generation: c.good.Number} // what is tried may go again
	if c.trial != nil {
		b.Trying = c.work.String()
	}
	c.mu.Unlock()
	d.sessionErrors(b.Facts)
	got := d.dog.get()
	switch {
	case got.keeper != nil && got.err == nil:
		s := got.keeper.State()
		b.Fed, b.WhyUnfed = s.Armed, s.Why
	case got.err != nil:
		b.WhyUnfed = got.err.Error()
	}
	var err error
	b.Told, err = d.told(ctx)
	return b, err
}

// countTold adds a route of a neighbor, which sessions are known by without a zone.
func countTold(all map[string]map[string]int, neighbor, gate string) {
	name, _, _ := strings.Cut(neighbor, "%")
	if all[name] == nil {
		all[name] = map[string]int{}
	}
	all[name][gate]++
}

// told is how many routes each neighbor has been told, by gate: a slice of the
// table in each turn of the loop.
func (d *Daemon) told(ctx context.Context) (map[string]map[string]int, error) {
	all := map[string]map[string]int{}
	for next, first := uint32(0), true; next != 0 || first; first = false {
		if err := d.onLoop(ctx, func() {
			next = d.speaker.Walk(next, slicePlaces, func(v speaker.RouteView) {
				for _, t := range v.Told {
					if t.State == rib.Announced {
						countTold(all, t.Neighbor, v.Route.Group)
					}
				}
			})
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}
