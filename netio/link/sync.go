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
// else has put there is never touched: it counts as there, whatever its label.
func Plan(have Snapshot, want []Want) (cs []Change) {
	for _, a := range have.Addrs {
		if !a.Ours {
			continue
		}
		wanted := func(w Want) bool {
			return w.Prefix == a.Prefix && w.Link == a.Link && (w.Label == "" || w.Label == a.Label)
		}
		if !slices.ContainsFunc(want, wanted) {
			cs = append(cs, Change{Want: Want{a.Prefix, a.Link, a.Label}})
			have.Addrs = slices.DeleteFunc(slices.Clone(have.Addrs), func(b Addr) bool { return b == a })
		}
	}
	for _, w := range want {
		there := func(a Addr) bool { return a.Prefix == w.Prefix && a.Link == w.Link }
		if !slices.ContainsFunc(have.Addrs, there) {
			cs = append(cs, Change{Add: true, Want: w})
		}
	}
	return cs
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
