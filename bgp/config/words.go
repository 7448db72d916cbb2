package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
)

// scope is a neighbor while it is being said.
type scope struct {
	b          *builder
	template   bool
	n          Neighbor
	base64     bool
	password   string
	processPos []usedProcess
	api        API
	said       map[string]bool // of local-as and peer-as
	foreign    []foreign
	routes     map[bgp.Family]grammar.Pos // the first route of each family

	holdRestart bool // the restart time is the hold time
	wrongFamily bool // section family has an error: what it lacks is not known
}

func defaults() Neighbor {
	return Neighbor{HoldTime: 180 * time.Second, GroupUpdates: true, AutoFlush: true, AdjRIBOut: true,
		Capabilities: Capabilities{ASN4: true, ExtendedMessage: true}}
}

func (b *builder) neighborNode() *grammar.Node {
	s := &scope{b: b}
	return s.node("neighbor", "ADDRESS|PREFIX", "a router that we speak BGP with; a prefix takes whoever connects from it")
}

// node is the section; its words fill s.
func (s *scope) node(word, args, help string) *grammar.Node {
	kids := s.words()
	return &grammar.Node{Word: word, Args: args, Help: help, Kids: kids,
		Open: func(c *grammar.Cursor) error {
			s.begin(c.Start())
			body := c.Body()
			if s.template {
				return nil
			}
			err := s.peer(c)
			s.inherit(c, body, kids)
			return err
		},
		Close: func(*grammar.Cursor) error { return s.end() }}
}

func (s *scope) begin(pos grammar.Pos) {
	*s = scope{b: s.b, template: s.template, n: defaults(), said: map[string]bool{}, routes: map[bgp.Family]grammar.Pos{}}
	s.n.Pos = pos
}

// inherit reads the templates first, wherever in the section they are named, so
// that what the neighbor says itself comes last.
func (s *scope) inherit(c *grammar.Cursor, body grammar.Body, kids []*grammar.Node) {
	body.Statements("inherit", func(names *grammar.Cursor) {
		names.List("a template", func(name string) error {
			if t, ok := s.b.templates[name]; ok {
				c.Replay(t, &grammar.Node{Kids: kids})
			}
			return nil
		})
	})
}

// peer reads the neighbor's address: "10.0.0.2", "10.0.0.0/24", "fe80::1%eth0".
func (s *scope) peer(c *grammar.Cursor) error {
	const want = "an address or a prefix"
	text, err := c.One(want)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(text); err == nil {
		s.n.Peer, s.n.Zone = netip.PrefixFrom(a.WithZone(""), a.BitLen()), a.Zone()
		return nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return grammar.Wish(want, text)
	}
	s.n.Peer = p.Masked()
	return nil
}

// end completes a neighbor and keeps it.
func (s *scope) end() error {
	if s.template {
		return nil
	}
	if len(s.n.Families) == 0 {
		s.n.Families = family.All()
	}
	if s.holdRestart {
		s.n.Capabilities.GracefulRestart = min(s.n.HoldTime, maxRestart*time.Second)
	}
	s.checkHops()
	s.checkFamilies()
	err := errors.Join(s.complete(), s.key())
	if at, ok := s.b.ends[s.n.Ends()]; ok {
		err = errors.Join(err, fmt.Errorf("there is a neighbor %s already, at %s; another local-address or connect would tell them apart", s.n.Peer, at))
	} else {
		s.b.ends[s.n.Ends()] = s.n.Pos
	}
	s.b.used = append(s.b.used, s.processPos...)
	s.b.config.Neighbors = append(s.b.config.Neighbors, s.n)
	return err
}

// complete checks what only the whole section tells.
func (s *scope) complete() error {
	n := &s.n
	if !n.Peer.IsValid() {
		return nil // its own error has been told
	}
	for _, w := range []string{"local-as", "peer-as"} {
		if !s.said[w] {
			return fmt.Errorf("want %s ASN", w)
		}
	}
	if n.RouterID == 0 && !n.Peer.Addr().Is4() {
		return errors.New("want router-id: an IPv6 address can't be one")
	}
	if n.LocalAddress.IsValid() && n.LocalAddress.Is4() != n.Peer.Addr().Is4() {
		return fmt.Errorf("local-address %s and neighbor %s are not of one address family", n.LocalAddress, n.Peer.Addr())
	}
	if !n.Peer.IsSingleIP() {
		n.Passive = true
	}
	if n.MD5Password != "" && n.TCPAO != nil {
		return errors.New("md5-password and tcp-ao exclude each other")
	}
	if n.Peer.Addr().IsLinkLocalUnicast() && n.Zone == "" {
		if n.Zone = n.SourceInterface; n.Zone == "" {
			return fmt.Errorf("a link-local neighbor needs its link: %s%%eth0, or source-interface", n.Peer.Addr())
		}
	}
	return nil
}

