package lab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// exabgpEnv makes ExaBGP run as a plain process of root.
var exabgpEnv = []string{
	"exabgp.daemon.user=root", "exabgp.daemon.drop=false", "exabgp.api.cli=false",
	"exabgp.log.destination=stdout", "PYTHONUNBUFFERED=1",
}

// ExaBGP is ExaBGP 4 as Debian has it, as the one who listens to routes.
func ExaBGP(h *Host, s Session) Peer {
	e := &exabgp{daemon{Host: h, Session: s, kind: "exabgp", env: exabgpEnv}}
	e.argv = []string{"/usr/sbin/exabgp", e.file("conf", e.config())}
	return e
}

// exabgp has no table to ask, so a helper writes its events to a file, and the
// table is made of them anew for each question.
type exabgp struct{ daemon }

func (e *exabgp) events() string { return fmt.Sprintf("%s/%s-exabgp.events", e.Dir, e.Short) }

// Start starts the daemon with no events of an earlier life.
func (e *exabgp) Start() {
	e.Helper()
	os.Remove(e.events())
	e.daemon.Start()
}

func (e *exabgp) config() string {
	// ExaBGP takes a helper for dead when nothing holds its end of the pipe.
	helper := e.file("helper", "#!/bin/sh\nexec cat 3>&1 >>"+e.events()+"\n")
	return fmt.Sprintf(`process events { run %s; encoder json; }
neighbor %s {
	router-id %s;
	local-address %s;
	local-as %d;
	peer-as %d;
	hold-time %d;
	%s%s
	family { ipv4 unicast; ipv6 unicast; }
	api { processes [ events ]; neighbor-changes; receive { parsed; update; } }
}
`, helper, e.Remote, RouterID, e.Local, e.LocalAS, e.RemoteAS, e.hold(),
		when(e.Password != "", "md5-password %q;", e.Password), when(e.Passive, "passive true; listen 179;"))
}

// exaEvent is one line of ExaBGP's JSON.
type exaEvent struct {
	Type     string
	Neighbor struct {
		State   string
		Message struct{ Update exaUpdate }
	}
}

type exaUpdate struct {
	Attribute exaAttributes
	Announce  map[string]map[string][]exaNLRI // family, next hop
	Withdraw  map[string][]exaNLRI            // family
}

type exaNLRI struct{ NLRI netip.Prefix }

type exaAttributes struct {
	Origin          string
	ASPath          []uint32 `json:"as-path"`
	MED             *uint32
	LocalPreference *uint32                   `json:"local-preference"`
	AtomicAggregate bool                      `json:"atomic-aggregate"`
	Aggregator      string                    `json:"aggregator"`
	Community       [][]uint32                `json:"community"`
	Large           [][]uint32                `json:"large-community"`
	Extended        []struct{ String string } `json:"extended-community"`
}

// replay makes the state of now out of all events.
func (e *exabgp) replay() (up bool, table map[netip.Prefix]Route) {
	text, _ := os.ReadFile(e.events())
	table = map[netip.Prefix]Route{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event exaEvent
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue // written half so far
		}
		switch event.Type {
		case "state":
			up = event.Neighbor.State == "up"
			if !up {
				clear(table)
			}
		case "update":
			event.Neighbor.Message.Update.apply(table)
		}
	}
	return up, table
}

func (u *exaUpdate) apply(table map[netip.Prefix]Route) {
	for _, list := range u.Withdraw {
		for _, n := range list {
			delete(table, n.NLRI)
		}
	}
	for _, hops := range u.Announce {
		for hop, list := range hops {
			for _, n := range list {
				table[n.NLRI] = u.Attribute.route(hop)
			}
		}
	}
}

func (a *exaAttributes) route(hop string) Route {
	r := Route{
		Origin: a.Origin, ASPath: numbers(a.ASPath, " "), MED: number(a.MED), LocalPref: number(a.LocalPreference),
		Atomic: a.AtomicAggregate, Aggregator: a.Aggregator,
	}
	r.NextHop, _ = netip.ParseAddr(hop)
	for _, c := range a.Community {
		r.Communities = append(r.Communities, numbers(c, ":"))
	}
	for _, c := range a.Large {
		r.Large = append(r.Large, numbers(c, ":"))
	}
	for _, c := range a.Extended {
		r.Extended = append(r.Extended, exaExtended(c.String))
	}
	return r.sorted()
}

// exaExtended undoes a quirk: ExaBGP 4 prints the last number of a route
// origin as an address, "origin:65001:0.0.0.8".
func exaExtended(text string) string {
	at := strings.LastIndexByte(text, ':')
	last, err := netip.ParseAddr(text[at+1:])
	if err != nil {
		return text
	}
	return fmt.Sprint(text[:at+1], binary.BigEndian.Uint32(last.AsSlice()))
}

func (e *exabgp) Established() bool {
	up, _ := e.replay()
	return up
}

func (e *exabgp) Route(p netip.Prefix) (Route, bool) {
	_, table := e.replay()
	r, ok := table[p]
	return r, ok
}
