package settings

import (
	"strings"
	"time"

	"holdfast/bgp/grammar"
)

// unsaid is a time that the configuration does not say.
const unsaid = -1

// ConfirmWithin is how long a change may take to prove itself, 0: it needs no
// proof. Unless the configuration says it, changes are proven where they can be
// kept.
func (s *Settings) ConfirmWithin(stored bool) time.Duration {
	switch {
	case s.Confirm != unsaid:
		return s.Confirm
	case stored:
		return DefaultConfirm
	}
	return 0
}

// confirm are the words of section "appliance" about changes.
func (r *reader) confirm() []*grammar.Node {
	return []*grammar.Node{
		{Word: "state-directory", Args: "PATH", Help: "what survives a restart is kept there: the last good configurations ($STATE_DIRECTORY); takes effect with the next start", Do: func(c *grammar.Cursor) (err error) {
			r.s.StateDirectory, err = c.One("a path")
			if err == nil && !strings.HasPrefix(r.s.StateDirectory, "/") {
				err = grammar.Wish("a path from the root", r.s.StateDirectory)
			}
			return err
		}},
		{Word: "confirm", Args: "TIME", Help: "a change that has not proven itself by then is rolled back: sessions and management links that were up are up, gates that were open are open (60s with a state-directory); 0: none is", Do: func(c *grammar.Cursor) (err error) {
			r.s.Confirm, err = c.Duration(0, time.Hour)
			return err
		}},
		{Word: "management", Args: "LINK…", Help: "links over which the box is managed: a change that takes one down is rolled back", Do: func(c *grammar.Cursor) error {
			for first := true; first || c.More(); first = false {
				name, err := linkName(c)
				if err != nil {
					return err
				}
				r.s.Management = append(r.s.Management, name)
			}
			return nil
		}},
	}
}
