package api

import (
	"maps"
	"slices"
	"strings"

	"holdfast/bgp"
)

// audience is whether a command may be said to some peers.
type audience uint8

const (
	nobody audience = iota // it is not about peers
	some                   // peers may be named
	wanted                 // version 6 wants peers to be named
)

// command is one row of the API: its words, and what they do.
type command struct {
	words      string // of version 6, behind the peers
	old        string // of version 4; "": the same, "-": it has none
	args, help string
	answer     string // the data that is told before "done"
	who        audience
	do         func(*call) error
	// Of commands about routes: what may be said of them depends on the family,
	// 0: their words tell it.
	routes bool
	family bgp.Family
}

// held says whether an open group keeps the command until its end.
func (c *command) held() bool {
	verb, _, _ := strings.Cut(c.words, " ")
	return verb == "announce" || verb == "withdraw" || c.words == "group"
}

// voice is how a command is said: bits, for a word of the tree may be part of
// commands of several voices.
type voice uint8

const (
	bare     voice = 1 << iota // without peers
	toPeers                    // behind peers
	strict                     // the same, where only version 6 is understood
	strictTo                   //
)

// voices are how the words of version 6 may be said, and those of version 4.
func (c *command) voices() (words, old voice) {
	switch c.who {
	case nobody:
		return bare | strict, bare
	case some:
		return bare | toPeers | strict | strictTo, bare | toPeers
	}
	return bare | toPeers | strictTo, bare | toPeers
}

// step is a word of a command and what may follow it.
type step struct {
	next   map[string]*step
	voices voice // of the commands that this word is part of
	does   *command
	heard  voice // of the command that ends here
}

// root is all commands as a tree.
var root *step

func init() {
	commands = slices.Concat(routeCommands(), familyCommands(), otherCommands())
	root = &step{}
	for i := range commands {
		c := &commands[i]
		words, old := c.voices()
		root.put(c.words, c, words)
		if c.old != "" && c.old != "-" {
			root.put(c.old, c, old)
		}
	}
}

// put adds a command to the tree.
func (s *step) put(words string, c *command, v voice) {
	for w := range strings.FieldsSeq(words) {
		if s.next == nil {
			s.next = map[string]*step{}
		}
		if s.next[w] == nil {
			s.next[w] = &step{}
		}
		s = s.next[w]
		s.voices |= v
	}
	s.does, s.heard = c, v
}

// follow gives the step behind a word, nil where the voice has none.
func (s *step) follow(word string, v voice) *step {
	if n := s.next[word]; n != nil && n.voices&v != 0 {
		return n
	}
	return nil
}

// words are those that may follow.
func (s *step) words(v voice) (out []string) {
	for _, w := range slices.Sorted(maps.Keys(s.next)) {
		if s.follow(w, v) != nil {
			out = append(out, w)
		}
	}
	return out
}

// call is a command that is being read.
type call struct {
	*words
	parser *Parser
	batch  *Batch
	into   *Batch // where its items go: batch, or the open group
	first  int    // how many items that had
	peers  *Selector
	verb   int   // where the command begins, behind its peers
	voice  voice // how it is said
	recent bool  // in words that only version 6 has

	form  string // "json" or "text" at the end of the line, "" if neither
	sync  string // "sync" or "async" there
	alone bool   // it has to be alone in its batch

	common []word // attributes that a group's routes share
}

// run reads the line and adds what it asks for.
func (c *call) run() error {
	if err := c.audience(); err != nil {
		return err
	}
	cmd, err := c.find()
	if err != nil {
		return err
	}
	if g := c.parser.group; g != nil && cmd.held() {
		if g.err != nil {
			return g.err
		}
		c.into, c.first = &g.Batch, len(g.Items)
	}
	return c.carry(cmd)
}

// carry has the command read its own words, which are all of the line.
func (c *call) carry(cmd *command) error {
	if err := cmd.do(c); err != nil {
		return c.fail(err)
	}
	if c.endings(); c.Peek() != "" {
		return c.wish("the end of the command")
	}
	return nil
}

// audience reads whom the command is for, if it says so.
func (c *call) audience() (err error) {
	strictly := c.parser.API == 6
	c.voice = bare
	if strictly {
		c.voice = strict
	}
	if c.Peek() == "neighbor" && strictly {
		return nil // find knows what to say of it
	}
	if c.Peek() == "peer" {
		c.recent = true
		if root.next["peer"].next[c.ahead()] != nil {
			return nil
		}
	}
	if c.Peek() == "peer" && c.ahead() == "show" {
		c.Next() // all peers
	} else if c.peers, err = selector(c.words); err != nil || c.peers == nil {
		return err
	}
	if c.voice = toPeers; strictly {
		c.voice = strictTo
	}
	if c.verb = c.at(); c.peers != nil {
		c.peers = c.parser.same(c.line[:c.verb], c.peers)
	}
	return nil
}

// find walks the tree of commands as far as the line follows it.
func (c *call) find() (*command, error) {
	at := root
	for {
		n := at.follow(c.Peek(), c.voice)
		if n == nil {
			break
		}
		c.Next()
		at = n
	}
	if at.does == nil || at.heard&c.voice == 0 {
		return nil, c.wish(strings.Join(at.words(c.voice), ", "))
	}
	c.recent = c.recent || at.does.old == "-" || at.heard&strict != 0 && at.does.old != ""
	return at.does, nil
}

// add gives the next item, for the peers that were named.
func (c *call) add(k Kind) *Item {
	it := c.into.add(k)
	it.Peers = c.peers
	return it
}

// answer adds a line of data.
func (c *call) answer(line string) { c.batch.Answer(c.batch.Commands-1, line) }

// ends says whether nothing but endings can follow.
func (c *call) ends() bool { return c.Peek() == "" || isEnding(c.Peek()) }

func isEnding(w string) bool { return w == "sync" || w == "async" || w == "json" || w == "text" }

// endings takes the words that may end any command.
func (c *call) endings() {
	for c.ending() {
	}
}

// ending takes one of them, and says whether it did.
func (c *call) ending() bool {
	switch w := c.Peek(); w {
	case "sync", "async":
		c.sync = c.Next()
	case "json", "text":
		c.form = c.Next()
	default:
		return false
	}
	return true
}

// text says whether data is told in text: what is asked in words of version 4 is,
// whatever the encoder of events. Version 6 has JSON only.
func (c *call) text() bool {
	if c.form != "" {
		return c.form == "text"
	}
	return !c.recent
}

// waits says whether the command can't come into a batch behind what is there:
// it has to be alone, or is answered at another time.
func (c *call) waits() bool {
	return c.batch.Commands > 1 && (c.alone || c.sync != "" && c.batch.Sync != (c.sync == "sync"))
}
