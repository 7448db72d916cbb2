package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// FRR is FRR's bgpd as Debian has it, without zebra: its routes stay in its
// own table.
func FRR(h *Host, s Session) Peer {
	f := &frr{daemon{Host: h, Session: s, kind: "frr"}}
	// Root keeps its identity (-S), so that its sockets can stand here.
	f.argv = []string{"/usr/lib/frr/bgpd", "-S", "--no_zebra", "-P", "0", "--log", "stdout",
		"-f", f.file("conf", f.config()), "-i", f.dir() + "/bgpd.pid", "--vty_socket", f.dir()}
	if err := os.MkdirAll(f.dir(), 0o755); err != nil {
		h.Fatalf("lab: %v", err)
	}
	return f
}

type frr struct{ daemon }

func (f *frr) dir() string { return fmt.Sprintf("%s/%s-frr", f.Dir, f.Short) }

func (f *frr) config() string {
	n := fmt.Sprintf(" neighbor %s ", f.Remote)
	return fmt.Sprintf(`router bgp %d
 bgp router-id %s
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
`, f.LocalAS, RouterID) +
		n + fmt.Sprintf("remote-as %d\n", f.RemoteAS) +
		n + fmt.Sprintf("timers %d %d\n", f.hold()/3, f.hold()) +
		n + "timers connect 1\n" +
		n + fmt.Sprintf("update-source %s\n", f.Local) +
		when(f.Password != "", "%spassword %s\n", n, f.Password) +
		when(f.Passive, "%spassive\n", n) +
		" address-family ipv4 unicast\n " + n + "activate\n exit-address-family\n" +
		" address-family ipv6 unicast\n " + n + "activate\n exit-address-family\n" +
		f.Channels + f.Top
}

// Ask is vtysh.
func (f *frr) Ask(words ...string) string {
	out, err := output("/usr/bin/vtysh", "-d", "bgpd", "--vty_socket", f.dir(), "-c", strings.Join(words, " "))
	if err != nil {
		return "" // not up yet
	}
	return string(out)
}

// ask has vtysh print JSON into a value.
func (f *frr) ask(command string, into any) bool {
	out, err := output("/usr/bin/vtysh", "-d", "bgpd", "--vty_socket", f.dir(), "-c", command)
	return err == nil && json.Unmarshal(out, into) == nil
}

func (f *frr) Established() bool {
	var neighbors map[string]struct{ BgpState string }
	return f.ask("show bgp neighbors "+f.Remote.String()+" json", &neighbors) &&
		neighbors[f.Remote.String()].BgpState == "Established"
}

// frrPath is one path of "show bgp … json".
type frrPath struct {
	ASPath            struct{ String string }
	Origin            string
	Metric, LocPrf    *uint32
	AtomicAggregate   bool
	AggregatorAs      uint32
	AggregatorID      string
	Community         struct{ String string }
	LargeCommunity    struct{ String string }
	ExtendedCommunity struct{ String string }
	Nexthops          []struct {
		IP    netip.Addr
		Scope string
	}
}

func (f *frr) Route(p netip.Prefix) (Route, bool) {
	family := "ipv4"
	if p.Addr().Is6() {
		family = "ipv6"
	}
	var entry struct{ Paths []frrPath }
	if !f.ask(fmt.Sprintf("show bgp %s unicast %s json", family, p), &entry) || len(entry.Paths) == 0 {
		return Route{}, false
	}
	return entry.Paths[0].route().sorted(), true
}

func (p *frrPath) route() Route {
	r := Route{
		Origin: strings.ToLower(p.Origin), ASPath: p.ASPath.String, MED: number(p.Metric), LocalPref: number(p.LocPrf),
		Atomic: p.AtomicAggregate, Communities: strings.Fields(p.Community.String),
		Large: strings.Fields(p.LargeCommunity.String),
	}
	if r.ASPath == "Local" { // FRR's word for an empty one
		r.ASPath = ""
	}
	if p.AggregatorAs != 0 {
		r.Aggregator = fmt.Sprintf("%d:%s", p.AggregatorAs, p.AggregatorID)
	}
	for _, hop := range p.Nexthops {
		if hop.Scope != "link-local" {
			r.NextHop = hop.IP
		}
	}
	for _, word := range strings.Fields(p.ExtendedCommunity.String) { // "RT:65001:1"
		kind, value, _ := strings.Cut(word, ":")
		r.Extended = append(r.Extended, extendedName(kind)+":"+value)
	}
	return r
}
