package route

import (
	"errors"
	"fmt"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/bgp/nlri"
)

// Draft is a route statement while it is being said: what is announced, and all
// that the routes have in common.
type Draft struct {
	attr.Draft
	codec *nlri.Codec // of the family that the statement named; nil: its words tell
	other nlri.Draft  // of a family whose NLRI are no prefixes

	prefixes []netip.Prefix
	rd       nlri.RD
	hasRD    bool
	labels   nlri.Labels
	split    int  // the length to de-aggregate to
	hasSplit bool // "split" was said

	group   string
	off     bool
	hasPath bool
	pathID  uint32
}

// Reset makes the draft empty.
func (d *Draft) Reset() {
	d.Draft.Reset()
	d.codec, d.other = nil, nil
	d.prefixes, d.labels = d.prefixes[:0], nil
	d.rd, d.hasRD, d.split, d.hasSplit = nlri.RD{}, false, 0, false
	d.group, d.off, d.hasPath, d.pathID = "", false, false, 0
}

// Begin makes the draft empty, for a statement that names its family; one with
// AFI 0 tells its address family by what it says.
func (d *Draft) Begin(f bgp.Family) error {
	d.Reset()
	if d.codec = family.Any(f); d.codec == nil {
		return fmt.Errorf("family %s is not supported", f)
	}
	if d.codec.Form != nil {
		d.other = d.codec.Form.Begin(f)
	}
	return nil
}

// ByPrefix says whether statements of the family begin with a prefix.
func ByPrefix(f bgp.Family) bool {
	c := family.Any(f)
	return c != nil && c.Form == nil
}

// Withdrawn appends the routes of a statement that takes routes back: nothing
// but what is announced and path identifiers matters, and a next hop may be
// left out.
func (d *Draft) Withdrawn(out []Route) ([]Route, error) {
	return d.routes(out, Route{Attrs: d.Handle()}, true)
}

// Routes appends the routes of the statement.
func (d *Draft) Routes(out []Route) ([]Route, error) {
	if !d.Has(attr.NextHop) && !(d.other != nil && d.codec.Form.NoHop) {
		return out, errors.New("want next-hop")
	}
	return d.routes(out, Route{Attrs: d.Handle(), Group: d.group, Withdraw: d.off}, false)
}

func (d *Draft) routes(out []Route, r Route, withdraw bool) ([]Route, error) {
	if d.other == nil {
		return d.prefixRoutes(out, r, withdraw)
	}
	if w, ok := d.other.(nlri.Withdrawer); ok && withdraw {
		w.Withdrawn()
	}
	body, err := d.other.AppendBody(nil)
	if err != nil {
		return out, err
	}
	switch {
	case d.hasSplit:
		return out, fmt.Errorf("split: routes of %s can't be split", d.codec.Family)
	case d.hasRD:
		return out, fmt.Errorf("rd: routes of %s have none", d.codec.Family)
	case d.labels != nil:
		return out, fmt.Errorf("label: routes of %s have none", d.codec.Family)
	}
	f := d.codec.Family
	if tells, ok := d.other.(interface{ Family() bgp.Family }); ok {
		f = tells.Family()
	}
	r.NLRI = nlri.Raw{Family: f, HasPath: d.hasPath, PathID: d.pathID, Body: body}
	return append(out, r), nil
}
