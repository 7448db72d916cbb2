// Package console is what a box says of itself to who stands in front of it.
package console

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/netio/link"
)

// Facts is what is said.
type Facts struct {
	Version string
	ID      string // serial, UUID, MACs
	Status  string // of the service, in a sentence
	Update  string // what there is to know of the image's versions, "" if nothing
	Key     string // the fingerprint of the box's ssh key, "" if it has none
	Links   link.Snapshot
}

// Text is a screen of them, which ends with a line's end.
func (f Facts) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nHoldfast %s, %s\n", f.Version, f.ID)
	for _, l := range f.Links.Links {
		if l.Name == "lo" {
			continue
		}
		state := "down"
		switch {
		case l.Up && l.Running:
			state = "up"
		case l.Up:
			state = "no carrier"
		}
		fmt.Fprintf(&b, "  %-10s %-10s %s\n", l.Name, state, strings.Join(addresses(f.Links, l.Name), " "))
	}
	if f.Key != "" {
		fmt.Fprintf(&b, "  ssh key    %s\n", f.Key)
	}
	fmt.Fprintf(&b, "  %s\n", f.Status)
	if f.Update != "" {
		fmt.Fprintf(&b, "  %s\n", f.Update)
	}
	return b.String()
}

func addresses(s link.Snapshot, name string) (list []string) {
	for _, a := range s.Addrs {
		if a.Link == name && !a.Prefix.Addr().IsLinkLocalUnicast() {
			list = append(list, a.Prefix.String())
		}
	}
	slices.Sort(list)
	return list
}
