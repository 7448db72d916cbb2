package settings

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
)

// rungs are those of "on-failure" while it is read.
type rungs struct {
	list []Rung
	pos  []grammar.Pos
	set  bool // a preset, which goes with nothing else
}

// onFailure is the section that says how the routes of a gate get worse when its
// conditions fail.
func (r *reader) onFailure() *grammar.Node {
	rung := func(word, args, help string) *grammar.Node {
		return &grammar.Node{Word: word, Args: args, Help: help, Do: r.rung}
	}
	const more = " [for TIME]"
	return r.once(&grammar.Node{Word: "on-failure", Help: "the rungs on the way down, each for its time and with what those above it say; without it, a failure withdraws at once",
		Close: r.closeLadder,
		Kids: []*grammar.Node{
			rung("med", "0-4294967295"+more, "a rung: MULTI_EXIT_DISC in place of the routes' own; several of med, prepend and community make one rung"),
			rung("prepend", "1-255"+more, "a rung: the own AS number stands so often before the path"),
			rung("community", "COMMUNITY|[ COMMUNITY … ]"+more, "a rung: communities beside the routes' own; graceful-shutdown (RFC 8326) is local-preference 0 as well, inside an AS"),
			rung("withdraw", "", "the last rung: the routes are withdrawn"),
			{Word: "top", Args: "med|prepend|community …", Help: "how the routes are told while all conditions hold", Do: func(c *grammar.Cursor) error {
				got, err := words(c)
				r.g.Top = got.Degrade
				return forever(got, err)
			}},
			{Word: "disabled", Args: "med|prepend|community …", Help: "in place of the rungs, while what fails was disabled: the file of a check, or one that a condition wants absent, is there", Do: func(c *grammar.Cursor) error {
				got, err := words(c)
				r.g.Disabled = got
				return forever(got, err)
			}},
			{Word: "preset", Args: "exabgp", Help: "the metrics of ExaBGP's healthcheck: MED 100, 1000 if it fails, 500 if it is disabled; never withdrawn", Do: r.preset},
		}}, func() { r.rungs = rungs{} })
}

// forever wants a way to tell routes that has no time.
func forever(g Rung, err error) error {
	if err == nil && (g.For > 0 || g.Withdraw) {
		return errors.New("want med, prepend or community, and no time")
	}
	return err
}

func (r *reader) preset(c *grammar.Cursor) error {
	w, err := c.One("exabgp")
	switch {
	case err != nil:
		return err
	case w != "exabgp":
		return grammar.Wish("exabgp", w)
	}
	med := func(n uint32) Rung {
		return Rung{Degrade: attr.Degrade{SetMED: true, MED: n}, Text: fmt.Sprintf("med %d", n)}
	}
	r.rungs.set = true
	r.g.Top, r.g.Ladder, r.g.Disabled = med(100).Degrade, []Rung{med(1000)}, med(500)
	return nil
}

// rung adds one to the ladder.
func (r *reader) rung(c *grammar.Cursor) error {
	before := Rung{}
	if n := len(r.rungs.list); n > 0 {
		before = r.rungs.list[n-1]
	}
	got, err := words(c.Back())
	if err != nil {
		return err
	}
	switch {
	case before.Withdraw:
		err = errors.New("nothing comes behind withdraw")
	case before.Text != "" && before.For == 0:
		err = fmt.Errorf("is never reached: %q has no time", before.Text)
	case got.SetMED && before.SetMED && got.MED < before.MED:
		err = fmt.Errorf("a ladder leads down: want a MED of at least %d", before.MED)
	case got.Prepend > 0 && got.Prepend < before.Prepend:
		err = fmt.Errorf("a ladder leads down: want at least %d", before.Prepend)
	case got.Withdraw && got.For > 0:
		err = errors.New("withdraw is the last rung: it has no time")
	}
	r.rungs.list, r.rungs.pos = append(r.rungs.list, got.below(before)), append(r.rungs.pos, c.Start())
	return err
}

