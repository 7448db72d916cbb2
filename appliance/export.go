package appliance

import (
	"fmt"
	"maps"
	"slices"

	"holdfast/bgp"
	"holdfast/bgp/config"
)

// Exported is what a configuration means, for tools, in the configuration's own
// words. It has no keys.
type Exported struct {
	File      string             `json:"file"`
	Neighbors []ExportedNeighbor `json:"neighbor"`
	Processes []ExportedProcess  `json:"process"`
}

// ExportedProcess is a helper.
type ExportedProcess struct {
	Name    string   `json:"name"`
	Run     []string `json:"run"`
	Encoder string   `json:"encoder,omitempty"`
	Respawn bool     `json:"respawn"`
	Ack     *bool    `json:"ack,omitempty"`
}

// ExportedNeighbor is a neighbor, its templates applied, with its routes as
// "announce" says them.
type ExportedNeighbor struct {
	At           string              `json:"at"` // file, line and column
	Peer         string              `json:"peer-address"`
	Description  string              `json:"description,omitempty"`
	LocalAddress string              `json:"local-address"`
	LinkLocal    string              `json:"local-link-local,omitempty"`
	LocalAS      any                 `json:"local-as"` // a number, or auto
	PeerAS       any                 `json:"peer-as"`
	RouterID     string              `json:"router-id,omitempty"`
	HostName     string              `json:"host-name,omitempty"`
	DomainName   string              `json:"domain-name,omitempty"`
	HoldTime     int                 `json:"hold-time"`
	Passive      bool                `json:"passive"`
	Listen       uint16              `json:"listen,omitempty"`
	Connect      uint16              `json:"connect,omitempty"`
	Interface    string              `json:"source-interface,omitempty"`
	OutgoingTTL  int                 `json:"outgoing-ttl,omitempty"`
	IncomingTTL  int                 `json:"incoming-ttl,omitempty"`
	MD5          bool                `json:"md5-password"` // there is one
	MD5IP        string              `json:"md5-ip,omitempty"`
	TCPAO        string              `json:"tcp-ao,omitempty"`
	RateLimit    int                 `json:"rate-limit,omitempty"`
	GroupUpdates bool                `json:"group-updates"`
	AutoFlush    bool                `json:"auto-flush"`
	ManualEOR    bool                `json:"manual-eor"`
	Families     []string            `json:"family"`
	Capabilities map[string]any      `json:"capability"`
	NextHops     []string            `json:"nexthop,omitempty"`
	AddPaths     []string            `json:"add-path,omitempty"`
	Processes    []string            `json:"processes,omitempty"`
	Events       map[string][]string `json:"events,omitempty"` // what the helpers of each section "api" hear
	Routes       []string            `json:"announce"`
	Operational  []string            `json:"operational,omitempty"` // messages
}

// Export is the configuration without its keys.
func (l *Loaded) Export() Exported {
	x := Exported{File: l.Path, Neighbors: []ExportedNeighbor{}, Processes: []ExportedProcess{}}
	for i := range l.Config.Neighbors {
		x.Neighbors = append(x.Neighbors, export(&l.Config.Neighbors[i]))
	}
	for _, p := range l.Config.Processes {
		x.Processes = append(x.Processes, ExportedProcess{p.Name, p.Run, p.Encoder, p.Respawn, p.Ack})
	}
	return x
}

func export(n *config.Neighbor) ExportedNeighbor {
	e := ExportedNeighbor{At: n.Pos.String(), Peer: n.Peer.String(), Description: n.Description, LocalAddress: "auto",
		LocalAS: asn(n.LocalAS), PeerAS: asn(n.PeerAS), HostName: n.HostName, DomainName: n.DomainName,
		HoldTime: int(n.HoldTime.Seconds()), Passive: n.Passive, Listen: n.Listen, Connect: n.Connect, Interface: n.SourceInterface,
		OutgoingTTL: n.OutgoingTTL, IncomingTTL: n.IncomingTTL, MD5: n.MD5Password != "",
		RateLimit: n.RateLimit, GroupUpdates: n.GroupUpdates, AutoFlush: n.AutoFlush, ManualEOR: n.ManualEOR, Capabilities: capabilities(n), Processes: n.Processes}
	if n.Peer.IsSingleIP() {
		e.Peer = n.Peer.Addr().WithZone(n.Zone).String()
	}
	if n.LocalAddress.IsValid() {
		e.LocalAddress = n.LocalAddress.String()
	}
	if n.LinkLocal.IsValid() {
		e.LinkLocal = n.LinkLocal.String()
	}
	if n.MD5IP.IsValid() {
		e.MD5IP = n.MD5IP.String()
	}
	if n.RouterID != 0 {
		e.RouterID = n.RouterID.String()
	}
	if n.TCPAO != nil {
		e.TCPAO = fmt.Sprintf("keyid %d algorithm %s", n.TCPAO.KeyID, n.TCPAO.Algorithm)
	}
	for _, f := range n.Families {
		e.Families = append(e.Families, f.String())
	}
	e.lists(n)
	return e
}

// lists fills what a neighbor has several of.
func (e *ExportedNeighbor) lists(n *config.Neighbor) {
	for _, h := range n.HopList() {
		e.NextHops = append(e.NextHops, h.Family.String()+" "+map[bgp.AFI]string{bgp.AFIIPv4: "ipv4", bgp.AFIIPv6: "ipv6"}[h.AFI])
	}
	for _, p := range n.PathList() {
		text := fmt.Sprintf("%s %s", p.Family, p.Direction)
		if p.Limit != 0 {
			text += fmt.Sprintf(" limit %d", p.Limit)
		}
		e.AddPaths = append(e.AddPaths, text)
	}
	for _, a := range n.API {
		heard := slices.DeleteFunc(slices.Sorted(maps.Keys(a.Switches)), func(w string) bool { return !a.Switches[w] })
		for _, p := range a.Processes {
			if e.Events == nil {
				e.Events = map[string][]string{}
			}
			e.Events[p] = slices.Compact(slices.Sorted(slices.Values(append(e.Events[p], heard...))))
		}
	}
	for _, m := range n.Operational {
		e.Operational = append(e.Operational, string(m.AppendText(nil)))
	}
	for _, r := range n.Routes {
		for _, name := range bgp.FamilyNames(r.NLRI.Family)[:1] {
			e.Routes = append(e.Routes, string(r.AppendText([]byte(name.AFI+" "+name.SAFI+" "))))
		}
	}
}

// capabilities are the words of section capability, with what they are.
func capabilities(n *config.Neighbor) map[string]any {
	c := n.Capabilities
	return map[string]any{"asn4": c.ASN4, "route-refresh": c.RouteRefresh, "extended-message": c.ExtendedMessage,
		"graceful-restart": int(c.GracefulRestart.Seconds()), "add-path": c.AddPath.String(), "nexthop": c.NextHop,
		"multi-session": c.MultiSession, "operational": c.Operational, "aigp": c.AIGP, "software-version": c.SoftwareVersion, "link-local-nexthop": c.LinkLocalNextHop, "link-local-prefer": c.LinkLocalPrefer}
}

// asn is an AS number as the configuration says it.
func asn(n bgp.ASN) any {
	if n == 0 {
		return "auto"
	}
	return n
}
