package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
	"holdfast/bgp/route"
)

// scope is a neighbor while it is being said.
type scope struct {
	b          *builder
	template   bool
	n          Neighbor
	base64     bool
	inherited  bool // what is there came from a template: a list of our own replaces it
	families   bool
	matches    []*regexp.Regexp
	password   string
	processPos []usedProcess
	api        API
	said       map[string]bool // of local-as and peer-as
}

func defaults() Neighbor {
	return Neighbor{HoldTime: 180 * time.Second, GroupUpdates: true, AutoFlush: true, AdjRIBOut: true, AdjRIBIn: true,
		Capabilities: Capabilities{ASN4: true, ExtendedMessage: true, RouteRefresh: true}}
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
	*s = scope{b: s.b, template: s.template, n: defaults(), said: map[string]bool{}}
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
	s.inherited = true
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
		for _, c := range family.Table {
			s.n.Families = append(s.n.Families, c.Family)
		}
	}
	s.n.Processes = s.processes()
	err := errors.Join(s.complete(), s.key())
	for _, n := range s.b.config.Neighbors {
		if n.Peer == s.n.Peer && n.Zone == s.n.Zone {
			err = errors.Join(err, fmt.Errorf("there is a neighbor %s already, at %s", n.Peer, n.Pos))
		}
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

// processes is the helpers of all sections "api".
func (s *scope) processes() (names []string) {
	for _, a := range s.n.API {
		names = append(names, a.Processes...)
	}
	for _, p := range s.b.config.Processes {
		for _, m := range s.matches {
			if m.MatchString(p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// set makes a node of a word with one value.
func set(word, args, help string, do func(c *grammar.Cursor) error) *grammar.Node {
	return &grammar.Node{Word: word, Args: args, Help: help, Do: do}
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
	return set(word, "1-65535", help, func(c *grammar.Cursor) error {
		n, err := c.Int(1, 65535)
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

// words are those of a neighbor.
func (s *scope) words() []*grammar.Node {
	n := &s.n
	ns := []*grammar.Node{
		set("inherit", "TEMPLATE|[ TEMPLATES ]", "take the words of a template; those of the neighbor come after", s.checkInherit),
		text("description", "TEXT", "for people", func() *string { return &n.Description }),
		set("peer-address", "ADDRESS", "the neighbor's address, if the section's head does not say it", s.peer),
		address("local-address", "the address that we speak from", true, func() *netip.Addr { return &n.LocalAddress }),
		s.asn("local-as", "our AS", func() *bgp.ASN { return &n.LocalAS }),
		s.asn("peer-as", "the neighbor's AS; auto takes whatever it says", func() *bgp.ASN { return &n.PeerAS }),
		set("router-id", "ROUTER-ID", "our BGP identifier", s.routerID),
		text("host-name", "NAME", "our name, for the neighbor's people", func() *string { return &n.HostName }),
		text("domain-name", "NAME", "our domain, for the neighbor's people", func() *string { return &n.DomainName }),
		set("hold-time", "0|3-65535", "seconds of silence after which the session is over; 0 is for ever", s.holdTime),
		set("rate-limit", "UPDATES|disable", "UPDATEs a second", s.rateLimit),
		flag("passive", "wait for the neighbor to connect", func() *bool { return &n.Passive }),
		port("listen", "wait for the neighbor at this port as well", func() *uint16 { return &n.Listen }),
		port("connect", "the neighbor's port", func() *uint16 { return &n.Connect }),
		text("source-interface", "LINK", "use this link only", func() *string { return &n.SourceInterface }),
		ttl("outgoing-ttl", "TTL of what we send", func(v int) { n.OutgoingTTL = v }),
		ttl("incoming-ttl", "what comes with less is dropped (RFC 5082)", func(v int) { n.IncomingTTL = v }),
		set("ttl-security", "HOPS|enable|disable", "send with TTL 255, and drop what has come over more hops (RFC 5082)", s.ttlSecurity),
		set("md5-password", "KEY", "sign each segment (RFC 2385)", s.md5Password),
		set("md5-password-file", "PATH", "the same, with the key in a file", s.md5File),
		set("md5-base64", "enable|disable|auto", "the key is in base64", s.md5Base64),
		set("md5-ip", "ADDRESS", "not used: the key is set for the neighbor's own address", s.md5IP),
		flag("group-updates", "as many routes as fit into an UPDATE", func() *bool { return &n.GroupUpdates }),
		flag("auto-flush", "announce at once; else wait for a helper's flush", func() *bool { return &n.AutoFlush }),
		flag("adj-rib-out", "accepted: what was announced is always known", func() *bool { return &n.AdjRIBOut }),
		flag("adj-rib-in", "accepted: what is received is not kept by this version", func() *bool { return &n.AdjRIBIn }),
		flag("manual-eor", "End-of-RIB comes from a helper", func() *bool { return &n.ManualEOR }),
		s.familyNode(), s.capabilityNode(), s.aoNode(), s.apiNode(), s.staticNode(), s.announceNode(),
	}
	return ns
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
	if err == nil {
		c.Warn("is not applied by this version: what a neighbor takes sets the pace")
	}
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

func (s *scope) md5File(c *grammar.Cursor) error {
	path, err := c.One("a path")
	if err != nil {
		return err
	}
	if s.b.options.ReadFile == nil {
		return nil // only the words are being looked at
	}
	b, err := s.b.options.ReadFile(path)
	if err != nil {
		return err
	}
	if s.password = strings.TrimRight(string(b), "\r\n"); s.password == "" {
		return fmt.Errorf("%s is empty", path)
	}
	return nil
}

func (s *scope) md5IP(c *grammar.Cursor) error {
	text, err := c.One("an address")
	if err != nil {
		return err
	}
	if s.n.MD5IP, err = netip.ParseAddr(text); err != nil {
		return grammar.Wish("an address", text)
	}
	c.Warn("is not used: the key is set for the neighbor's own address")
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
