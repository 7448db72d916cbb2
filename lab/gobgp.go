package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// GoBGP is gobgpd as Debian has it. Its client must be of the same version,
// so both are named in full: another gobgpd may come first in the path.
func GoBGP(h *Host, s Session) Peer {
	g := &gobgp{daemon{Host: h, Session: s, kind: "gobgp"}}
	// A namespace has a loopback of its own, so the API's port needs no choice.
	g.argv = []string{"/usr/bin/gobgpd", "-f", g.file("toml", g.config()), "--api-hosts", "127.0.0.1:50051", "--pprof-disable"}
	return g
}

type gobgp struct{ daemon }

func (g *gobgp) config() string {
	return fmt.Sprintf(`[global.config]
  as = %d
  router-id = "%s"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "%s"
    peer-as = %d
    auth-password = "%s"
  [neighbors.timers.config]
    hold-time = %d
    keepalive-interval = %d
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.transport.config]
    passive-mode = %t
    local-address = "%s"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
%s`, g.LocalAS, RouterID, g.Remote, g.RemoteAS, g.Password, g.hold(), g.hold()/3, g.Passive, g.Local, g.Channels)
}

// client runs gobgp, which gives up after a second: a busy host may need more.
func (g *gobgp) client(words ...string) (out []byte, err error) {
	Poll(30*time.Second, func() bool {
		out, err = g.Try(append([]string{"/usr/bin/gobgp"}, words...)...)
		return err == nil || !strings.Contains(err.Error(), "deadline exceeded")
	})
	return out, err
}

// Ask is gobgp.
func (g *gobgp) Ask(words ...string) string {
	out, err := g.client(words...)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(out)
}

// ask has gobgp print JSON into a value.
func (g *gobgp) ask(into any, words ...string) bool {
	out, err := g.client(append([]string{"-j"}, words...)...)
	return err == nil && json.Unmarshal(out, into) == nil
}

func (g *gobgp) Established() bool {
	var neighbor struct {
		State struct {
			SessionState int `json:"session_state"`
		}
	}
	const established = 6 // api.PeerState_ESTABLISHED
	return g.ask(&neighbor, "neighbor", g.Remote.String()) && neighbor.State.SessionState == established
}

func (g *gobgp) Route(p netip.Prefix) (Route, bool) {
	family := "ipv4"
	if p.Addr().Is6() {
		family = "ipv6"
	}
	var table map[string][]struct{ Attrs []gobgpAttr }
	if !g.ask(&table, "global", "rib", "-a", family, p.String()) || len(table[p.String()]) == 0 {
		return Route{}, false
	}
	var r Route
	for _, a := range table[p.String()][0].Attrs {
		a.set(&r)
	}
	return r.sorted(), true
}

// gobgpAttr is one path attribute as "gobgp -j" prints it; which members are
// there depends on the type.
type gobgpAttr struct {
	Type    int
	Value   json.RawMessage
	Nexthop netip.Addr
	Metric  *uint32
	ASPaths []struct {
		ASNs []uint32 `json:"asns"`
	} `json:"as_paths"`
	AS          uint32
	Address     netip.Addr
	Communities []uint32
}

func (a *gobgpAttr) set(r *Route) {
	switch a.Type {
	case 1:
		r.Origin = []string{"igp", "egp", "incomplete"}[min(2, decode[int](a.Value))]
	case 2:
		for _, segment := range a.ASPaths {
			r.ASPath += numbers(segment.ASNs, " ")
		}
	case 3, 14:
		r.NextHop = a.Nexthop
	case 4:
		r.MED = number(a.Metric)
	case 5:
		r.LocalPref = fmt.Sprint(decode[uint32](a.Value))
	case 6:
		r.Atomic = true
	case 7:
		r.Aggregator = fmt.Sprintf("%d:%s", a.AS, a.Address)
	case 8:
		for _, c := range a.Communities {
			r.Communities = append(r.Communities, fmt.Sprintf("%d:%d", c>>16, c&0xffff))
		}
	case 16:
		r.Extended = gobgpExtended(a.Value)
	case 32:
		r.Large = gobgpLarge(a.Value)
	}
}

func gobgpExtended(value json.RawMessage) (list []string) {
	type extended struct {
		Subtype int
		Value   string
	}
	for _, e := range decode[[]extended](value) {
		kind := map[int]string{2: "target", 3: "origin"}[e.Subtype]
		list = append(list, kind+":"+e.Value)
	}
	return list
}

func gobgpLarge(value json.RawMessage) (list []string) {
	type large struct{ ASN, LocalData1, LocalData2 uint32 }
	for _, l := range decode[[]large](value) {
		list = append(list, fmt.Sprintf("%d:%d:%d", l.ASN, l.LocalData1, l.LocalData2))
	}
	return list
}

// decode reads a value of JSON; what does not fit stays zero and shows in the
// comparison.
func decode[V any](raw json.RawMessage) (v V) {
	json.Unmarshal(raw, &v)
	return v
}
