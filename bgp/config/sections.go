package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
	"holdfast/bgp/route"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (s *scope) familyNode() *grammar.Node {
	return &grammar.Node{Word: "family", Help: "the address families; all that we speak when it is left out",
		Kids: []*grammar.Node{set("all", "", "every family that this version speaks", func(*grammar.Cursor) error {
			for _, c := range family.Table {
				s.addFamily(c.Family)
			}
			return nil
		})},
		Open: func(*grammar.Cursor) error {
			if s.inherited && !s.families {
				s.n.Families = nil
			}
			s.families = s.inherited
			return nil
		},
		Otherwise: s.family}
}

func (s *scope) family(c *grammar.Cursor) error {
	afi := c.Next()
	safi, err := c.One("a family like ipv4 unicast")
	if err != nil {
		return err
	}
	f, known := bgp.FamilyByWords(afi, safi)
	switch {
	case !known:
		return grammar.Wish("a family like ipv4 unicast", afi+" "+safi)
	case family.Lookup(f) == nil:
		return fmt.Errorf("family %s is not supported by this version", f)
	}
	s.addFamily(f)
	return nil
}

func (s *scope) addFamily(f bgp.Family) {
	if !slices.Contains(s.n.Families, f) {
		s.n.Families = append(s.n.Families, f)
	}
}

func (s *scope) capabilityNode() *grammar.Node {
	c := &s.n.Capabilities
	kids := []*grammar.Node{
		flag("asn4", "AS numbers of four octets (RFC 6793)", func() *bool { return &c.ASN4 }),
		flag("route-refresh", "answer the neighbor's wish to hear everything again (RFC 2918, RFC 7313)", func() *bool { return &c.RouteRefresh }),
		flag("extended-message", "messages of up to 65,535 octets (RFC 8654)", func() *bool { return &c.ExtendedMessage }),
		set("graceful-restart", "SECONDS|disable", "how long the neighbor keeps our routes while we restart (RFC 4724)", func(cur *grammar.Cursor) error {
			switch cur.Peek() {
			case "disable", "disabled", "false":
				cur.Next()
				c.GracefulRestart = 0
				return nil
			case "", "enable", "true":
				cur.Next()
				c.GracefulRestart = s.n.HoldTime
				return nil
			}
			n, err := cur.Int(0, 4095)
			c.GracefulRestart = time.Duration(n) * time.Second
			return err
		}),
		set("add-path", "disable|send|receive|send/receive", "several routes for a prefix (RFC 7911)", func(cur *grammar.Cursor) error {
			w, err := oneOf(cur, "disable", "disabled", "send", "receive", "send/receive")
			c.AddPath = map[string]bgp.Direction{"send": bgp.Send, "receive": bgp.Receive, "send/receive": bgp.Send | bgp.Receive}[w]
			return err
		}),
	}
	for _, w := range []string{"nexthop", "multi-session", "operational", "aigp", "software-version", "link-local-nexthop", "link-local-prefer"} {
		kids = append(kids, set(w, "enable|disable", "not spoken by this version", func(cur *grammar.Cursor) error {
			on, err := cur.Bool()
			if err == nil && on {
				cur.Warn("is not spoken by this version, and not offered to the neighbor")
			}
			return err
		}))
	}
	return &grammar.Node{Word: "capability", Help: "what we offer the neighbor", Kids: kids}
}

func (s *scope) aoNode() *grammar.Node {
	k := func() *TCPAO {
		if s.n.TCPAO == nil {
			s.n.TCPAO = &TCPAO{Algorithm: "hmac-sha-1-96"}
		}
		return s.n.TCPAO
	}
	decode := false
	return &grammar.Node{Word: "tcp-ao", Help: "sign each segment (RFC 5925)", Kids: []*grammar.Node{
		set("keyid", "0-255", "the key's number", func(c *grammar.Cursor) error {
			n, err := c.Int(0, 255)
			k().KeyID = uint8(n)
			return err
		}),
		set("algorithm", "hmac-sha-1-96|aes-128-cmac-96|hmac-sha-256", "how to sign (RFC 5926)", func(c *grammar.Cursor) (err error) {
			k().Algorithm, err = oneOf(c, "hmac-sha-1-96", "aes-128-cmac-96", "hmac-sha-256")
			return err
		}),
		text("password", "KEY", "the key", func() *string { return &k().Password }),
		flag("base64", "the key is in base64", func() *bool { return &decode }),
	}, Open: func(*grammar.Cursor) error { decode = false; s.n.TCPAO = nil; k(); return nil },
		Close: func(*grammar.Cursor) error {
			if k().Password == "" {
				return errors.New("want password KEY")
			}
			if decode {
				b, err := base64.StdEncoding.DecodeString(k().Password)
				if err != nil {
					return fmt.Errorf("password: want base64: %w", err)
				}
				k().Password = string(b)
			}
			return nil
		}}
}

