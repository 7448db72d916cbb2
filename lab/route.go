package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Route is what a peer's table shows of a prefix, in the same words whoever
// the peer is. An attribute that is not there is empty.
type Route struct {
	NextHop     netip.Addr
	Origin      string // "igp", "egp", "incomplete"
	ASPath      string // "65001 65002"
	MED         string
	LocalPref   string
	Atomic      bool
	Aggregator  string   // "65001:192.0.2.1"
	Communities []string // "65001:1", sorted
	Large       []string // "65001:1:2", sorted
	Extended    []string // "target:65001:1", "origin:65001:1", sorted
}

// sorted brings the communities into one order, since each daemon has its own.
// None is nil.
func (r Route) sorted() Route {
	for _, list := range []*[]string{&r.Communities, &r.Large, &r.Extended} {
		if slices.Sort(*list); len(*list) == 0 {
			*list = nil
		}
	}
	return r
}

// number is a decimal of JSON, whether it came as an integer or as a float.
func number[N int | uint32 | float64](n *N) string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%d", int64(*n))
}

// numbers joins what a daemon gives as a list.
func numbers[N int | uint32](list []N, by string) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, by)
}

// extendedName is ExaBGP's word for what others call RT and SoO.
func extendedName(short string) string {
	switch strings.ToLower(short) {
	case "rt":
		return "target"
	case "ro", "soo":
		return "origin"
	}
	return short
}
