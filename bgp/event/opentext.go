package event

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
)

// textOpen appends an OPEN with its capabilities in the order of their codes.
func textOpen(b []byte, o *wire.Open) []byte {
	cs := slices.Clone(o.Capabilities)
	slices.SortStableFunc(cs, func(a, b capability.Capability) int { return int(a.Code) - int(b.Code) })
	b = fmt.Appendf(b, "open version %d asn %d hold_time %d router_id %s capabilities [", o.Version, o.AS, o.HoldTime/time.Second, o.ID)
	for sep := ""; len(cs) > 0; sep = ", " {
		n := 1
		for n < len(cs) && cs[n].Code == cs[0].Code {
			n++
		}
		b = append(append(b, sep...), textCapability(cs[:n])...)
		cs = cs[n:]
	}
	return append(b, ']')
}

// textCapability says one that is there as often as cs says, in ExaBGP's words.
func textCapability(cs []capability.Capability) string {
	c := cs[len(cs)-1]
	if !c.Valid() {
		return fmt.Sprintf("%s 0x%X malformed", c, c.Value)
	}
	switch c.Code {
	case capability.MultiProtocol:
		return "multiprotocol" + listed(cs, func(c capability.Capability) []string {
			v := c.Value
			return []string{spaced(bgp.MakeFamily(bgp.AFI(binary.BigEndian.Uint16(v)), bgp.SAFI(v[3])))}
		})
	case capability.RouteRefresh:
		return "route refresh"
	case capability.CiscoRefresh:
		return "cisco route refresh"
	case capability.ExtendedNextHop:
		return "nexthop" + listed(cs, hops)
	case capability.ExtendedMessage:
		return "extended message(65535)"
	case capability.GracefulRestart:
		return textRestart(c)
	case capability.ASN4:
		return fmt.Sprintf("asn4(%d)", binary.BigEndian.Uint32(c.Value))
	case capability.MultiSession, capability.CiscoMultiSession:
		return "multisession"
	case capability.AddPath:
		return "addpath" + listed(cs, paths)
	case capability.EnhancedRefresh:
		return "enhanced route refresh"
	case capability.HostName:
		host, domain := c.HostName()
		return fmt.Sprintf("hostname(%s %s)", host, domain)
	case capability.SoftwareVersion:
		return fmt.Sprintf("software version(%s)", c.Software())
	}
	if name := c.String(); !strings.HasPrefix(name, "capability ") {
		return name
	}
	return fmt.Sprintf("%s %d", registry(c.Code), c.Code)
}

// listed gives what each of them says, in parentheses.
func listed(cs []capability.Capability, say func(capability.Capability) []string) string {
	var all []string
	for _, c := range cs {
		if c.Valid() {
			all = append(all, say(c)...)
		}
	}
	return "(" + strings.Join(all, ",") + ")"
}

func hops(c capability.Capability) (all []string) {
	for _, h := range c.Hops() {
		all = append(all, spaced(h.Family)+" "+afiWord(h.AFI))
	}
	return all
}

func paths(c capability.Capability) (all []string) {
	for _, p := range c.Paths() {
		all = append(all, fmt.Sprintf("%s %s", p.Direction, spaced(p.Family)))
	}
	return all
}

// textRestart has the flags as the four bits that they are.
func textRestart(c capability.Capability) string {
	r := c.Restart()
	s := fmt.Sprintf("graceful restart flags 0x%x time %d", c.Value[0]>>4, r.Time/time.Second)
	for i, f := range r.Families {
		s += fmt.Sprintf(" %s=0x%02x", slashed(f.Family), c.Value[2+4*i+3])
	}
	return s
}

func spaced(f bgp.Family) string {
	afi, safi := f.Words()
	return afi + " " + safi
}
