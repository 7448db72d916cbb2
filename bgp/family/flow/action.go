package flow

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
)

// action is a word that says what happens to packets: it becomes an extended
// community (RFC 8955 section 7).
type action struct {
	word, args, help string
	say              func(s grammar.Source, a *attr.Draft) error
}

var actions = []action{
	{"accept", "", "nothing happens to the packets", func(grammar.Source, *attr.Draft) error { return nil }},
	{"discard", "", "they are dropped", func(_ grammar.Source, a *attr.Draft) error { return a.AddExtended(attr.TrafficRate(0, 0)) }},
	{"rate-limit", "OCTETS [packets]", "so many octets a second pass, or packets", rateLimit},
	{"redirect", "ASN:NUMBER|ADDRESS:NUMBER|[ADDRESS]:NUMBER|ADDRESS", "they go into the VRF with this route target, or to this next hop", redirect},
	{"redirect-to-nexthop", "", "they go to the route's next hop (draft-simpson-idr-flowspec-redirect)", func(_ grammar.Source, a *attr.Draft) error {
		return a.AddExtended(attr.RedirectToNextHop(false))
	}},
	{"redirect-to-nexthop-ietf", "ADDRESS", "they go to this address (draft-ietf-idr-flowspec-redirect-ip)", redirectIETF},
	{"copy", "ADDRESS", "a copy of them goes to this next hop (draft-simpson-idr-flowspec-redirect)", func(s grammar.Source, a *attr.Draft) error {
		return toNextHop(s, a, true)
	}},
	{"mark", "0-63", "they get this DSCP", mark},
	{"action", "sample|terminal|sample-terminal", "they are sampled; no other specification is looked at", sample},
	{"interface-set", "[ transitive|non-transitive:input|output|input-output:ASN:GROUP … ]", "on which interfaces (draft-ietf-idr-flowspec-interfaceset)", interfaceSet},
}

// say takes an action.
func say(word string, s grammar.Source, a *attr.Draft) (bool, error) {
	for i := range actions {
		if actions[i].word == word {
			return true, actions[i].say(s, a)
		}
	}
	return false, nil
}

func rateLimit(s grammar.Source, a *attr.Draft) error {
	w, err := grammar.Value(s, "octets a second")
	if err != nil {
		return err
	}
	rate, err := strconv.ParseFloat(w, 32)
	if err != nil || rate < 0 || rate != rate {
		return grammar.Wish("octets a second", w)
	}
	rate = min(rate, mostRate)
	if s.Peek() == "packets" {
		s.Next()
		return a.AddExtended(attr.TrafficRatePackets(0, float32(rate)))
	}
	return a.AddExtended(attr.TrafficRate(0, float32(rate)))
}

// mostRate is the greatest rate that ExaBGP says.
const mostRate = 1e12

// redirect takes a route target, or an address that becomes the next hop.
func redirect(s grammar.Source, a *attr.Draft) error {
	if s.Peek() == "[" {
		s.Next()
		return redirect6(s, a)
	}
	if _, err := netip.ParseAddr(s.Peek()); err == nil {
		return toNextHop(s, a, false)
	}
	const want = "a route target like 65000:1 or an address"
	w, err := grammar.Value(s, want)
	if err != nil {
		return err
	}
	e, err := attr.ParseExtended("redirect:" + w)
	if err != nil {
		return grammar.Wish(want, w)
	}
	return a.AddExtended(e)
}

// redirect6 takes what follows a bracket: "2001:db8::1]:1", the VRF of an IPv6
// address specific route target (RFC 8956 section 6.1), or an address alone.
func redirect6(s grammar.Source, a *attr.Draft) error {
	ip, err := grammar.Addr(s)
	if err != nil {
		return err
	}
	if err := grammar.Expect(s, "]"); err != nil {
		return err
	}
	number, ok := strings.CutPrefix(s.Peek(), ":")
	if !ok {
		return hop(a, ip, false)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || !ip.Is6() {
		return grammar.Wish("a route target like [2001:db8::1]:1", fmt.Sprintf("[%s]:%s", ip, number))
	}
	s.Next()
	return a.AddExtendedIPv6(attr.RedirectIPv6(ip, uint16(n)))
}

// toNextHop takes the route's next hop.
func toNextHop(s grammar.Source, a *attr.Draft, copied bool) error {
	ip, err := grammar.Addr(s)
	if err != nil {
		return err
	}
	return hop(a, ip, copied)
}

func hop(a *attr.Draft, ip netip.Addr, copied bool) error {
	a.PutKnown(attr.NextHop, ip.AsSlice())
	return a.AddExtended(attr.RedirectToNextHop(copied))
}

func redirectIETF(s grammar.Source, a *attr.Draft) error {
	ip, err := grammar.Addr(s)
	if err != nil {
		return err
	}
	if ip.Is4() {
		return a.AddExtended(attr.RedirectToIP(ip, false))
	}
	return a.AddExtendedIPv6(attr.RedirectToIPv6(ip, false))
}

func mark(s grammar.Source, a *attr.Draft) error {
	n, err := grammar.Uint(s, 63)
	if err != nil {
		return err
	}
	return a.AddExtended(attr.TrafficMark(uint8(n)))
}

func sample(s grammar.Source, a *attr.Draft) error {
	const want = "sample, terminal or sample-terminal"
	w, err := grammar.Value(s, want)
	if err != nil {
		return err
	}
	switch w {
	case "sample":
		return a.AddExtended(attr.TrafficAction(true, false))
	case "terminal":
		return a.AddExtended(attr.TrafficAction(false, true))
	case "sample-terminal", "terminal-sample":
		return a.AddExtended(attr.TrafficAction(true, true))
	}
	return grammar.Wish(want, w)
}

func interfaceSet(s grammar.Source, a *attr.Draft) error {
	return grammar.Items(s, "an interface set like transitive:input:65000:1", func(w string) error {
		e, err := attr.ParseExtended("interface-set:" + w)
		if err != nil {
			return err
		}
		return a.AddExtended(e)
	})
}
