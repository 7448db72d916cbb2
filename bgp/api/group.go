package api

import (
	"errors"
	"fmt"
	"unsafe"
)

// Bounds of a group: ExaBGP's.
const (
	groupCommands = 100_000
	groupMemory   = 100_000_000 // octets of what its commands say
)

// openGroup is what was said since "group start": it is parsed, and answered, when
// it is said, and is carried out at the end, as items of the command that ends
// it. So all of it is in one batch.
type openGroup struct {
	Batch
	text int   // octets of its commands
	err  error // of a group that became too big, and was dropped
}

var errNoGroup = errors.New("want group start before it")

// count adds a command, and drops a group that has too much.
func (g *openGroup) count(line int) error {
	g.text += line
	if size := g.text + len(g.bodies) + len(g.Items)*int(unsafe.Sizeof(Item{})); size > groupMemory {
		g.err = fmt.Errorf("the group is dropped: want at most %d octets in it", groupMemory)
	}
	if g.Commands > groupCommands {
		g.err = fmt.Errorf("the group is dropped: want at most %d commands in it", groupCommands)
	}
	if g.err != nil {
		g.Batch = Batch{}
	}
	return g.err
}

func (c *call) groupStart() error {
	if c.parser.group != nil {
		return errors.New("want group end: a group is open")
	}
	if c.endings(); c.Peek() == "" && !c.waits() {
		c.parser.group = &openGroup{Batch: Batch{From: c.batch.From}}
		c.answer("group started")
	}
	return nil
}

func (c *call) groupEnd() error {
	g := c.parser.group
	if g == nil {
		return errNoGroup
	}
	if c.endings(); c.Peek() != "" || c.waits() {
		return nil // carry says that there is too much, or the line comes again
	}
	c.parser.group = nil
	if g.err != nil {
		return g.err
	}
	for i := range g.Items {
		g.Items[i].Command = c.batch.Commands - 1
	}
	c.batch.Items = append(c.batch.Items, g.Items...)
	c.report(g.Items)
	return nil
}

// report says how many routes came of a group.
func (c *call) report(items []Item) {
	announced, withdrawn := 0, 0
	for i := range items {
		switch items[i].Kind {
		case Announce:
			announced++
		case Withdraw:
			withdrawn++
		}
	}
	c.answer(processed(announced, withdrawn))
}

func processed(announced, withdrawn int) string {
	return fmt.Sprintf("group processed: %d announced, %d withdrawn", announced, withdrawn)
}

// groupInline reads "COMMAND ; COMMAND …". One that is wrong has the others
// carried out all the same, and the group answered with an error.
func (c *call) groupInline() error {
	if c.Peek() == "" {
		return c.wish("a command")
	}
	parts := c.parts()
	c.next = len(c.list)
	if w := parts[0].Peek(); w == "attributes" || w == "attribute" {
		c.common = parts[0].list[1:]
		if parts = parts[1:]; len(parts) == 0 {
			return c.wish("; and a command")
		}
	}
	for i := range parts {
		sub := *c
		sub.words, sub.first = &parts[i], len(c.into.Items)
		if err := sub.part(); err != nil {
			if c.into != c.batch {
				return err // it is answered now, and what is held is not
			}
			c.into.drop(sub.first)
			c.add(Nothing).Err = err
		}
		c.form, c.sync = sub.form, sub.sync
	}
	c.report(c.into.Items[c.first:])
	return nil
}

// part reads one of the commands.
func (c *call) part() error {
	cmd, err := c.find()
	if err == nil && (!cmd.held() || cmd.words == "group") {
		err = c.fail(errors.New("want announce or withdraw in a group"))
	}
	if err == nil {
		err = c.carry(cmd)
	}
	return err
}

// parts cuts the rest of the line at semicolons that stand in no braces.
func (c *call) parts() (out []words) {
	depth, from := 0, c.next
	cut := func(to, end int) {
		if to > from || len(out) == 0 {
			out = append(out, words{line: c.line[:end], list: c.list[from:to]})
		}
		from = to + 1
	}
	for i := c.next; i < len(c.list); i++ {
		switch c.list[i].text {
		case "{":
			depth++
		case "}":
			depth--
		case ";":
			if depth == 0 {
				cut(i, c.list[i].at)
			}
		}
	}
	cut(len(c.list), len(c.line))
	return out
}
