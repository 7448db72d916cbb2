package checker

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"holdfast/appliance/health"
	"holdfast/netio/link"
)

// kernel is what addresses need of it.
type kernel struct {
	list  func() (link.Snapshot, error)
	apply func([]link.Change) error
}

var linux = kernel{link.List, link.Apply}

// found is the loopback's addresses that a service has when it names none:
// those with its label, or all, but for the box's own.
func found(s link.Snapshot, o *health.Options) (as []health.Address) {
	for _, a := range s.Addrs {
		ip := a.Prefix.Addr()
		if a.Link == health.Loopback && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && a.Prefix == a.Prefix.Masked() && labelled(a, o) {
			as = append(as, health.Address{Prefix: a.Prefix, Link: a.Link})
		}
	}
	return as
}

func labelled(a link.Addr, o *health.Options) bool {
	own := label(o, a.Prefix, a.Link)
	switch {
	case o.Label == "":
		return true
	case o.LabelExact:
		return own != "" && a.Label == own
	}
	return own != "" && strings.HasPrefix(a.Label, own)
}

// label is the one of an address that a service sets up. IPv6 has none.
func label(o *health.Options, p netip.Prefix, dev string) string {
	if o.Label == "" || !p.Addr().Is4() {
		return ""
	}
	return dev + ":" + o.Label
}

// missing is what has to be done for a service's addresses to be there. A
// network that is there as one address is.
func missing(s link.Snapshot, o *health.Options) (cs []link.Change) {
	for _, a := range o.IPs {
		whole := func(b link.Addr) bool { return b.Link == a.Link && b.Prefix == a.Prefix }
		if slices.ContainsFunc(s.Addrs, whole) {
			continue
		}
		for _, p := range health.Hosts(a.Prefix) {
			there := func(b link.Addr) bool { return b.Link == a.Link && b.Prefix.Addr() == p.Addr() }
			if !slices.ContainsFunc(s.Addrs, there) {
				cs = append(cs, link.Change{Add: true, Foreign: true, Want: link.Want{Prefix: p, Link: a.Link, Label: label(o, p, a.Link)}})
			}
		}
	}
	return cs
}

// present is what has to be done for those of them to be gone that added says
// we have added, or that carry the service's label: an earlier life left them.
func present(s link.Snapshot, o *health.Options, added map[link.Want]bool) (cs []link.Change) {
	for _, b := range s.Addrs {
		of := func(a health.Address) bool { return a.Link == b.Link && a.Prefix.Contains(b.Prefix.Addr()) }
		if !b.Prefix.IsSingleIP() || !slices.ContainsFunc(o.IPs, of) {
			continue
		}
		own := label(o, b.Prefix, b.Link)
		w := link.Want{Prefix: b.Prefix, Link: b.Link, Label: own}
		if added[w] || own != "" && b.Label == own {
			cs = append(cs, link.Change{Want: w})
		}
	}
	return cs
}

// discover fills in the addresses of a service that names none.
func (p *Program) discover() error {
	if len(p.Options.IPs) > 0 {
		return nil
	}
	s, err := p.kernel.list()
	if err != nil {
		return err
	}
	if p.Options.IPs = found(s, p.Options); len(p.Options.IPs) == 0 {
		return errors.New("no IP found: want --ip, or addresses on lo (with the label, if there is one)")
	}
	return p.Options.Validate()
}

// setUp adds the addresses that are not there. A service whose addresses can't
// be added is announced all the same: most helpers run as somebody who may not,
// where something else adds them.
func (p *Program) setUp() {
	p.change("set up addresses", func(s link.Snapshot) []link.Change {
		cs := missing(s, p.Options)
		for _, c := range cs {
			p.added[c.Want] = true
		}
		return cs
	})
}

// takeDown removes them.
func (p *Program) takeDown() {
	p.change("remove addresses", func(s link.Snapshot) []link.Change { return present(s, p.Options, p.added) })
}

func (p *Program) change(what string, plan func(link.Snapshot) []link.Change) {
	if p.Options.NoIPSetup {
		return
	}
	s, err := p.kernel.list()
	if err == nil {
		err = p.kernel.apply(plan(s))
	}
	if err != nil {
		p.Log.Error(what+" (this takes CAP_NET_ADMIN, see --no-ip-setup)", "error", err)
	}
}
