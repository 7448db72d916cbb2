package api

import (
	"errors"
	"fmt"
	"strings"
)

// What ExaBGP answers to "version", for helpers that look at it: that of the
// text API of version 4, and that of version 6.
const (
	exabgp4 = "4.2.21"
	exabgp6 = "6.0.0"
)

func (c *call) version() error {
	by := c.parser.Version
	if by == "" {
		return errors.New("nobody said which version this is")
	}
	if c.endings(); c.text() {
		c.answer(fmt.Sprintf("exabgp %s (%s)", exabgp4, by))
		return nil
	}
	c.answer(fmt.Sprintf(`{ "version": "%s", "application": "exabgp", "by": %s }`, exabgp6, quote(by)))
	return nil
}

// apiVersion tells or sets what the session understands. ExaBGP's takes effect
// at the next start, so that a helper which sets what it speaks goes on as it is.
func (c *call) apiVersion() error {
	set := c.Peek()
	if !c.ends() {
		if c.Next(); set != "4" && set != "6" {
			return fmt.Errorf("want 4 or 6, got %q", set)
		}
	}
	if c.endings(); c.Peek() != "" {
		return nil // carry says that there is too much
	}
	switch set {
	case "4":
		c.parser.API = 4
	case "6":
		c.parser.API = 6
	}
	n, what := 6, "the words of version 6 and of version 4"
	if c.parser.API == 6 {
		what = "the words of version 6"
	} else if c.parser.API == 4 {
		n = 4
	}
	if c.text() {
		c.answer(fmt.Sprintf("api version %d: %s are understood", n, what))
		return nil
	}
	c.answer(fmt.Sprintf(`{ "api_version": %d, "description": "%s are understood" }`, n, what))
	return nil
}

// ping answers in JSON even in version 4, unless text is asked for. What the
// caller says of itself, an identifier and a time, is not needed.
func (c *call) ping() error {
	for range 2 {
		if !c.ends() {
			c.Next()
		}
	}
	if c.endings(); c.form == "text" {
		c.answer("pong " + c.parser.UUID)
		return nil
	}
	c.answer(fmt.Sprintf(`{ "pong": %s, "active": true }`, quote(c.parser.UUID)))
	return nil
}

func (c *call) bye() error {
	if !c.ends() {
		c.Next() // who goes is clear
	}
	c.add(Bye)
	return nil
}

func (c *call) reset() error {
	c.parser.group = nil
	c.add(Reset)
	return nil
}

// help tells all commands: those of version 4 in text, those of version 6 in
// JSON.
func (c *call) help() error {
	if c.endings(); !c.text() {
		c.answer(helpJSON())
		return nil
	}
	c.answer("available commands:")
	for i := range commands {
		if s := commands[i].usage(4); s != "" {
			c.answer(s)
		}
	}
	c.answer("SELECTOR is ADDRESS|* [" + strings.Join(filters(), "] [") + "] [, neighbor SELECTOR]")
	return nil
}

// filters are the words that can follow a peer's address, with their values.
func filters() (out []string) {
	for _, k := range termKeys {
		out = append(out, k.word+" "+k.arg)
	}
	return out
}

func helpJSON() string {
	all := struct {
		Description string   `json:"description"`
		Filters     []string `json:"peer_filters"`
		Commands    []string `json:"commands"`
	}{"available commands", filters(), nil}
	for i := range commands {
		all.Commands = append(all.Commands, commands[i].usage(6))
	}
	return quote(all)
}

// quote is a value in JSON, on one line.
func quote(v any) string {
	return strings.TrimSuffix(string(AppendJSON(nil, v)), "\n")
}
