package event

import (
	"fmt"
	"strings"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
)

// appendCapabilities appends a member for each code. What comes several times is
// one member, as what it means is (RFC 5492 section 4).
func appendCapabilities(b []byte, cs []capability.Capability) []byte {
	var done [256]bool
	sep := ""
	for i, c := range cs {
		if done[c.Code] {
			continue
		}
		done[c.Code] = true
		var same []capability.Capability
		for _, d := range cs[i:] {
			if d.Code == c.Code {
				same = append(same, d)
			}
		}
		b = append(fmt.Appendf(append(b, sep...), `"%d": { `, c.Code), appendCapability(nil, same)...)
		b, sep = append(b, " }"...), ", "
	}
	return b
}

// appendCapability appends the members of one that is there as often as cs says.
func appendCapability(b []byte, cs []capability.Capability) []byte {
	c := cs[len(cs)-1]
	if !c.Valid() {
		return fmt.Appendf(b, `"name": "%s", "malformed": true, "raw": "%X"`, c, c.Value)
	}
	switch c.Code {
	case capability.MultiProtocol:
		b = append(b, `"name": "multiprotocol", "families": [ `...)
		return append(appendFamilies(b, cs), " ]"...)
	case capability.RouteRefresh:
		return append(b, `"name": "route-refresh", "variant": "RFC"`...)
	case capability.CiscoRefresh:
		return append(b, `"name": "route-refresh", "variant": "Cisco"`...)
	case capability.ExtendedNextHop:
		return appendHops(b, cs)
	case capability.ExtendedMessage:
		return append(b, `"name": "extended-message", "size": 65535`...)
	case capability.GracefulRestart:
		return appendRestart(b, c.Restart())
	case capability.ASN4:
		as, _ := capability.AS(cs)
		return fmt.Appendf(b, `"name": "asn4", "asn4": %d`, as)
	case capability.AddPath:
		return appendPaths(b, cs)
	case capability.HostName:
		host, domain := c.HostName()
		b = appendString(append(b, `"name": "hostname", "hostname": `...), host)
		return appendString(append(b, `, "domain": `...), domain)
	case capability.SoftwareVersion:
		return appendString(append(b, `"software": `...), c.Software())
	case capability.PathsLimit:
		return appendLimits(b, cs)
	case capability.MultiSession, capability.CiscoMultiSession:
		variant := map[bool]string{true: "RFC", false: "Cisco"}[c.Code == capability.MultiSession]
		return fmt.Appendf(b, `"name": "multisession", "variant": "%s", "capabilities": [ ]`, variant) // ExaBGP reads none
	}
	if name := c.String(); !strings.HasPrefix(name, "capability ") {
		return fmt.Appendf(b, `"name": "%s"`, name)
	}
	return fmt.Appendf(b, `"name": "unknown", "iana": "%s", "value": %d, "raw": "%X"`, registry(c.Code), c.Code, c.Value)
}

// registry is what ExaBGP holds that IANA's list says of a code without a name.
func registry(code uint8) string {
	switch {
	case code <= capability.EnhancedRefresh:
		return "unknown"
	case code < capability.CiscoRefresh:
		return "unassigned"
	}
	return "reserved"
}

func slashed(f bgp.Family) string {
	afi, safi := f.Words()
	return afi + "/" + safi
}

func appendFamilies(b []byte, cs []capability.Capability) []byte {
	sep := ""
	for _, c := range cs {
		if !c.Valid() {
			continue
		}
		f := bgp.MakeFamily(bgp.AFI(c.Value[0])<<8|bgp.AFI(c.Value[1]), bgp.SAFI(c.Value[3]))
		b = fmt.Appendf(b, `%s"%s"`, sep, slashed(f))
		sep = ", "
	}
	return b
}

func appendHops(b []byte, cs []capability.Capability) []byte {
	b = append(b, `"name": "nexthop", "conversion": [ `...)
	sep := ""
	for _, c := range cs {
		if !c.Valid() {
			continue
		}
		for _, h := range c.Hops() {
			b = fmt.Appendf(b, `%s"%s/%s"`, sep, slashed(h.Family), afiWord(h.AFI))
			sep = ", "
		}
	}
	return append(b, " ]"...)
}

func afiWord(a bgp.AFI) string {
	switch a {
	case bgp.AFIIPv4:
		return "ipv4"
	case bgp.AFIIPv6:
		return "ipv6"
	}
	return fmt.Sprintf("afi-%d", a)
}

// appendRestart has ExaBGP's words, which tell of each flag what the other means.
func appendRestart(b []byte, r capability.Restart) []byte {
	b = fmt.Appendf(b, `"name": "graceful restart", "time": %d, "address-family-flags": { `, r.Time/time.Second)
	for i, f := range r.Families {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, `"%s": [ `, slashed(f.Family))
		if f.Forwarding {
			b = append(b, `"restart" `...)
		}
		b = append(b, ']')
	}
	b = append(b, ` }, "restart-flags": [ `...)
	if r.Restarting {
		b = append(b, `"forwarding" `...)
	}
	return append(b, ']')
}

func appendPaths(b []byte, cs []capability.Capability) []byte {
	b = append(b, `"name": "addpath"`...)
	done := map[bgp.Family]bool{}
	for _, c := range cs {
		if !c.Valid() {
			continue
		}
		for _, p := range c.Paths() {
			if !done[p.Family] {
				b = fmt.Appendf(b, `, "%s": "%s"`, slashed(p.Family), p.Direction)
			}
			done[p.Family] = true
		}
	}
	return b
}

func appendLimits(b []byte, cs []capability.Capability) []byte {
	b = append(b, `"name": "paths-limit"`...)
	done := map[bgp.Family]bool{}
	for _, c := range cs {
		if !c.Valid() {
			continue
		}
		for _, l := range c.Limits() {
			if !done[l.Family] {
				b = fmt.Appendf(b, `, "%s": %d`, slashed(l.Family), l.Paths)
			}
			done[l.Family] = true
		}
	}
	return b
}