// words takes what a rung itself says.
func words(c *grammar.Cursor) (g Rung, err error) {
	for more := true; more && err == nil; more = c.More() {
		var n int64
		switch w := c.Next(); w {
		case "med":
			n, err = c.Int(0, 1<<32-1)
			g.SetMED, g.MED = true, uint32(n)
		case "prepend":
			n, err = c.Int(1, 255)
			g.Prepend = uint8(n)
		case "community":
			err = communities(c, &g.Degrade)
		case "withdraw":
			g.Withdraw = true
		case "for":
			g.For, err = c.Duration(time.Millisecond, longestTime)
		default:
			err = grammar.Wish("med, prepend, community or for", w)
		}
	}
	switch g.Text = g.Degrade.String(); {
	case err != nil:
	case g.Withdraw && g.Text != "":
		err = errors.New("withdraw stands alone")
	case g.Withdraw:
		g.Text = "withdraw"
	case g.Text == "":
		err = errors.New("want med, prepend or community before the time")
	}
	return g, err
}

// communityLeaf is the word as routes have it.
var communityLeaf = attr.Leaves[slices.IndexFunc(attr.Leaves, func(l attr.Leaf) bool { return l.Word == "community" })]

const communitySize = 4 // octets

// communities takes what follows the word "community". GRACEFUL_SHUTDOWN is not
// only a community: inside an AS it is LOCAL_PREF 0 (RFC 8326 section 4.2).
func communities(c *grammar.Cursor, d *attr.Degrade) error {
	var draft attr.Draft
	draft.Begin()
	if err := c.List("a community", func(s string) error { return communityLeaf.Item(&draft, s) }); err != nil {
		return err
	}
	if err := communityLeaf.End(&draft); err != nil {
		return err
	}
	list, there := draft.Get(attr.Community)
	if !there {
		return errors.New("want a community in the brackets")
	}
	var rest string
	for one := range slices.Chunk(list, communitySize) {
		if string(one) == gracefulShutdown {
			d.Graceful = true
			continue
		}
		rest += string(one)
	}
	d.Communities = join(d.Communities, rest)
	return nil
}

// gracefulShutdown is 65535:0.
const gracefulShutdown = "\xff\xff\x00\x00"

// join gives the communities of two lists in order, each once.
func join(a, b string) string {
	all := slices.Collect(slices.Chunk([]byte(a+b), communitySize))
	slices.SortFunc(all, bytes.Compare)
	return string(slices.Concat(slices.CompactFunc(all, bytes.Equal)...))
}

// below is a rung that keeps what the one before it says.
func (g Rung) below(before Rung) Rung {
	if g.Withdraw {
		return g
	}
	own := g.Degrade
	if g.Degrade = before.Degrade; own.SetMED {
		g.SetMED, g.MED = true, own.MED
	}
	if own.Prepend > 0 {
		g.Prepend = own.Prepend
	}
	g.Communities = join(before.Communities, own.Communities)
	g.Graceful = before.Graceful || own.Graceful
	return g
}

// closeLadder keeps the rungs that were said.
func (r *reader) closeLadder(c *grammar.Cursor) error {
	n := len(r.rungs.list)
	switch {
	case r.rungs.set && n > 0:
		return errors.New("a preset has its own rungs")
	case r.rungs.set || c.Failed():
		return nil
	case n == 0:
		return errors.New("want a rung: med, prepend, community or withdraw")
	}
	r.g.Ladder = r.rungs.list
	if r.g.Disabled.Text != "" && r.g.Floor() == 0 {
		return errors.New("disabled stands in place of a rung that degrades, and there is none")
	}
	if last := r.g.Ladder[n-1]; last.For > 0 {
		return &grammar.Error{Pos: r.rungs.pos[n-1], Word: "on-failure", Err: fmt.Errorf("the last rung, %q, lasts until the conditions hold again: it has no time", last.Text)}
	}
	return nil
}
