package config

import (
	"errors"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// set makes a node of a word with one value.
func set(word, args, help string, do func(c *grammar.Cursor) error) *grammar.Node {
	return &grammar.Node{Word: word, Args: args, Help: help, Do: do}
}

// unsaid marks a word whose value is a key: errors do not repeat it.
func unsaid(n *grammar.Node) *grammar.Node {
	n.Secret = true
	return n
}

// text, flag, number and others fill one field.
func text(word, args, help string, to func() *string) *grammar.Node {
	return set(word, args, help, func(c *grammar.Cursor) (err error) { *to(), err = c.One(args); return err })
}

func flag(word, help string, to func() *bool) *grammar.Node {
	return set(word, "enable|disable", help, func(c *grammar.Cursor) (err error) { *to(), err = c.Bool(); return err })
}

func address(word, help string, auto bool, to func() *netip.Addr) *grammar.Node {
	args := "ADDRESS"
	if auto {
		args += "|auto"
	}
	return set(word, args, help, func(c *grammar.Cursor) error {
		s, err := c.One(args)
		if err != nil {
			return err
		}
		if *to() = (netip.Addr{}); auto && s == "auto" {
			return nil
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return grammar.Wish("an address", s)
		}
		*to() = a
		return nil
	})
}

func (s *scope) asn(word, help string, to func() *bgp.ASN) *grammar.Node {
	return set(word, "ASN|auto", help, func(c *grammar.Cursor) error {
		s.said[word] = true
		text, err := c.One("an AS number")
		if err != nil {
			return err
		}
		if text == "auto" {
			*to() = 0
			return nil
		}
		if *to(), err = bgp.ParseASN(text); err == nil && *to() == 0 {
			err = errors.New("AS 0 is nobody's (RFC 7607)")
		}
		return err
	})
}

func port(word, help string, to func() *uint16) *grammar.Node {
	return set(word, "0-65535", help, func(c *grammar.Cursor) error {
		n, err := c.Int(0, 65535)
		*to() = uint16(n)
		return err
	})
}

func ttl(word, help string, to func(int)) *grammar.Node {
	return set(word, "1-255|disable", help, func(c *grammar.Cursor) error {
		switch c.Peek() {
		case "disable", "disabled", "false":
			c.Next()
			to(0)
			return nil
		}
		n, err := c.Int(0, 255)
		to(int(n))
		return err
	})
}