// key decodes the MD5 password.
func (s *scope) key() error {
	s.n.MD5Password = s.password
	if s.base64 && s.password != "" {
		k, err := base64.StdEncoding.DecodeString(s.password)
		if err != nil {
			return fmt.Errorf("md5-password: want base64: %w", err)
		}
		s.n.MD5Password = string(k)
	}
	if len(s.n.MD5Password) > maxMD5 {
		return fmt.Errorf("md5-password: want at most %d characters, got %d", maxMD5, len(s.n.MD5Password))
	}
	return nil
}

// maxMD5 is the longest key that the kernel takes.
const maxMD5 = 80

// words are those of a neighbor.
func (s *scope) words() []*grammar.Node {
	n := &s.n
	ns := []*grammar.Node{
		set("inherit", "TEMPLATE|[ TEMPLATES ]", "take the words of a template; those of the neighbor come after", s.checkInherit),
		text("description", "TEXT", "for people", func() *string { return &n.Description }),
		set("peer-address", "ADDRESS", "the neighbor's address, if the section's head does not say it", s.peer),
		address("local-address", "the address that we speak from", true, func() *netip.Addr { return &n.LocalAddress }),
		address("local-link-local", "our link-local address on the neighbor's link, which goes along with IPv6 next hops", false, func() *netip.Addr { return &n.LinkLocal }),
		s.asn("local-as", "our AS", func() *bgp.ASN { return &n.LocalAS }),
		s.asn("peer-as", "the neighbor's AS; auto takes whatever it says", func() *bgp.ASN { return &n.PeerAS }),
		set("router-id", "ROUTER-ID", "our BGP identifier", s.routerID),
		text("host-name", "NAME", "our name, for the neighbor's people", func() *string { return &n.HostName }),
		text("domain-name", "NAME", "our domain, for the neighbor's people", func() *string { return &n.DomainName }),
		set("hold-time", "0|3-65535", "seconds of silence after which the session is over; 0 is for ever", s.holdTime),
		set("rate-limit", "UPDATES|disable", "announce with at most so many UPDATEs a second; withdraws do not wait", s.rateLimit),
		flag("passive", "wait for the neighbor to connect", func() *bool { return &n.Passive }),
		port("listen", "wait for the neighbor at this port as well; 0 is not to", func() *uint16 { return &n.Listen }),
		port("connect", "the neighbor's port; 0 is the usual one", func() *uint16 { return &n.Connect }),
		text("source-interface", "LINK", "use this link only", func() *string { return &n.SourceInterface }),
		ttl("outgoing-ttl", "TTL of what we send", func(v int) { n.OutgoingTTL = v }),
		ttl("incoming-ttl", "what comes with less is dropped (RFC 5082)", func(v int) { n.IncomingTTL = v }),
		set("ttl-security", "HOPS|enable|disable", "send with TTL 255, and drop what has come over more hops (RFC 5082)", s.ttlSecurity),
		unsaid(set("md5-password", "KEY", "sign each segment (RFC 2385)", s.md5Password)),
		set("md5-password-file", "PATH", "the same, with the key in a file", s.md5File),
		set("md5-base64", "enable|disable|auto", "the key is in base64", s.md5Base64),
		address("md5-ip", "our address that the neighbor connects to, if it is not local-address", false, func() *netip.Addr { return &n.MD5IP }),
		flag("group-updates", "as many routes as fit into an UPDATE", func() *bool { return &n.GroupUpdates }),
		flag("auto-flush", "announce at once; else wait for a helper's flush", func() *bool { return &n.AutoFlush }),
		flag("adj-rib-out", "accepted: what was announced is always known", func() *bool { return &n.AdjRIBOut }),
		flag("adj-rib-in", "keep what the neighbor says, which is not done unasked: a million routes take 110 MB", func() *bool { return &n.AdjRIBIn }),
		flag("manual-eor", "End-of-RIB comes from a helper", func() *bool { return &n.ManualEOR }),
		s.familyNode(), s.capabilityNode(), s.nextHopNode(), s.addPathNode(), s.aoNode(), s.apiNode(),
		s.staticNode(), s.announceNode(), s.flowSection(), s.l2vpnNode(), s.operationalNode(),
	}
	return append(ns,
		old("md5", "md5-password", ns), old("hostname", "host-name", ns), old("domainname", "domain-name", ns))
}

