package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
)

func (s *scope) familyNode() *grammar.Node {
	return &grammar.Node{Word: "family", Help: "the address families, along with those of templates; all that we speak when it is left out",
		Kids: []*grammar.Node{set("all", "", "every family that this version speaks", func(*grammar.Cursor) error {
			for _, f := range family.All() {
				s.addFamily(f)
			}
			return nil
		})},
		Otherwise: s.family}
}

func (s *scope) family(c *grammar.Cursor) error {
	f, err := takeFamily(c)
	if err != nil {
		s.wrongFamily = true
		return err
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
		set("graceful-restart", "SECONDS|disable", "how long the neighbor keeps our routes while we restart (RFC 4724); without a time, or with 0, as long as hold-time", s.gracefulRestart),
		set("add-path", "disable|send|receive|send/receive", "several routes for a prefix (RFC 7911)", func(cur *grammar.Cursor) error {
			w, err := oneOf(cur, "disable", "disabled", "send", "receive", "send/receive")
			c.AddPath = directions[w]
			return err
		}),
		flag("nexthop", "next hops of the other address family, for the families of section nexthop (RFC 8950)", func() *bool { return &c.NextHop }),
		flag("multi-session", "say that a session is told from others by its families; there is one for all of them (draft-ietf-idr-bgp-multisession)", func() *bool { return &c.MultiSession }),
		flag("operational", "messages of section operational, which ExaBGP alone speaks (draft-ietf-idr-operational-message)", func() *bool { return &c.Operational }),
		flag("aigp", "accumulated IGP metrics (RFC 7311)", func() *bool { return &c.AIGP }),
		flag("software-version", "tell which software this is (draft-abraitis-bgp-version-capability)", func() *bool { return &c.SoftwareVersion }),
		flag("link-local-nexthop", "link-local next hops beside or without global ones (draft-ietf-idr-linklocal-capability)", func() *bool { return &c.LinkLocalNextHop }),
		flag("link-local-prefer", "send link-local next hops alone, where that was agreed", func() *bool { return &c.LinkLocalPrefer }),
	}
	return &grammar.Node{Word: "capability", Help: "what we offer the neighbor", Kids: kids}
}

// gracefulRestart takes a time; 0 is the hold time, wherever that is said.
func (s *scope) gracefulRestart(c *grammar.Cursor) error {
	to := &s.n.Capabilities.GracefulRestart
	switch *to, s.holdRestart = 0, false; c.Peek() {
	case "disable", "disabled", "false":
		c.Next()
		return nil
	case "", "enable", "true":
		c.Next()
		s.holdRestart = true
		return nil
	}
	n, err := c.Int(0, maxRestart)
	*to, s.holdRestart = time.Duration(n)*time.Second, n == 0
	return err
}

// maxRestart is what the 12 bits of a restart time hold (RFC 4724 section 3).
const maxRestart = 4095

var directions = map[string]bgp.Direction{"send": bgp.Send, "receive": bgp.Receive, "send/receive": bgp.Send | bgp.Receive}

// takeFamily takes the two words of a family.
func takeFamily(c *grammar.Cursor) (bgp.Family, error) {
	const want = "a family like ipv4 unicast"
	afi := c.Next()
	safi, err := c.One(want)
	if err != nil {
		return 0, err
	}
	f, known := bgp.FamilyByWords(afi, safi)
	if !known {
		return 0, grammar.Wish(want, afi+" "+safi)
	}
	return f, nil
}

// nextHopNode is the families whose next hops may be of another address family.
func (s *scope) nextHopNode() *grammar.Node {
	return &grammar.Node{Word: "nexthop", Help: "families whose next hops may be of the other address family, as \"ipv4 unicast ipv6\" (RFC 8950)",
		Otherwise: func(c *grammar.Cursor) error {
			f, err := takeFamily(c)
			if err != nil {
				return err
			}
			w, err := oneOf(c, "ipv4", "ipv6")
			if err != nil {
				return err
			}
			h := bgp.Hop{Family: f, AFI: map[string]bgp.AFI{"ipv4": bgp.AFIIPv4, "ipv6": bgp.AFIIPv6}[w]}
			if h.AFI != f.AFI() && bgp.MakeHops([]bgp.Hop{h}) == 0 {
				return fmt.Errorf("%s can't have next hops of %s", f, w)
			}
			if !slices.Contains(s.n.NextHops, h) {
				s.n.NextHops = append(s.n.NextHops, h)
			}
			return nil
		}}
}

// addPathNode is ADD-PATH for single families.
func (s *scope) addPathNode() *grammar.Node {
	return &grammar.Node{Word: "add-path", Help: "families with several routes for a prefix, as \"ipv4 unicast send/receive limit 4\", or without, as \"ipv4 unicast disable\" (RFC 7911)",
		Otherwise: func(c *grammar.Cursor) error {
			f, err := takeFamily(c)
			if err != nil {
				return err
			}
			p := AddPath{Family: f}
			switch w := c.Peek(); w {
			case "disable", "disabled":
				c.Next()
				p.Off = true
			case "send", "receive", "send/receive":
				c.Next()
				p.Direction = directions[w]
			}
			if c.Peek() == "limit" {
				c.Next()
				n, err := c.Int(1, 65535)
				if err != nil {
					return err
				}
				p.Limit = uint16(n)
			}
			s.n.AddPaths = append(s.n.AddPaths, p)
			return nil
		}}
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
		unsaid(text("password", "KEY", "the key", func() *string { return &k().Password })),
		set("password-file", "PATH", "the same, with the key in a file", func(c *grammar.Cursor) error { return s.keyFile(c, &k().Password) }),
		flag("base64", "the key is in base64", func() *bool { return &decode }),
	}, Open: func(*grammar.Cursor) error { decode = false; s.n.TCPAO = nil; k(); return nil },
		Close: func(c *grammar.Cursor) error {
			if k().Password == "" && !c.Failed() {
				return errors.New("want password KEY or password-file PATH")
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
		for _, w := range messageWords {
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
				m, err := regexp.Compile(e)
				if err == nil {
					m, err = regexp.Compile("^(?:" + e + ")") // ExaBGP looks at how a name begins
				}
				if err != nil {
					return fmt.Errorf("want a regular expression: %w", err)
				}
				s.api.matches = append(s.api.matches, m)
				return nil
			})
		}),
		messages("send"), messages("receive"),
	}
	for _, w := range stateWords {
		kids = append(kids, set(w, "enable|disable", "", on("")))
	}
	return &grammar.Node{Word: "api", Args: "NAME", Help: "which helpers speak for this neighbor, and what they hear", Kids: kids,
		Open:  func(c *grammar.Cursor) error { s.api = API{Name: c.Next(), Switches: map[string]bool{}}; return nil },
		Close: func(*grammar.Cursor) error { s.n.API = append(s.n.API, s.api); return nil }}
}
