package link

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Want is an address that the configuration asks us to hold.
type Want struct {
	Prefix netip.Prefix
	Link   string
	Label  string // IPv4 only; "": none
}

// Change is one step towards what is wanted.
type Change struct {
	Add bool
	Want
	// Foreign is an address that somebody else looks after: it does not get our
	// mark, by which the daemon would take it for one that it has left behind.
	Foreign bool
}

// String is the step as one would type it.
func (c Change) String() string {
	verb := "del"
	if c.Add {
		verb = "add"
	}
	s := fmt.Sprintf("ip address %s %s dev %s", verb, c.Prefix, c.Link)
	if c.Add && c.Label != "" {
		s += " label " + c.Label
	}
	return s
}

// Plan is what has to be done so that the wanted addresses are there, and those
// that we added and are not wanted any more are gone. An address that somebody
// else has put there is never touched. One that is there counts whatever its label,
// which could not be changed without taking the address away.
//
// What is wanted comes before what is not goes: an address that moves from one link
// to another is on the box all the while.
func Plan(have Snapshot, want []Want) []Change {
	var first, gone, last []Change
	for _, a := range have.Addrs {
		if a.Ours && !slices.ContainsFunc(want, func(w Want) bool { return w.is(a) }) {
			gone = append(gone, Change{Want: Want{a.Prefix, a.Link, a.Label}})
		}
	}
	for _, w := range want {
		add := Change{Add: true, Want: w}
		switch {
		case slices.ContainsFunc(gone, func(c Change) bool { return w.behind(c.Want) }):
			last = append(last, add)
		case !slices.ContainsFunc(have.Addrs, w.is):
			first = append(first, add)
		}
	}
	return slices.Concat(first, gone, last)
}

func (w Want) is(a Addr) bool { return a.Prefix == w.Prefix && a.Link == w.Link }

// behind says whether an address can only be added when another one has gone. A link
// has an IPv6 address once, whatever its length. With the first IPv4 address of a
// network the kernel takes the others away, too, if it is not told to keep them
// (promote_secondaries): one that was there may have to come back.
func (w Want) behind(gone Want) bool {
	if w.Prefix.Addr().Is6() {
		return w.Link == gone.Link && w.Prefix.Addr() == gone.Prefix.Addr()
	}
	return w.Link == gone.Link && w.Prefix.Masked() == gone.Prefix.Masked()
}

// Apply makes the changes, all that it can; the error joins those that failed.
func Apply(cs []Change) error {
	if len(cs) == 0 {
		return nil
	}
	s, err := dial()
	if err != nil {
		return err
	}
	defer s.c.Close()
	var errs []error
	for _, c := range cs {
		errs = append(errs, s.change(c))
	}
	return errors.Join(errs...)
}

// List is one listing, for who does not watch.
func List() (Snapshot, error) {
	s, err := dial()
	if err != nil {
		return Snapshot{}, err
	}
	defer s.c.Close()
	return s.list()
}