// old is a word of earlier versions of ExaBGP: it does what today's does.
func old(word, instead string, ns []*grammar.Node) *grammar.Node {
	i := slices.IndexFunc(ns, func(n *grammar.Node) bool { return n.Word == instead })
	n := *ns[i]
	n.Word, n.Instead = word, instead
	return &n
}

func (s *scope) checkInherit(c *grammar.Cursor) error {
	if s.template {
		return errors.New("templates do not inherit")
	}
	return c.List("a template", func(name string) error {
		if _, ok := s.b.templates[name]; !ok {
			return fmt.Errorf("there is no template %q", name)
		}
		return nil
	})
}

func (s *scope) routerID(c *grammar.Cursor) error {
	t, err := c.One("a router-id")
	if err != nil {
		return err
	}
	if s.n.RouterID, err = bgp.ParseID(t); err == nil && s.n.RouterID == 0 {
		err = errors.New("0.0.0.0 is no router-id (RFC 6286)")
	}
	return err
}

func (s *scope) holdTime(c *grammar.Cursor) error {
	n, err := c.Int(0, 65535)
	if err == nil && n != 0 && n < 3 {
		err = fmt.Errorf("want 0 or 3-65535, got %q", fmt.Sprint(n))
	}
	s.n.HoldTime = time.Duration(n) * time.Second
	return err
}

func (s *scope) rateLimit(c *grammar.Cursor) error {
	if w := c.Peek(); w == "disable" || w == "disabled" {
		c.Next()
		s.n.RateLimit = 0
		return nil
	}
	n, err := c.Int(1, 1<<31)
	s.n.RateLimit = int(n)
	return err
}

// ttlSecurity is both TTLs in one word: a neighbor at most so many hops away.
func (s *scope) ttlSecurity(c *grammar.Cursor) error {
	hops := int64(1)
	switch w := c.Peek(); w {
	case "disable", "disabled", "false":
		c.Next()
		s.n.IncomingTTL, s.n.OutgoingTTL = 0, 0
		return nil
	case "enable", "enabled", "true", "":
		c.Next()
	default:
		var err error
		if hops, err = c.Int(1, 254); err != nil {
			return err
		}
	}
	s.n.OutgoingTTL, s.n.IncomingTTL = 255, int(256-hops)
	return nil
}

func (s *scope) md5Password(c *grammar.Cursor) (err error) {
	s.password, err = c.One("a key")
	if err == nil && len(s.password) > maxMD5 && !s.base64 {
		err = fmt.Errorf("want at most %d characters, got %d", maxMD5, len(s.password))
	}
	return err
}

func (s *scope) md5File(c *grammar.Cursor) error { return s.keyFile(c, &s.password) }

// keyFile takes the path of a key's file, and reads it.
func (s *scope) keyFile(c *grammar.Cursor, key *string) error {
	path, err := c.One("a path")
	if err != nil {
		return err
	}
	if s.b.options.ReadFile == nil {
		return errors.New("no file is read here: a command has the key itself") // and no session goes without its key
	}
	b, err := s.b.options.ReadFile(path)
	if err != nil {
		return err
	}
	if *key = strings.TrimRight(string(b), "\r\n"); *key == "" {
		return fmt.Errorf("%s is empty", path)
	}
	return nil
}

func (s *scope) md5Base64(c *grammar.Cursor) (err error) {
	if c.Peek() == "auto" {
		c.Next()
		_, e := base64.StdEncoding.DecodeString(s.password)
		s.base64 = s.password != "" && e == nil
		return nil
	}
	s.base64, err = c.Bool()
	return err
}
