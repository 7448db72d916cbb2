package ls

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"holdfast/bgp/nlri"
)

// AppendJSON appends the object with ExaBGP's names. In API version 4 the next
// hop stands in it, but for a link.
func (o Object) AppendJSON(b []byte, j *nlri.JSON) []byte {
	b = append(b, `{ "ls-nlri-type": "`...)
	for _, k := range kinds {
		if k.kind == o.Kind {
			b = append(b, k.json...)
		}
	}
	b = fmt.Appendf(b, `", "l3-routing-topology": %d, "protocol-id": %d, `, o.Identifier, o.Protocol)
	if o.Kind == Link {
		b = o.jsonLink(b)
	} else {
		b = o.jsonOfNode(b)
	}
	if o.VPN {
		b = o.RD.AppendJSON(append(b, `, "rd": `...))
	}
	if o.Kind != Link && j != nil && j.Legacy {
		if a, ok := netip.AddrFromSlice(j.NextHop[:min(len(j.NextHop), 16)]); ok {
			b = append(a.AppendTo(append(b, `, "nexthop": "`...)), '"')
		}
	}
	return append(nlri.AppendPathJSON(b, o.HasPath, o.PathID), " }"...)
}

func (o Object) jsonLink(b []byte) []byte {
	b = o.jsonNodes(append(b, `"local-node-descriptors": `...), codeLocal)
	b = o.jsonNodes(append(b, `, "remote-node-descriptors": `...), codeRemote)
	b = o.jsonList(append(b, `, "interface-addresses": `...), jsonEnd, codeIPv4Here, codeIPv6Here)
	b = o.jsonList(append(b, `, "neighbor-addresses": `...), jsonEnd, codeIPv4There, codeIPv6There)
	b = o.jsonList(append(b, `, "multi-topology-ids": `...), jsonTopologies, codeTopology)
	b = o.jsonList(append(b, `, "link-identifiers": `...), jsonLinkIDs, codeLinkIDs)
	return o.jsonOthers(b, codeLinkIDs, codeIPv4Here, codeIPv4There, codeIPv6Here, codeIPv6There, codeTopology)
}

// jsonOfNode appends what hangs on one router: itself, a prefix, a SID. Of what
// there should be once, the first counts.
func (o Object) jsonOfNode(b []byte) []byte {
	b = o.jsonNodes(append(b, `"node-descriptors": `...), codeLocal)
	var named []uint16
	for code, v := range tlvs(o.TLVs) {
		switch {
		case slices.Contains(named, code):
			continue
		case code == codePrefix:
			b = o.jsonReach(b, v)
		case code == codeRouteType && len(v) == 1:
			b = fmt.Appendf(b, `, "ospf-route-type": %d`, v[0])
		case code == codeSID && len(v) == 16:
			b = fmt.Appendf(b, `, "srv6-sid": "%s"`, address(v))
		case code == codeTopology:
			b = o.jsonList(append(b, `, "multi-topology-ids": `...), jsonTopologies, codeTopology)
		default:
			continue
		}
		named = append(named, code)
	}
	return o.jsonOthers(b, named...)
}

// jsonReach appends the prefix under both of ExaBGP's names.
func (o Object) jsonReach(b []byte, v string) []byte {
	p, ok := o.reach(v)
	if !ok {
		return fmt.Appendf(b, `, "ip-reachability-tlv": "0x%x"`, v)
	}
	return fmt.Appendf(b, `, "ip-reachability-tlv": "%s", "ip-reach-prefix": "%s"`, p, p)
}

// jsonOthers appends what has no name, but for the nodes: a list for each code.
func (o Object) jsonOthers(b []byte, told ...uint16) []byte {
	told = append(told, codeLocal, codeRemote)
	var codes []uint16 // in the order in which each came first
	lists := map[uint16][]byte{}
	for code, v := range tlvs(o.TLVs) {
		if slices.Contains(told, code) {
			continue
		}
		list, sep := lists[code], ", "
		if list == nil {
			codes, sep = append(codes, code), ""
		}
		lists[code], _ = jsonOctets(list, sep, v)
	}
	for _, code := range codes {
		b = append(append(fmt.Appendf(b, `, "tlv-%d": [ `, code), lists[code]...), " ]"...)
	}
	return b
}

