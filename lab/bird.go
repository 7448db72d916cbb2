package lab

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// BIRD is BIRD 2 as Debian has it.
func BIRD(h *Host, s Session) Peer {
	b := &bird{daemon{Host: h, Session: s, kind: "bird"}}
	b.argv = []string{"/usr/sbin/bird", "-f", "-c", b.file("conf", b.config()), "-s", b.socket()}
	return b
}

type bird struct{ daemon }

// socket is relative to the lab's folder for the daemon and absolute for us;
// one path does for both.
func (b *bird) socket() string { return fmt.Sprintf("%s/%s-bird.ctl", b.Dir, b.Short) }

func (b *bird) config() string {
	return fmt.Sprintf(`log stderr all;
router id %s;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; }
%sprotocol bgp box {
	local %s port 179 as %d;
	neighbor %s as %d;
	hold time %d;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	%s%s
	ipv4 { import all; export %s; };
	ipv6 { import all; export none; };
%s}
`, RouterID, b.Top, b.Local, b.LocalAS, b.Remote, b.RemoteAS, b.hold(),
		when(b.Password != "", "password %q;", b.Password), when(b.Passive, "passive;"), cmp.Or(b.Export, "none"), b.Channels)
}

// Ask is birdc.
func (b *bird) Ask(words ...string) string { return b.ask(strings.Join(words, " ")) }

func (b *bird) ask(command string) string {
	out, err := output("/usr/sbin/birdc", "-s", b.socket(), command)
	if err != nil {
		return "" // not up yet
	}
	return string(out)
}

func (b *bird) Established() bool {
	return strings.Contains(b.ask("show protocols box"), "Established")
}

func (b *bird) Route(p netip.Prefix) (Route, bool) {
	return parseBIRD(b.ask(fmt.Sprintf("show route %s protocol box all", p)))
}

// parseBIRD reads lines like "	BGP.as_path: 65001 65002".
func parseBIRD(text string) (r Route, found bool) {
	for line := range strings.Lines(text) {
		word, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		name, bgp := strings.CutPrefix(word, "BGP.")
		if !ok || !bgp {
			continue
		}
		found = true
		r.setBIRD(name, strings.TrimSpace(value))
	}
	return r.sorted(), found
}

func (r *Route) setBIRD(name, value string) {
	switch name {
	case "origin":
		r.Origin = strings.ToLower(value)
	case "as_path":
		r.ASPath = value
	case "next_hop": // for IPv6 the link-local one may follow
		r.NextHop, _ = netip.ParseAddr(strings.Fields(value)[0])
	case "med":
		r.MED = value
	case "local_pref":
		r.LocalPref = value
	case "atomic_aggr":
		r.Atomic = true
	case "aggregator": // "192.0.2.9 AS65001"
		if address, as, ok := strings.Cut(value, " AS"); ok {
			r.Aggregator = as + ":" + address
		}
	case "community":
		r.Communities = tuplesBIRD(value)
	case "large_community":
		r.Large = tuplesBIRD(value)
	case "ext_community":
		r.Extended = tuplesBIRD(value)
	}
}

// tuplesBIRD reads "(65001,1) (65001,2)" and "(rt, 65001, 1)".
func tuplesBIRD(value string) (list []string) {
	for tuple := range strings.SplitSeq(strings.Trim(value, "()"), ") (") {
		words := strings.Split(strings.ReplaceAll(tuple, " ", ""), ",")
		words[0] = extendedName(words[0])
		list = append(list, strings.Join(words, ":"))
	}
	return list
}