func (s *scope) apiNode() *grammar.Node {
	on := func(prefix string) func(c *grammar.Cursor) error {
		return func(c *grammar.Cursor) error {
			v, err := c.Bool()
			s.api.Switches[prefix+c.Word()] = v
			return err
		}
	}
	messages := func(dir string) *grammar.Node {
		n := &grammar.Node{Word: dir, Help: "messages that the helper hears of"}
		for _, w := range []string{"parsed", "packets", "consolidate", "open", "update", "notification", "keepalive", "refresh", "operational"} {
			n.Kids = append(n.Kids, set(w, "enable|disable", "", on(dir+" ")))
		}
		return n
	}
	kids := []*grammar.Node{
		set("processes", "[ NAMES ]", "helpers whose commands are for this neighbor", func(c *grammar.Cursor) error {
			return c.List("a process", func(name string) error {
				s.api.Processes = append(s.api.Processes, name)
				s.processPos = append(s.processPos, usedProcess{name, c.Pos()})
				return nil
			})
		}),
		set("processes-match", "[ EXPRESSIONS ]", "the same, by regular expressions", func(c *grammar.Cursor) error {
			return c.List("a regular expression", func(e string) error {
				m, err := regexp.Compile("^(?:" + e + ")$")
				s.matches = append(s.matches, m)
				return err
			})
		}),
		messages("send"), messages("receive"),
	}
	for _, w := range []string{"neighbor-changes", "negotiated", "fsm", "signal"} {
		kids = append(kids, set(w, "enable|disable", "", on("")))
	}
	return &grammar.Node{Word: "api", Args: "NAME", Help: "which helpers speak for this neighbor, and what they hear", Kids: kids,
		Open:  func(c *grammar.Cursor) error { s.api = API{Name: c.Next(), Switches: map[string]bool{}}; return nil },
		Close: func(*grammar.Cursor) error { s.n.API = append(s.n.API, s.api); return nil }}
}

// routeNode is one route, on a line or with a section of its own.
func (s *scope) routeNode(word string, prefix func(d *route.Draft, text string) error) *grammar.Node {
	var d route.Draft
	begin := func(c *grammar.Cursor) error {
		d.Reset()
		p, err := c.One("a prefix")
		if err != nil {
			return err
		}
		return prefix(&d, p)
	}
	finish := func() (err error) {
		s.n.Routes, err = d.Routes(s.n.Routes)
		return err
	}
	n := &grammar.Node{Word: word, Args: "PREFIX ATTRIBUTES", Help: "announce a prefix",
		Do: func(c *grammar.Cursor) error {
			if err := begin(c); err != nil {
				return err
			}
			if err := d.Say(c, ""); err != nil {
				return err
			}
			return finish()
		},
		Open: begin, Close: func(*grammar.Cursor) error { return finish() },
		Kids: []*grammar.Node{}}
	for _, w := range route.Words() {
		n.Kids = append(n.Kids, set(w.Word, w.Args, w.Help, func(c *grammar.Cursor) error {
			if err := d.Word(c.Back()); err != nil {
				return &grammar.Error{Pos: c.Pos(), Err: err} // which names the word
			}
			return nil
		}))
	}
	return n
}

func (s *scope) staticNode() *grammar.Node {
	attributes := set("attributes", "ATTRIBUTES nlri PREFIXES", "announce prefixes that have their attributes in common", func(c *grammar.Cursor) (err error) {
		var d route.Draft
		if err := d.Say(c, "nlri"); err != nil {
			return err
		}
		if c.Next() != "nlri" || !c.More() {
			return grammar.Wish("nlri and prefixes", "")
		}
		for c.More() {
			if err := d.Prefix(c.Next()); err != nil {
				return err
			}
		}
		s.n.Routes, err = d.Routes(s.n.Routes)
		return err
	})
	return &grammar.Node{Word: "static", Help: "what is announced from the start",
		Kids: []*grammar.Node{s.routeNode("route", func(d *route.Draft, t string) error { return d.Prefix(t) }), attributes}}
}

func (s *scope) announceNode() *grammar.Node {
	n := &grammar.Node{Word: "announce", Help: "what is announced from the start, by family"}
	for afi, word := range map[bgp.AFI]string{bgp.AFIIPv4: "ipv4", bgp.AFIIPv6: "ipv6"} {
		n.Kids = append(n.Kids, &grammar.Node{Word: word, Help: "routes of " + word, Kids: []*grammar.Node{
			s.routeNode("unicast", func(d *route.Draft, t string) error { return d.PrefixOf(afi, t) })}})
	}
	slices.SortFunc(n.Kids, func(a, b *grammar.Node) int { return strings.Compare(a.Word, b.Word) })
	return n
}