func jsonOctets(b []byte, sep, v string) ([]byte, string) {
	return fmt.Appendf(b, `%s"0x%x"`, sep, v), ", "
}

// jsonNodes appends a list with an object for each descriptor.
func (o Object) jsonNodes(b []byte, which uint16) []byte {
	return o.jsonList(b, func(b []byte, sep, v string) ([]byte, string) {
		for code, v := range tlvs(v) {
			b = append(append(b, sep...), "{ "...)
			if row := find(nodeDescriptors, code); row != nil {
				b = row.json(b, v)
			} else {
				b = fmt.Appendf(b, `"tlv-%d": "0x%x"`, code, v)
			}
			b, sep = append(b, " }"...), ", "
		}
		return b, sep
	}, which)
}

// jsonList appends a list of what item appends for each TLV of the codes.
func (o Object) jsonList(b []byte, item func(b []byte, sep, v string) ([]byte, string), codes ...uint16) []byte {
	b = append(b, "[ "...)
	sep := ""
	for code, v := range tlvs(o.TLVs) {
		if slices.Contains(codes, code) {
			b, sep = item(b, sep, v)
		}
	}
	return append(b, " ]"...)
}

func jsonEnd(b []byte, sep, v string) ([]byte, string) {
	if len(v) != 4 && len(v) != 16 {
		return jsonOctets(b, sep, v)
	}
	return fmt.Appendf(b, `%s"%s"`, sep, address(v)), ", "
}

func jsonTopologies(b []byte, sep, v string) ([]byte, string) {
	for ; len(v) >= 2; v, sep = v[2:], ", " {
		b = strconv.AppendUint(append(b, sep...), (uint64(v[0])<<8|uint64(v[1]))&topologyMax, 10)
	}
	return b, sep
}

func jsonLinkIDs(b []byte, sep, v string) ([]byte, string) {
	if len(v) != 8 {
		return jsonOctets(b, sep, v)
	}
	return fmt.Appendf(b, `%s{ "link-local-id": %d, "link-remote-id": %d }`, sep, number(v), number(v[4:])), ", "
}

// member appends a number under a name, or a string of its digits.
func member(name string, quoted bool) func([]byte, string) []byte {
	return func(b []byte, v string) []byte {
		switch {
		case len(v) != 4:
			return fmt.Appendf(b, `"%s": "0x%x"`, name, v)
		case quoted:
			return fmt.Appendf(b, `"%s": "%d"`, name, number(v))
		}
		return fmt.Appendf(b, `"%s": %d`, name, number(v))
	}
}

func jsonArea(b []byte, v string) []byte { return jsonDotted(b, "ospf-area-id", v) }

func jsonBGPRouter(b []byte, v string) []byte { return jsonDotted(b, "bgp-router-id", v) }

func jsonDotted(b []byte, name, v string) []byte {
	if len(v) != 4 {
		return fmt.Appendf(b, `"%s": "0x%x"`, name, v)
	}
	return fmt.Appendf(b, `"%s": "%s"`, name, address(v))
}

// jsonRouterID tells OSPF's routers as addresses and those of IS-IS as digits;
// with the pseudonode's number they are seven octets.
func jsonRouterID(b []byte, v string) []byte {
	switch len(v) {
	case 4:
		return fmt.Appendf(b, `"router-id": "%s"`, address(v))
	case 8:
		return fmt.Appendf(b, `"router-id": "%s", "designated-router-id": "%s"`, address(v[:4]), address(v[4:]))
	case 7:
		return fmt.Appendf(b, `"router-id": "%x", "psn": "%d"`, v, v[6])
	}
	return fmt.Appendf(b, `"router-id": "%x"`, v)
}
