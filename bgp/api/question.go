package api

import (
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/grammar"
)

// ask adds a question, in the form that the line ends with.
func (c *call) ask(q Question) error {
	c.endings()
	q.Text = c.text()
	c.alone = true
	c.add(Query).More = &More{Query: q}
	return nil
}

func (c *call) status() error   { return c.ask(Question{What: DaemonStatus}) }
func (c *call) queues() error   { return c.ask(Question{What: QueueStatus}) }
func (c *call) peerList() error { return c.ask(Question{What: ListPeers}) }

var details = map[string]Detail{"summary": Summary, "extensive": Extensive, "configuration": Configuration}

// showPeers reads "[ADDRESS] [summary|extensive|configuration]".
func (c *call) showPeers() error {
	q := Question{What: ShowPeers}
	for c.Peek() != "" && !c.ending() {
		if d := details[c.Peek()]; d != Plain {
			q.Detail = d
		} else if !c.peerAddress() {
			return c.wish("an address, summary, extensive, configuration, json or text")
		} else {
			continue
		}
		c.Next()
	}
	return c.ask(q)
}

// peerAddress takes the address of a peer, where none is named yet.
func (c *call) peerAddress() bool {
	a, err := netip.ParseAddr(c.Peek())
	if err != nil || c.peers != nil {
		return false
	}
	c.Next()
	c.peers = &Selector{terms: []term{{address: a}}}
	return true
}

// kinds of routes that ExaBGP has a word for.
var groups = map[string]func(bgp.Family) bool{
	"inet":  func(f bgp.Family) bool { return isInet(f) && !isFlow(f) },
	"flow":  isFlow,
	"l2vpn": func(f bgp.Family) bool { return f.AFI() == bgp.AFIL2VPN },
}

func isInet(f bgp.Family) bool { return f.AFI() == bgp.AFIIPv4 || f.AFI() == bgp.AFIIPv6 }
func isFlow(f bgp.Family) bool { return f.SAFI() == bgp.SAFIFlow || f.SAFI() == bgp.SAFIFlowVPN }

// showRIB reads "in|out [extensive] [inet|flow|l2vpn] [ADDRESS|PREFIX]", what is
// behind the first in any order.
func (c *call) showRIB() error {
	q := Question{What: ShowRIB, In: c.Peek() == "in"}
	if !q.In && c.Peek() != "out" {
		return c.wish("in or out")
	}
	for c.Next(); c.Peek() != ""; {
		w := c.Peek()
		if c.ending() {
			continue
		}
		p, err := grammar.ParsePrefix(w)
		switch group := groups[w]; {
		case w == "extensive":
			q.Detail = Extensive
		case group != nil:
			q.Families = append(q.Families, familiesWhere(group)...)
		case err == nil:
			q.Address = p
		default:
			return c.wish("extensive, inet, flow, l2vpn, an address, json or text")
		}
		c.Next()
	}
	return c.ask(q)
}

func familiesWhere(match func(bgp.Family) bool) (fs []bgp.Family) {
	for _, row := range family.Table {
		if match(row.Family) {
			fs = append(fs, row.Family)
		}
	}
	return fs
}

// afis are the words for address families.
var afis = map[bgp.AFI]string{bgp.AFIIPv4: "ipv4", bgp.AFIIPv6: "ipv6", bgp.AFIL2VPN: "l2vpn", bgp.AFIBGPLS: "bgp-ls"}

// familiesOf are a family, those of an address family, or nil: all.
func familiesOf(f bgp.Family, afi bgp.AFI) []bgp.Family {
	switch {
	case f != 0:
		return []bgp.Family{f}
	case afi != 0:
		return familiesWhere(func(f bgp.Family) bool { return f.AFI() == afi })
	}
	return nil
}
