package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// AppendText appends the neighbor as a section of a configuration, in the order
// and with the blanks of ExaBGP's. Its keys and routes are not told.
func (n *Neighbor) AppendText(b []byte) []byte {
	p := printer{b: b}
	p.open("neighbor " + n.peer())
	p.line("description %s", grammar.Quote(n.Description))
	p.addresses(n)
	p.line("local-as %s", auto(n.LocalAS))
	p.line("peer-as %s", auto(n.PeerAS))
	p.line("hold-time %d", int(n.HoldTime.Seconds()))
	p.line("rate-limit %s", number(n.RateLimit, "disable"))
	p.line("manual-eor %t", n.ManualEOR)
	p.b = append(p.b, '\n')
	p.line("passive %t", n.Passive)
	p.some(n.Listen != 0, "listen %d", n.Listen)
	p.some(n.Connect != 0, "connect %d", n.Connect)
	p.line("group-updates %t", n.GroupUpdates)
	p.line("auto-flush %t", n.AutoFlush)
	p.line("adj-rib-in %t", n.AdjRIBIn)
	p.line("adj-rib-out %t", n.AdjRIBOut)
	p.some(n.OutgoingTTL != 0, "outgoing-ttl %d", n.OutgoingTTL)
	p.some(n.IncomingTTL != 0, "incoming-ttl %d", n.IncomingTTL)
	p.some(n.SourceInterface != "", "source-interface %s", grammar.Quote(n.SourceInterface))
	p.some(n.MD5IP.IsValid(), "md5-ip %s", n.MD5IP)
	p.b = append(p.b, '\n')
	p.capability(&n.Capabilities)
	p.families(n)
	said := map[string]bool{}
	for i := range n.API {
		p.api(&n.API[i])
		for _, name := range n.API[i].Processes {
			said[name] = true
		}
	}
	if more := slices.DeleteFunc(slices.Clone(n.Processes), func(name string) bool { return said[name] }); len(more) > 0 {
		p.api(&API{Processes: more}) // that "processes-match" has found
	}
	p.close()
	return p.b
}

// peer is how the section is headed.
func (n *Neighbor) peer() string {
	if n.Peer.IsSingleIP() {
		return n.Peer.Addr().WithZone(n.Zone).String()
	}
	return n.Peer.String()
}

// printer writes statements, indented by their sections.
type printer struct {
	b     []byte
	depth int
}

func (p *printer) line(format string, args ...any) {
	p.b = fmt.Appendf(append(p.b, strings.Repeat("  ", p.depth)...), format+";\n", args...)
}

// some is line, for what may not have been said.
func (p *printer) some(said bool, format string, args ...any) {
	if said {
		p.line(format, args...)
	}
}

func (p *printer) open(head string) {
	p.b = append(append(append(p.b, strings.Repeat("  ", p.depth)...), head...), " {\n"...)
	p.depth++
}

func (p *printer) close() {
	p.depth--
	p.b = append(append(p.b, strings.Repeat("  ", p.depth)...), "}\n"...)
}

func (p *printer) addresses(n *Neighbor) {
	p.some(n.RouterID != 0, "router-id %s", n.RouterID)
	p.some(n.HostName != "", "host-name %s", grammar.Quote(n.HostName))
	p.some(n.DomainName != "", "domain-name %s", grammar.Quote(n.DomainName))
	if n.LocalAddress.IsValid() {
		p.line("local-address %s", n.LocalAddress)
	} else {
		p.line("local-address auto")
	}
	p.some(n.LinkLocal.IsValid(), "local-link-local %s", n.LinkLocal)
}

func (p *printer) capability(c *Capabilities) {
	p.open("capability")
	p.line("asn4 %s", enable(c.ASN4))
	p.line("route-refresh %s", enable(c.RouteRefresh))
	p.line("graceful-restart %s", number(int(c.GracefulRestart.Seconds()), "disable"))
	p.line("nexthop %s", enable(c.NextHop))
	p.line("add-path %s", direction(c.AddPath))
	p.line("multi-session %s", enable(c.MultiSession))
	p.line("operational %s", enable(c.Operational))
	p.line("aigp %s", enable(c.AIGP))
	p.line("extended-message %s", enable(c.ExtendedMessage))
	p.line("software-version %s", enable(c.SoftwareVersion))
	p.line("link-local-nexthop %s", enable(c.LinkLocalNextHop))
	p.line("link-local-prefer %s", enable(c.LinkLocalPrefer))
	p.close()
}

func (p *printer) families(n *Neighbor) {
	p.open("family")
	for _, f := range n.Families {
		p.line("%s", f)
	}
	p.close()
	p.open("nexthop")
	for _, h := range n.NextHops {
		p.line("%s %s", h.Family, map[bgp.AFI]string{bgp.AFIIPv4: "ipv4", bgp.AFIIPv6: "ipv6"}[h.AFI])
	}
	p.close()
	p.open("add-path")
	for _, a := range n.AddPaths {
		how := ""
		if a.Off || a.Direction != 0 {
			how = " " + direction(a.Direction)
		}
		if a.Limit != 0 {
			how += fmt.Sprintf(" limit %d", a.Limit)
		}
		p.line("%s%s", a.Family, how)
	}
	p.close()
}

func (p *printer) api(a *API) {
	head := "api"
	if a.Name != "" {
		head += " " + grammar.Quote(a.Name)
	}
	p.open(head)
	var names []string
	for _, n := range a.Processes {
		names = append(names, grammar.Quote(n))
	}
	p.some(names != nil, "processes [ %s ]", strings.Join(names, " "))
	inner := ""
	for _, w := range slices.SortedFunc(maps.Keys(a.Switches), bySection) {
		section, word, ok := strings.Cut(w, " ")
		if !ok {
			section, word = "", w
		}
		if section != inner && inner != "" {
			p.close()
		}
		if section != inner && section != "" {
			p.open(section)
		}
		inner = section
		p.line("%s%s", word, map[bool]string{false: " disable"}[a.Switches[w]])
	}
	if inner != "" {
		p.close()
	}
	p.close()
}

// bySection has the switches of no section first.
func bySection(a, b string) int {
	return cmp.Or(cmp.Compare(strings.Count(a, " "), strings.Count(b, " ")), cmp.Compare(a, b))
}

func auto(a bgp.ASN) string {
	if a == 0 {
		return "auto"
	}
	return fmt.Sprint(a)
}

func number(n int, none string) string {
	if n == 0 {
		return none
	}
	return fmt.Sprint(n)
}

func enable(v bool) string {
	if v {
		return "enable"
	}
	return "disable"
}

func direction(d bgp.Direction) string {
	if d == 0 {
		return "disable"
	}
	return d.String()
}
