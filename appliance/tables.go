package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/nlri"
	"holdfast/bgp/speaker"
)

// How much of the table is looked at in a turn of the loop, and how many routes
// are told at once: a million routes are asked for page by page, and nothing
// waits for them.
const (
	slicePlaces = 250
	pageRoutes  = 1000
	pageSlices  = 400
)

// RouteQuery is what "routes" is asked: which wanted routes, and from where on.
type RouteQuery struct {
	Prefix   string `json:"prefix,omitempty"`   // this one and those in it
	Neighbor string `json:"neighbor,omitempty"` // those that are for it
	From     uint32 `json:"from,omitempty"`     // Page.Next
}

// Page is some of the wanted routes.
type Page struct {
	Routes []RouteStatus `json:"routes"`
	Next   uint32        `json:"next"` // 0: that was all
}

// filter is a RouteQuery that has been read.
type filter struct {
	prefix   netip.Prefix
	neighbor string
}

func (d *Daemon) routes(ctx context.Context, arg string) (any, error) {
	var q RouteQuery
	if err := json.Unmarshal([]byte(arg), &q); err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	f := filter{neighbor: q.Neighbor}
	var err error
	if q.Prefix != "" {
		if f.prefix, err = parsePrefix(q.Prefix); err != nil {
			return nil, err
		}
	}
	return d.page(ctx, f, q.From)
}

// page walks the table, a slice in each turn of the loop, and writes the text
// of what was found off the loop.
func (d *Daemon) page(ctx context.Context, f filter, from uint32) (*Page, error) {
	p := &Page{Routes: []RouteStatus{}, Next: from}
	_, plan, _ := d.reconciler.decided()
	for range pageSlices {
		var found []speaker.RouteView
		known := true
		if err := d.onLoop(ctx, func() {
			known = f.neighbor == "" || d.speaker.Knows(f.neighbor)
			p.Next = d.speaker.Walk(p.Next, slicePlaces, func(v speaker.RouteView) {
				if v, ok := f.take(v); ok {
					found = append(found, v)
				}
			})
		}); err != nil {
			return nil, err
		}
		if !known {
			return nil, fmt.Errorf("there is no neighbor %s", f.neighbor)
		}
		for _, v := range found {
			p.Routes = append(p.Routes, routeStatus(v, plan))
		}
		if p.Next == 0 || len(p.Routes) >= pageRoutes {
			break
		}
	}
	return p, nil
}

// take gives a copy of a route that is wanted here, with the neighbors that
// are.
func (f *filter) take(v speaker.RouteView) (speaker.RouteView, bool) {
	if f.prefix.IsValid() && !within(v.Route.NLRI, f.prefix) {
		return v, false
	}
	if f.neighbor != "" {
		i := slices.IndexFunc(v.Told, func(t speaker.ToldView) bool { return t.Neighbor == f.neighbor })
		if i < 0 {
			return v, false
		}
		v.Told = v.Told[i : i+1]
	}
	v.Told = slices.Clone(v.Told)
	v.Route.NLRI.Body = bytes.Clone(v.Route.NLRI.Body)
	return v, true
}

// within says whether a route's prefix is p, or lies in it.
func within(r nlri.Raw, p netip.Prefix) bool {
	if safi := r.Family.SAFI(); safi != bgp.SAFIUnicast && safi != bgp.SAFIMulticast || r.Family.AFI() != inet.AFI(p) {
		return false
	}
	n := inet.Of(r).Net
	return n.Bits() >= p.Bits() && p.Contains(n.Addr())
}
