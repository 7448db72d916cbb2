package health

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AppendLines appends what is told of a state: the routes with its metric, or
// their withdraws. A state that only leads to another one is not told.
func (o *Options) AppendLines(b []byte, s State) []byte {
	if !s.settled() && s != Exit {
		return b
	}
	for i, p := range o.prefixes() {
		for _, to := range o.selectors() {
			b = append(append(b, to...), o.command(s, p, i)...)
			b = append(b, '\n')
		}
	}
	return b
}

// prefixes are the networks in the order in which their metrics grow.
func (o *Options) prefixes() (ps []netip.Prefix) {
	for _, a := range o.IPs {
		if o.Deaggregate {
			ps = append(ps, Hosts(a.Prefix)...)
		} else {
			ps = append(ps, a.Prefix)
		}
	}
	if len(ps) == 0 {
		return nil
	}
	first := o.StartIP % len(ps)
	return slices.Concat(ps[first:], ps[:first])
}

// selectors are the beginnings of the lines. ExaBGP main refuses a list of
// peers, so in its words there is a line for each.
func (o *Options) selectors() (to []string) {
	switch {
	case o.API == 6 && len(o.Neighbors) == 0:
		return []string{"peer * "}
	case o.API == 6:
		for _, n := range o.Neighbors {
			to = append(to, "peer "+n+" ")
		}
		return to
	case len(o.Neighbors) == 0:
		return []string{""}
	}
	return []string{"neighbor " + strings.Join(o.Neighbors, ", neighbor ") + " "}
}

func (o *Options) command(s State, p netip.Prefix, i int) string {
	var b strings.Builder
	say := func(word string, value any) { fmt.Fprintf(&b, " %s %v", word, value) }
	list := func(word, value string) {
		if value != "" {
			say(word, "[ "+value+" ]")
		}
	}
	withdraw := s == Exit || o.WithdrawOnDown && s != Up
	b.WriteString("announce route")
	if withdraw {
		b.Reset()
		b.WriteString("withdraw route")
	}
	say(p.String(), "next-hop "+o.NextHop)
	if !withdraw {
		say("med", o.Metrics[s]+i*o.Increase)
		if o.LocalPref >= 0 {
			say("local-preference", o.LocalPref)
		}
		list("community", o.community(s))
		list("extended-community", o.Extended)
		list("large-community", o.Large)
		list("as-path", o.asPath(s))
	}
	if o.PathID != "" {
		say("path-information", o.PathID)
	}
	return b.String()
}

// community: that of a disabled service is that of one that is down, too.
func (o *Options) community(s State) string {
	if s != Up && o.DisabledCommunity != "" {
		return o.DisabledCommunity
	}
	return o.Community
}

func (o *Options) asPath(s State) string {
	if path := o.ASPaths[s]; path != "" {
		return path
	}
	return o.ASPath
}
